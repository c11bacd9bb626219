"""Every command keeps its answer where nobody reads all of it, and says in one sentence that it cannot be written."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")
COMMANDS = ["smoke", "lab", "doctor", "compare", "cleanup", "replay"]
CANNOT = "what is printed cannot be written: No space left on device; send it to another place\n"


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """A pipe whose reader has gone, as `head` goes once it has its lines."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def gate(tmp_path: Path, average: float) -> list[str]:
    """The gate on a CSV of so many ms on average, of which 2000 may be."""
    stats = tmp_path / "run_stats.csv"
    columns = "Type,Name,Request Count,Failure Count,Average Response Time,95%"
    stats.write_text(f"{columns}\n,Aggregated,1000,2,{average},40\n")
    return [sys.executable, "-I", "-S", str(ROOT / "scripts" / "check_results.py"), str(stats)]


def run(command: list[str], output: int) -> tuple[int, str]:
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=ROOT)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("average", "code"), [(12, 0), (2001, 1)])
def test_the_answer_is_the_same_where_the_reader_has_gone(
    tmp_path: Path, closed_pipe: int, average: float, code: int
) -> None:
    assert run(gate(tmp_path, average), closed_pipe) == (code, "")


@pytest.mark.parametrize(("average", "code"), [(12, 3), (2001, 1)])
def test_a_pass_that_could_not_be_said_is_none(tmp_path: Path, average: float, code: int) -> None:
    with FULL.open("wb") as full:
        assert run(gate(tmp_path, average), full.fileno()) == (code, CANNOT)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_that_what_it_prints_cannot_be_written(name: str) -> None:
    with FULL.open("wb") as full:
        code, said = run([str(ROOT / "scripts" / name), "--help"], full.fileno())
    assert (code, said[-len(CANNOT) :]) == (3, CANNOT)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_ends_quietly_where_the_reader_has_gone(name: str, closed_pipe: int) -> None:
    code, said = run([str(ROOT / "scripts" / name), "--help"], closed_pipe)
    assert code == 0
    assert "Error" not in said


def test_sentences_that_nobody_hears_leave_the_code_as_it_is(closed_pipe: int) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "check_results.py"), "/nowhere.csv"]
    done = subprocess.run(command, stdout=closed_pipe, stderr=closed_pipe, timeout=60, check=False)
    assert done.returncode == 3


def test_an_output_that_was_closed_before_is_none(tmp_path: Path) -> None:
    command = " ".join(gate(tmp_path, 12))
    done = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_line_is_seen_at_once_where_python_is_to_buffer_nothing() -> None:
    code = (
        "import sys; from utils.output import print_safely; print_safely();"
        " print('printed'); sys.stderr.write('said\\n'); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT / "locust")}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], 20)
            assert ready, "nothing was printed"
            assert process.stdout.readline() == "printed\n"
            ready, _, _ = select.select([process.stderr], [], [], 20)
            assert ready, "nothing was said"
        finally:
            process.communicate("")
