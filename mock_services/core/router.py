"""Finds the operation for a method and path in time that does not grow with the number of operations."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("fixed", "parameter", "routes")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.routes: dict[str, tuple[T, tuple[str, ...]]] = {}


class Router(Generic[T]):
    """A tree of path segments. A fixed segment wins over a parameter, and the search steps back where it must.

    A parameter stands for one segment or for its stem before a fixed suffix: `/Calls/{sid}.json` and `/Calls.json`
    can stand side by side. A template without parameters is found at once, without the tree.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._suffixes: set[str] = set()
        self._fixed: dict[tuple[str, str], T] = {}

    def add(self, method: str, path: str, route: T) -> None:
        """Add a route for `method` on the template `path`; raise `ValueError` if it is there already."""
        node, names = self._root, []
        for segment in path.strip("/").split("/") if path != "/" else []:
            if segment.startswith("{"):
                name, _, suffix = segment[1:].partition("}")
                names.append(name)
                if suffix:
                    self._suffixes.add(suffix)
                    node = node.fixed.setdefault("{}" + suffix, _Node())
                else:
                    node.parameter = node.parameter or _Node()
                    node = node.parameter
            else:
                node = node.fixed.setdefault(segment, _Node())
        if path.endswith("/") and path != "/":
            node = node.fixed.setdefault("", _Node())
        if method in node.routes:
            raise ValueError(f"{method} {path} is routed twice")
        node.routes[method] = (route, tuple(names))
        if not names:
            self._fixed[method, path] = route

    def find(self, method: str, path: str) -> tuple[T | None, dict[str, str], tuple[str, ...]]:
        """Give the route, the path's parameters and the methods that the path has (empty: no such path).

        A template that fits the path but lacks the method gives way to a less fixed one that has it.
        """
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed, {}, ()
        segments = path[1:].split("/") if path != "/" else []
        values: list[str] = []
        others: dict[str, None] = {}
        found = self._walk(self._root, method, segments, 0, values, others)
        if found is None:
            return None, {}, tuple(others)
        route, names = found
        return route, dict(zip(names, values, strict=True)), ()

    def _walk(
        self, node: _Node[T], method: str, segments: list[str], at: int, values: list[str], others: dict[str, None]
    ) -> tuple[T, tuple[str, ...]] | None:
        """Find the route; on the way, put the values of parameters and the methods that are not `method` together."""
        if at == len(segments):
            route = node.routes.get(method)
            if route is None:
                others.update(dict.fromkeys(node.routes))
            return route
        segment = segments[at]
        fixed = node.fixed.get(segment)
        if fixed is not None:
            found = self._walk(fixed, method, segments, at + 1, values, others)
            if found is not None:
                return found
        for suffix in self._suffixes:
            if segment.endswith(suffix) and len(segment) > len(suffix) and (stem := node.fixed.get("{}" + suffix)):
                values.append(segment[: -len(suffix)])
                found = self._walk(stem, method, segments, at + 1, values, others)
                if found is not None:
                    return found
                values.pop()
        if node.parameter is not None and segment:
            values.append(segment)
            found = self._walk(node.parameter, method, segments, at + 1, values, others)
            if found is not None:
                return found
            values.pop()
        return None
