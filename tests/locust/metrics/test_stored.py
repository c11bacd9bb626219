"""A run's histograms come back from their file as they were, and anything else is refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.recorder import Cell, Endpoint
from metrics.stored import StoredRun, StoredRunError, read_stored_run

micros = st.integers(0, 10**11)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    cell = Cell()
    cell.requests = draw(st.integers(1, 1000))
    cell.failures = draw(st.integers(0, cell.requests))
    cell.outcomes = {"ok": cell.requests - cell.failures, "http_5xx": cell.failures}
    for value in draw(st.lists(micros, max_size=20)):
        cell.latency.record(value)
    if draw(st.booleans()):
        cell.intended = Cell().latency
        cell.intended.record(draw(micros))
    return cell


@given(endpoints=st.dictionaries(st.tuples(st.text(), st.text()), cells(), max_size=5))
def test_what_was_stored_comes_back(tmp_path_factory: pytest.TempPathFactory, endpoints: dict[Endpoint, Cell]) -> None:
    path = tmp_path_factory.mktemp("stored") / "histograms.json"
    path.write_text(StoredRun("run-1", 7, 30.1234, endpoints).to_json(), encoding="utf-8")
    found = read_stored_run(path)
    assert (found.run_id, found.seed, found.duration_s) == ("run-1", 7, 30.123)
    assert {key: cell.encode() for key, cell in found.endpoints.items()} == {
        key: cell.encode() for key, cell in endpoints.items()
    }
    assert read_stored_run(path.parent).run_id == "run-1", "a run's directory stands for its file"


GOOD: dict[str, Any] = json.loads(StoredRun("r", 7, 1, {("GET", "/x"): Cell()}).to_json())
ENTRY: dict[str, Any] = GOOD["endpoints"][0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, r"there is no .*histograms\.json: name a run's directory"),
        ("{", "is not JSON"),
        ("[]", "of version 1"),
        (json.dumps(GOOD | {"version": 2}), "of version 1"),
        (json.dumps({"version": 1}), "KeyError"),
        (json.dumps(GOOD | {"endpoints": [1]}), "TypeError"),
        (json.dumps(GOOD | {"endpoints": [ENTRY | {"latency": [1]}]}), "a histogram is a list"),
        (json.dumps(GOOD | {"endpoints": [ENTRY | {"failures": 3}]}), "3 failures in 0 requests"),
    ],
)
def test_what_is_no_stored_run_is_refused_in_one_sentence(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "histograms.json").write_text(content)
    with pytest.raises(StoredRunError, match=says) as caught:
        read_stored_run(tmp_path)
    assert "\n" not in str(caught.value)
