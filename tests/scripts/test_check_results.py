"""The gate on Locust's CSV: its verdicts, its exit codes, and one sentence for a file that is none."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "check_results.py"
HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\n"
)
CONTACTS = 'GET,"/api/crm/contacts, all",900,1,5,6.5,1.25,40,120,45,0.05,5,6,7,8,9,12,20,30,40,40,40\n'


def total(requests: object = 1000, failures: object = 2, average: object = 12.5, p95: object = 40) -> str:
    return f",Aggregated,{requests},{failures},5,{average},1.25,4000,120,50,0.1,5,6,7,8,9,{p95},50,60,70,80,90\n"


def check(path: Path, *options: str) -> tuple[int, str, str]:
    # -S and -I: nothing but the standard library is there.
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def stats(tmp_path: Path) -> Path:
    return tmp_path / "run_stats.csv"


def test_a_good_run_passes(stats: Path) -> None:
    stats.write_text(HEADER + CONTACTS + total())
    code, said, _ = check(stats)
    assert code == 0
    assert said.splitlines() == [
        "met: average response time 12.50 ms, at most 2,000 ms",
        "met: failed requests 0.20 %, at most 2 %",
        "met: 95th percentile 40.00 ms, at most 5,000 ms",
        "pass: 1,000 requests",
    ]


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (total(average=2000.1), "average response time 2,000.10 ms, at most 2,000 ms"),
        (total(failures=21), "failed requests 2.10 %, at most 2 %"),
        (total(p95=5100), "95th percentile 5,100.00 ms, at most 5,000 ms"),
    ],
)
def test_each_gate_can_fail(stats: Path, row: str, missed: str) -> None:
    stats.write_text(HEADER + CONTACTS + row)
    code, said, _ = check(stats)
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("MISSED")] == [f"MISSED: {missed}"]
    assert said.endswith("fail: 1,000 requests\n")


def test_a_value_at_its_limit_is_met(stats: Path) -> None:
    stats.write_text(HEADER + total(average=2000, failures=20, p95=5000))
    assert check(stats)[0] == 0


@pytest.mark.parametrize(
    ("p95", "limit", "said"),
    [
        (
            5000,
            "5000",
            "met: 95th percentile 5,000.00 ms, at most 5,000 ms (rounded by Locust to two digits: it may be ",
        ),
        (5100, "5050", "MISSED: 95th percentile 5,100.00 ms, at most 5,050 ms (rounded by Locust to two digits: "),
        (5100, "5049", "MISSED: 95th percentile 5,100.00 ms, at most 5,049 ms\n"),
        (40, "40", "at most 40 ms (rounded by Locust to two digits: it may be 39.5 to 40.5 ms)\n"),
        (840, "844", "it may be 835 to 845 ms)\n"),
        (12000, "12000", "it may be 11,500 to 12,500 ms)\n"),
    ],
)
def test_a_percentile_that_its_rounding_may_have_brought_over_the_limit_is_said_to_be_rounded(
    stats: Path, p95: int, limit: str, said: str
) -> None:
    stats.write_text(HEADER + total(p95=p95))
    assert said in check(stats, "--max-p95-ms", limit)[1]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--max-average-ms", "12"), 1),
        (("--max-average-ms", "12.5"), 0),
        (("--max-avg-ms", "12"), 1),
        (("--max-error-percent", "0.1"), 1),
        (("--max-error-percent", "0.2"), 0),
        (("--max-p95-ms", "39"), 1),
        (("--min-requests", "1000"), 0),
        (("--min-requests", "1001"), 2),
    ],
)
def test_options_move_the_gates(stats: Path, options: tuple[str, ...], code: int) -> None:
    stats.write_text(HEADER + total())
    assert check(stats, *options)[0] == code


@pytest.mark.parametrize("options", [(), ("--min-requests", "0")])
def test_a_run_without_requests_cannot_be_judged(stats: Path, options: tuple[str, ...]) -> None:
    stats.write_text(HEADER + total(0, 0, 0, "N/A"))
    code, said, _ = check(stats, *options)
    assert (code, said) == (2, "invalid: 0 requests, at least 1 are needed to judge the run\n")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "it has no column 'Name'"),
        (b"Method,Name,Error,Occurrences\n", "it has no column 'Request Count'"),
        (b"\x89PNG\xff\x00", "is not a CSV file"),
        ((HEADER + CONTACTS).encode(), "has 0 rows named Aggregated"),
        ((HEADER + total() + total()).encode(), "has 2 rows named Aggregated"),
        ((HEADER + total(requests="many")).encode(), "holds 'many' as the Aggregated row's 'Request Count'"),
        ((HEADER + total(failures=-1)).encode(), "holds '-1' as the Aggregated row's 'Failure Count'"),
        ((HEADER + total(failures=1001)).encode(), "has 1,001 failures in 1,000 requests: the file is cut or mixed"),
        ((HEADER + total(0, 1, 0, "N/A")).encode(), "has 1 failure in 0 requests: the file is cut or mixed"),
        ((HEADER + total(average="nan")).encode(), "holds 'nan' as the Aggregated row's 'Average Response Time'"),
        ((HEADER + total(p95="N/A")).encode(), "holds 'N/A' as the Aggregated row's '95%'"),
        ((HEADER + ",Aggregated,1000,2,5\n").encode(), "holds None as the Aggregated row's 'Average Response Time'"),
    ],
)
def test_what_is_no_locust_csv_is_refused_in_one_sentence(stats: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        stats.write_bytes(content)
    code, said, complaint = check(stats)
    assert (code, said) == (3, "")
    assert says in complaint
    assert complaint.startswith(f"check_results.py: {stats} ")
    assert complaint.count("\n") == 1


def test_an_endpoint_that_is_called_like_the_total_is_not_taken_for_it(stats: Path) -> None:
    stats.write_text(HEADER + "GET" + total(failures=1000) + total())
    assert check(stats)[0] == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--max-average-ms", "soon"),
        ("--max-p95-ms", "-1"),
        ("--max-average-ms", "inf"),
        ("--max-error-percent", "101"),
        ("--nope",),
    ],
)
def test_wrong_usage_is_three(stats: Path, options: tuple[str, ...]) -> None:
    stats.write_text(HEADER + total())
    code, _, complaint = check(stats, *options)
    assert code == 3
    assert complaint.count("\n") == 1


def test_the_commands_of_the_documentation_work(stats: Path) -> None:
    stats.write_text(HEADER + total())
    page = (ROOT / "docs" / "results.md").read_text()
    commands = [shlex.split(line) for line in page.splitlines() if line.startswith("python scripts/check_results.py ")]
    assert len(commands) == 2
    for _, _, csv, *options in commands:
        assert csv == "results/latest/lab_stats.csv"
        assert check(stats, *options)[0] == 0
