"""docs/points.md is what the code lists, and what is not listed is found in what a run writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics import points_table
from metrics.lines import line
from metrics.points import MEASUREMENTS, read, strange_in, unwritten
from metrics.points_table import PAGE, page


def test_the_page_is_what_the_code_lists() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `PYTHONPATH=locust python -m metrics.points_table`"


def test_the_page_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_table, "PAGE", tmp_path / "points.md")
    points_table.main()
    assert (tmp_path / "points.md").read_text(encoding="utf-8") == page()


def test_no_name_is_listed_twice() -> None:
    names = [measurement.name for measurement in MEASUREMENTS]
    assert len(names) == len(set(names))
    for measurement in MEASUREMENTS:
        fields = [field.name for field in measurement.fields]
        assert len(fields) == len(set(fields)), measurement.name


def test_a_line_is_read_whatever_its_names_and_texts_hold() -> None:
    written = line("events", {"run_id": "a b,c=d", "kind": "x"}, {"text": 'a "b", c=1i d', "tags": "e", "n": 1}, 5)
    assert read(written) == ("events", {"run_id", "kind"}, {"text": "text", "tags": "text", "n": "int"})


@pytest.mark.parametrize(
    ("written", "strange"),
    [
        ("outcomes,run_id=r,type=GET,name=/a,area=crm,outcome=ok count=1i,count_total=1i 1", ""),
        ("newcomer,run_id=r v=1i 1", "the measurement newcomer is not listed"),
        ("overall,run_id=r,worker=1 count=1i 1", "overall has the tags ['run_id', 'worker']"),
        ("overall,run_id=r count=1.0 1", "overall has the field count as float, and it is listed as int"),
        ("overall,run_id=r p42=1.0 1", "overall has the field p42 as float, and it is listed as None"),
    ],
)
def test_what_is_not_listed_is_named(written: str, strange: str) -> None:
    assert strange_in(written) == strange


def test_what_no_run_writes_any_more_is_named() -> None:
    missing = unwritten(["turns,run_id=r count=1i 1", "workers,run_id=r,worker=1 cpu=1.0 1"])
    assert "turns.avg" in missing
    assert "workers.rss" in missing
    assert "turns.own_avg" not in missing, "a run may have none"
    assert "overall" in missing
    assert "postgres" not in missing, "likewise"
