"""What a target offers, read from its OpenAPI document: the suite calls nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

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
        found = cls(
            f"{method.upper()} {path}"
            for path, item in paths.items()
            if isinstance(item, Mapping)
            for method in item
            if method.upper() in METHODS
        )
        if not found.offers("POST /api/auth/login"):
            raise NotThePlatform("its /openapi.json lists no POST /api/auth/login")
        return found

    def beside(self, *operations: str) -> Capabilities:
        """The same, and these too: what the lab's own doubles offer."""
        return Capabilities([*self._operations, *operations])

    def offers(self, *operations: str) -> bool:
        """Tell whether the target has all these operations (`GET /api/crm/contacts/{id}`)."""
        return all(_normal(operation) in self._operations for operation in operations)

    def missing(self, operations: Iterable[str]) -> list[str]:
        """Those of the operations that the target lacks, in order."""
        return [operation for operation in operations if not self.offers(operation)]

    def listed(self) -> list[str]:
        """All operations, for a message to a worker."""
        return sorted(self._operations)


def _normal(operation: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", operation)
