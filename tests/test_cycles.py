"""No module, and no package beside another, imports itself in a circle; `test_layers` says which may import which."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("locust", "mock_services", "scripts", "grafana", "compose")
ON_THE_PATH = ("locust", "scripts")
"""Their modules are imported without the folder's name."""

Modules = Mapping[str, PurePath]
Imports = Mapping[PurePath, set[PurePath]]


def modules() -> Modules:
    """The files by the names that they are imported by."""
    found = {}
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            place = path.relative_to(ROOT)
            inside = place.parts[1:] if part in ON_THE_PATH else place.parts
            found[".".join(inside).removesuffix(".py").removesuffix(".__init__")] = place
    return found


def imported(path: PurePath, known: Modules) -> Iterator[PurePath]:
    """The files that one imports, inside functions too, and for the type checker alone."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        yield from (known[name] for name in names if name in known and known[name] != path)


def all_imports() -> Imports:
    known = modules()
    return {path: set(imported(path, known)) for path in known.values()}


IMPORTS = all_imports()


def cycle_in(graph: Mapping[PurePath, Iterable[PurePath]]) -> list[PurePath]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_part_is_read() -> None:
    assert {path.parts[0] for path in IMPORTS} == set(PARTS)
    assert PurePath("mock_services/core/journal.py") in IMPORTS[PurePath("mock_services/core/service.py")]
    assert PurePath("locust/metrics/run.py") in IMPORTS[PurePath("locust/metrics/page.py")]


def test_a_cycle_is_found() -> None:
    a, b, c = map(PurePath, "abc")
    assert cycle_in({a: [b], b: [c], c: [b]}) in ([b, c, b], [c, b, c])
    assert cycle_in({a: [b, c], b: [c]}) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    assert cycle_in(IMPORTS) == []


def test_no_package_imports_one_beside_it_in_a_circle() -> None:
    beside: dict[PurePath, set[PurePath]] = defaultdict(set)
    for path, others in IMPORTS.items():
        for other in others:
            for one, two in zip(path.parents[::-1][1:], other.parents[::-1][1:], strict=False):
                if one != two:
                    beside[one].add(two)
                    break
    assert cycle_in(beside) == []
