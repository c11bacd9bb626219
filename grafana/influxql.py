"""The query type that the Grafana SDK lacks: InfluxQL, as Grafana's InfluxDB data source stores it in a dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models.common import DataSourceRef

DATASOURCE = DataSourceRef(type_val="influxdb", uid="influxdb")
"""The data source of grafana/provisioning/datasources/influxdb.yml."""


@dataclass(frozen=True)
class InfluxQuery(variants.Dataquery, builder.Builder[variants.Dataquery]):
    """One InfluxQL query: `alias` names its series, `table` asks for one table instead of series."""

    query: str
    ref_id: str = "A"
    alias: str = ""
    table: bool = False

    def build(self) -> Self:
        """Itself: the SDK's builders take builders."""
        return self

    def to_json(self) -> dict[str, object]:
        """The fields of Grafana's own query editor, in its text mode."""
        fields: dict[str, object] = {
            "refId": self.ref_id,
            "datasource": DATASOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
        }
        return fields | ({"alias": self.alias} if self.alias else {})


@dataclass(frozen=True)
class AnnotationQuery(variants.Dataquery, builder.Builder[variants.Dataquery]):
    """An InfluxQL query whose rows are events: their text and their tags stand in the named columns."""

    query: str
    text_column: str
    tags_column: str

    def build(self) -> Self:
        """Itself: the SDK's builders take builders."""
        return self

    def to_json(self) -> dict[str, object]:
        """The fields that the data source's annotation support reads."""
        return {
            "refId": "Anno",
            "datasource": DATASOURCE,
            "query": self.query,
            "rawQuery": True,
            "textEditor": True,
            "fromAnnotations": True,
            "textColumn": self.text_column,
            "tagsColumn": self.tags_column,
        }
