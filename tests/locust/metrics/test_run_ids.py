"""Runs of a process have names that no run before them has."""

from pathlib import Path

import pytest

from metrics.run_ids import RunIds


def test_the_first_run_is_named_as_told_and_the_next_by_number(tmp_path: Path) -> None:
    ids = RunIds(tmp_path, "mine")
    assert [ids.upcoming(), ids.take(), ids.take(), ids.take()] == ["mine", "mine", "mine-2", "mine-3"]


@pytest.mark.parametrize("left", ["verdict.json", "outbox"])
def test_a_name_that_a_run_has_left_something_under_is_not_used_again(tmp_path: Path, left: str) -> None:
    for name in ("mine", "mine-2"):
        (tmp_path / name / left).mkdir(parents=True)
    assert RunIds(tmp_path, "mine").take() == "mine-3"


@pytest.mark.parametrize("left", ["verdict.json", "outbox"])
def test_a_name_that_was_asked_for_and_has_a_run_is_told(tmp_path: Path, left: str) -> None:
    ids = RunIds(tmp_path, "mine")
    assert ids.refused is None
    (tmp_path / "mine" / left).mkdir(parents=True)
    assert ids.refused == "mine"


def test_a_time_as_a_name_is_taken_anew_for_each_start_on_the_page(tmp_path: Path) -> None:
    ids = RunIds(tmp_path, "20261126-195433-abcd")
    ids.on_page = True
    first, second = ids.take(), ids.take()
    assert first != second
    assert "20261126-195433-abcd" not in (first, second)
