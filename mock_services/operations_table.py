"""Writes `docs/operations.md`, what every double serves, from the code: `python -m mock_services.operations_table`.

With `--check` nothing is written, and a page that the code has left behind is an error.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings as BackendSettings
from mock_services.core.command_line import Parser
from mock_services.core.operations import Operation
from mock_services.core.service import Service, SocketHandler
from mock_services.twilio.app import build as build_twilio
from mock_services.vendors.app import VENDORS

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "operations.md"
LAB: Final = "the lab's own"
SHARED: Final = "On every double"
INTRODUCTION: Final = """\
# What the doubles serve

Every operation and socket of each double. This page is generated from the code and a test holds it to that; after a
change of either, write it anew:

```sh
python -m mock_services.operations_table
```

What is not the vendor's, or in the backend's case the platform's, is marked as the lab's own. What a double does with
an operation, and what it leaves out, is on its own page.
"""


class Row(NamedTuple):
    """One operation or socket, as the page shows it."""

    method: str
    path: str
    summary: str
    ours: bool
    """Whether the lab added it to the service that it stands in for."""


def doubles() -> Mapping[str, Service]:
    """Give every double by its name, made from the environment as its process makes it."""
    vendors = {vendor: build() for vendor, build in VENDORS.items()}
    return {"backend": Backend(BackendSettings()), "twilio": build_twilio(), **vendors}


def rows(service: Service) -> list[Row]:
    """Give what a double serves, in the order in which it lists it; the lab's own comes last."""
    return [
        *(_operation(each, ours=each.extension) for each in service.operations),
        *(_socket(*each, ours=False) for each in service.sockets),
        *(_operation(each, ours=True) for each in service.admin.operations),
        *(_socket(*each, ours=True) for each in service.admin_sockets),
    ]


def page(services: Mapping[str, Service]) -> str:
    """Write the page: how many of each, one table a double, and at the end what all of them have."""
    tables = {name: rows(service) for name, service in services.items()}
    shared = [row for row in next(iter(tables.values())) if all(row in table for table in tables.values())]
    own = {name: [row for row in table if row not in shared] for name, table in tables.items()}
    parts = [INTRODUCTION, "\n".join(_counts(own)) + "\n"]
    parts += ["\n".join(_section(name, table)) + "\n" for name, table in {**own, SHARED: shared}.items()]
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> None:
    """Write the page or check it; exits with 1 where it is not what the code says."""
    parser = Parser(prog="python -m mock_services.operations_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")
    text = page(doubles())
    if not parser.parse_args(arguments).check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is not what the code says; run `python -m mock_services.operations_table`")


def _operation(operation: Operation, *, ours: bool) -> Row:
    return Row(operation.method, operation.path, operation.summary, ours)


def _socket(path: str, handler: SocketHandler, *, ours: bool) -> Row:
    """Describe a socket by the first sentence of what its handler's docstring says."""
    words = " ".join((inspect.getdoc(handler) or "").split())
    return Row("WS", path, words.partition(". ")[0], ours)


def _counts(tables: Mapping[str, Iterable[Row]]) -> Iterator[str]:
    yield "| double | operations | sockets | the lab's own |"
    yield "| --- | --- | --- | --- |"
    for name, table in tables.items():
        of_service = [row for row in table if not row.ours]
        sockets = sum(row.method == "WS" for row in of_service)
        ours = sum(row.ours for row in table)
        yield f"| [{name}](#{name}) | {len(of_service) - sockets} | {sockets} | {ours} |"


def _section(name: str, table: Iterable[Row]) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield "| method | path | what it does | |"
    yield "| --- | --- | --- | --- |"
    for row in table:
        summary = row.summary.removesuffix(".").replace("|", "\\|")
        yield f"| {row.method} | `{row.path}` | {summary} | {LAB if row.ours and name != SHARED else ''} |"


if __name__ == "__main__":
    main()
