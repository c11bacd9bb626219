"""What a target offers, read from its OpenAPI document: the suite calls nothing else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

OPTIONAL_FIELDS = {"POST /api/calendar/events": ("recurrence_rule",)}
"""Fields of JSON bodies that only some targets know; one that is known is offered as `METHOD /path field`."""

ALIKE = 0.93
"""From here on two operations differ by a letter or two, of `difflib`'s 0 (nothing in common) to 1 (the same)."""

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class NotThePlatform(ValueError):
    """A document that is no OpenAPI document, or not the platform's."""


class Capabilities:
    """The operations of a target as `METHOD /path`; what placeholders are called does not matter."""

    def __init__(self, operations: Iterable[str]) -> None:
        self._operations = frozenset(_normal(operation) for operation in operations)

    @classmethod
    def read(cls, document: Any) -> Capabilities:
        """The operations of an OpenAPI document; raise NotThePlatform when it lists no login."""
        paths = document.get("paths") if isinstance(document, Mapping) else None
        if not isinstance(paths, Mapping):
            raise NotThePlatform("its /openapi.json is no OpenAPI document")
        operations = {
            f"{method.upper()} {path}": operation
            for path, item in paths.items()
            if isinstance(item, Mapping)
            for method, operation in item.items()
            if method.upper() in METHODS
        }
        known_fields = [
            f"{operation} {name}"
            for operation, names in OPTIONAL_FIELDS.items()
            for name in names
            if operation in operations and name in _body_fields(document, operations[operation])
        ]
        found = cls([*operations, *known_fields])
        if not found.offers("POST /api/auth/login"):
            raise NotThePlatform("its /openapi.json lists no POST /api/auth/login")
        return found

    def beside(self, *operations: str) -> Capabilities:
        """The same, and these too: what the lab's own doubles offer."""
        return Capabilities([*self._operations, *operations])

    def offers(self, *operations: str) -> bool:
        """Tell whether the target has all these operations (`GET /api/crm/contacts/{id}`), or `OPTIONAL_FIELDS`."""
        return all(_normal(operation) in self._operations for operation in operations)

    def missing(self, operations: Iterable[str]) -> list[str]:
        """Those of the operations that the target lacks, in order."""
        return [operation for operation in operations if not self.offers(operation)]

    def lacks(self, operations: Iterable[str]) -> list[str]:
        """Those that the target lacks, each with the one that it has and that differs by a slip of the pen, if any."""
        return [self._with_nearest(operation) for operation in self.missing(operations)]

    def _with_nearest(self, operation: str) -> str:
        method = operation.partition(" ")[0]
        alike = [offered for offered in self.listed() if offered.partition(" ")[0] == method]
        nearest = difflib.get_close_matches(_normal(operation), alike, n=1, cutoff=ALIKE)
        return f"{operation} (it has {nearest[0]})" if nearest else operation

    def listed(self) -> list[str]:
        """All operations, for a message to a worker."""
        return sorted(self._operations)


def _normal(operation: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", operation)


def _body_fields(document: Mapping[str, Any], operation: Any) -> frozenset[str]:
    """The names of the fields of an operation's JSON body; none where the document does not say them."""
    try:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return frozenset(schema["properties"])
    except (KeyError, TypeError, AttributeError):
        return frozenset()
