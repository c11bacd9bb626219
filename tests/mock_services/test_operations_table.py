"""`docs/operations.md` is what the doubles serve."""

import re
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.websockets import WebSocket

from mock_services import operations_table
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.service import Service
from mock_services.deepgram.errors import DeepgramErrors
from mock_services.operations_table import PAGE, doubles, page, rows

DOUBLES = doubles()


def test_the_page_is_what_the_code_serves() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(DOUBLES), "run `python -m mock_services.operations_table`"


@pytest.mark.parametrize("name", list(DOUBLES))
def test_everything_that_is_served_says_what_it_does(name: str) -> None:
    assert [row for row in rows(DOUBLES[name]) if not row.summary] == []


def test_the_page_shows_every_path_of_every_vendor() -> None:
    shown = re.findall(r"^\| ([A-Z]+) \| `(/[^`]*)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    for double in DOUBLES.values():
        assert {(operation.method, operation.path) for operation in double.operations} <= set(shown)
        assert {("WS", path) for path, _ in double.sockets} <= set(shown)


async def _answer(exchange: Exchange) -> Response:
    return json_response({})


async def _converse(websocket: WebSocket) -> None:
    """Talk about
    anything. With a second sentence."""


def test_a_row_says_whose_it_is_and_a_socket_speaks_by_its_docstring() -> None:
    theirs = Operation(method="GET", path="/v1/a", handler=_answer, summary="Give a | or b.")
    ours = Operation(method="GET", path="/v1/b", handler=_answer, summary="Give more", extension=True)
    extra = Operation(method="GET", path="/__lab/c", handler=_answer, summary="Give c")
    first = Service(
        "first", [theirs, ours], DeepgramErrors(), sockets=[("/v1/talk", _converse)], admin_operations=[extra]
    )
    written = page({"first": first, "second": Service("second", [], DeepgramErrors())})
    assert "| [first](#first) | 1 | 1 | 2 |\n| [second](#second) | 0 | 0 | 0 |" in written
    assert r"| GET | `/v1/a` | Give a \| or b |  |" in written
    assert "| GET | `/v1/b` | Give more | the lab's own |" in written
    assert "| WS | `/v1/talk` | Talk about anything |  |" in written
    assert "| GET | `/__lab/c` | Give c | the lab's own |" in written
    assert written.index("## On every double") < written.index("/__lab/health")
    assert written.count("/__lab/health") == 1


def test_a_page_that_the_code_has_left_behind_is_found_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations_table, "PAGE", tmp_path / "operations.md")
    with pytest.raises(SystemExit, match=r"operations\.md is not what the code says; run `python -m"):
        operations_table.main(["--check"])
    operations_table.main([])
    operations_table.main(["--check"])
    assert (tmp_path / "operations.md").read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")
