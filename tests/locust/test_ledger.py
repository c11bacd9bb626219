"""A run's ledger: written ahead, without passwords, locked while the run goes on, and of no use once all is removed."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.suite_lab import SUITE, clean_environment
from utils.ledger import KEY, LEDGER, Ledger, LedgerError, password_for, read_ledger
from utils.leftovers import directory_of


def ledger_in(directory: Path) -> Ledger:
    return Ledger(directory, "http://127.0.0.1:1", None, None)


def test_what_was_noted_is_read_back_with_the_passwords_that_follow_from_the_key(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path / "run")
    ledger.organisation("run", "run-run-1", "admin@x.example.com")
    ledger.person("run", "user@x.example.com")
    password = ledger.password("user@x.example.com")
    ledger.close(all_removed=False)
    record = read_ledger(tmp_path / "run")
    assert record is not None
    assert [one["subdomain"] for one in record.organisations] == ["run-run-1"]
    assert [password_for(record.key, one["email"]) for one in record.people] == [password]
    assert len(password) >= 8
    assert password != password_for(record.key, "admin@x.example.com")


def test_the_key_is_its_owners_alone_and_no_password_is_written(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.person("run", "user@x.example.com")
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert ledger.password("user@x.example.com") not in (tmp_path / LEDGER).read_text()
    ledger.close(all_removed=False)


def test_two_runs_with_the_same_name_share_no_password(tmp_path: Path) -> None:
    one, other = (ledger_in(tmp_path / name) for name in ("one", "other"))
    assert one.password("a@x.example.com") != other.password("a@x.example.com")
    one.close(all_removed=False)
    other.close(all_removed=False)


def test_a_line_that_was_not_finished_is_left_out(tmp_path: Path) -> None:
    ledger_in(tmp_path).close(all_removed=False)
    with (tmp_path / LEDGER).open("a") as file:
        file.write('{"made": "person", "ma')
    record = read_ledger(tmp_path)
    assert record is not None
    assert record.people == []


def test_a_run_that_goes_on_is_not_cleaned_up(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path / "busy")
    with pytest.raises(LedgerError, match="The run busy is still under way"):
        read_ledger(tmp_path / "busy")
    ledger.close(all_removed=False)
    assert read_ledger(tmp_path / "busy") is not None


def test_a_complete_clean_up_leaves_no_way_in(tmp_path: Path) -> None:
    ledger_in(tmp_path).close(all_removed=True)
    assert not (tmp_path / KEY).exists()
    assert read_ledger(tmp_path) is None


@pytest.mark.parametrize("run_id", ["../elsewhere", "/etc", ".", "..", "a/b"])
def test_a_path_to_somewhere_else_is_no_run(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(LedgerError, match="is no run"):
        directory_of(tmp_path, run_id)


@pytest.mark.parametrize(
    ("arguments", "words"), [(["nobody"], "There is no run 'nobody'"), ([], "RUN_ID"), (["a", "b"], "b")]
)
def test_wrong_usage_is_one_sentence_and_3(tmp_path: Path, arguments: list[str], words: str) -> None:
    environment = clean_environment(LAB_RESULTS_DIR=str(tmp_path))
    command = [sys.executable, "-m", "utils.leftovers", *arguments]
    done = subprocess.run(command, cwd=SUITE, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
