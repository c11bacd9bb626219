"""Dependencies point one way, as docs/architecture.md says, and suite and doubles know nothing of one another."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SUITE = {
    "metrics": set[str](),
    "configs": {"metrics"},
    "utils": {"configs", "metrics"},
    "clients": {"configs", "utils"},
    "scenarios": {"clients", "configs", "metrics", "utils"},
}
DOUBLES = {path.name for path in (ROOT / "mock_services").iterdir() if (path / "__init__.py").exists()}
STUBS = DOUBLES - {"core", "backend", "twilio", "sentinel", "vendors"}


def imported(file: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def imported_by(package: Path) -> set[str]:
    """The modules that the files of a package import."""
    files = list(package.rglob("*.py"))
    assert files
    return set().union(*map(imported, files))


@pytest.mark.parametrize("package", SUITE)
def test_a_package_of_the_suite_imports_only_those_below_it(package: str) -> None:
    known = {module.split(".")[0] for module in imported_by(ROOT / "locust" / package)}
    assert known & SUITE.keys() <= SUITE[package] | {package}
    assert not known & {"mock_services", "grafana", "locallab", "compose"}


@pytest.mark.parametrize("package", sorted(DOUBLES))
def test_a_double_imports_only_what_all_share(package: str) -> None:
    modules = imported_by(ROOT / "mock_services" / package)
    others = {module.split(".")[1] for module in modules if module.startswith("mock_services.")} - {package}
    allowed = {"core": set[str](), "vendors": {"core"} | STUBS}
    assert others <= allowed.get(package, {"core"})
    assert not {module.split(".")[0] for module in modules} & {"locust", "grafana", "locallab", *SUITE}


def test_the_map_says_the_same() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `locust/")]
    assert {
        name.strip(" `").removeprefix("locust/"): set(re.findall(r"`(\w+)`", below)) for name, below in rows
    } == SUITE
