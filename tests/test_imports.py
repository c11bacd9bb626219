"""Which part of the lab may import which: dependencies point one way, and there is no circle of modules or packages."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("locust", "mock_services", "scripts", "grafana", "compose")
ON_THE_PATH = ("locust", "scripts")
"""Their modules are imported without the folder's name."""
LAYERS = ("metrics", "configs", "utils", "clients", "scenarios")
"""Of the suite: each imports itself and what stands before it."""

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


def edges(of: tuple[str, ...]) -> set[tuple[str, str]]:
    """Which of these folders at the top imports which other."""
    ends = {(path.parts[0], other.parts[0]) for path, others in IMPORTS.items() for other in others}
    return {(one, other) for one, other in ends if one in of and one != other}


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


def test_the_suite_and_the_doubles_do_not_know_each_other() -> None:
    assert edges(("locust", "mock_services", "grafana", "compose")) == set()


def test_scripts_know_the_suite_and_the_doubles() -> None:
    assert edges(("scripts",)) == {("scripts", "locust"), ("scripts", "mock_services")}


@pytest.mark.parametrize(("place", "layer"), list(enumerate(LAYERS)))
def test_a_layer_of_the_suite_imports_none_above_it(place: int, layer: str) -> None:
    above = {PurePath("locust") / name for name in LAYERS[place + 1 :]}
    for path, others in IMPORTS.items():
        if path.is_relative_to(PurePath("locust") / layer):
            assert [other for other in others if above & {*other.parents}] == [], path
