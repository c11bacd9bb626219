"""The table of metrics that administrators write down."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mock_services.backend.store import Ids, now
from mock_services.core.randomness import Randomness


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that was measured, of one tenant or of the whole platform."""

    id: uuid.UUID
    metric_type: str
    value: int
    tenant_id: uuid.UUID | None
    additional_data: dict[str, Any] | None
    created_at: datetime


class Metrics:
    """All metrics, oldest first. Of more than `max_metrics` the oldest is dropped."""

    def __init__(self, randomness: Randomness, max_metrics: int) -> None:
        self._ids = Ids(randomness)
        self._records: deque[Metric] = deque(maxlen=max_metrics)

    def clear(self) -> None:
        """Forget all metrics."""
        self._records.clear()

    def add(
        self, metric_type: str, value: int, tenant_id: uuid.UUID | None, additional_data: dict[str, Any] | None
    ) -> Metric:
        """Write a number down."""
        metric = Metric(self._ids.new("metrics"), metric_type, value, tenant_id, additional_data, now())
        self._records.append(metric)
        return metric

    def find(self, metric_type: str | None, since: datetime) -> list[Metric]:
        """Give the metrics of a type, or of all, since a moment; newest first."""
        return [
            metric
            for metric in reversed(self._records)
            if metric.created_at >= since and metric_type in (None, metric.metric_type)
        ]
