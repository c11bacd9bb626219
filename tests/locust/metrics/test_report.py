"""The files of a run: complete, well-formed, escaped, self-contained, and pointed at by `latest`."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import defusedxml.ElementTree
import pytest

from metrics.recorder import Recorder
from metrics.report import console_block, point_latest_at, write_report
from metrics.run import Ending, Run
from metrics.targets import Target, Targets
from metrics.verdict import Verdict

NASTY = '/api/crm/<script>alert("x")</script>|`{id}`\x01'
TARGETS = Targets(
    (
        Target("crm average", "crm", "avg_ms", 1000),
        Target("crm <errors>", "crm", "error_percent", 1),
        Target("calendar average", "calendar", "avg_ms", 800),
    )
)


@pytest.fixture
def judged() -> tuple[Run, Verdict]:
    clock = [1_700_000_000.0]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("run-1", 7, "http://<target>", TARGETS, None, clock[0])
    for _ in range(9):
        recorder.record("GET", NASTY, 20.0, context={"scenario": "Reader"})
    recorder.record("GET", NASTY, 90.0, exception=TimeoutError("<b>"), context={"scenario": "Reader"})
    clock[0] += 2
    run.report("w", recorder.take(), clock[0])
    run.tick(3, clock[0])
    return run, run.finish(Ending(["Reader", "Caller"], [], False, {}), 3, clock[0])


class Page(HTMLParser):
    """What a page loads, and the text that it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_all_files_are_written_whole(tmp_path: Path, judged: tuple[Run, Verdict]) -> None:
    write_report(tmp_path / "run-1", *judged)
    assert sorted(path.name for path in (tmp_path / "run-1").iterdir()) == [
        "histograms.json",
        "junit.xml",
        "report.html",
        "summary.md",
        "verdict.json",
    ]


def test_verdict_json_holds_what_the_design_fixes(tmp_path: Path, judged: tuple[Run, Verdict]) -> None:
    write_report(tmp_path, *judged)
    found = json.loads((tmp_path / "verdict.json").read_text())
    assert (found["run_id"], found["verdict"], found["seed"]) == ("run-1", "fail", 7)
    assert found["reasons"][0] == "failures by kind: 1 timeout"
    assert found["areas"]["crm"] == {"requests": 10, "failures": 1}
    assert found["scenarios"]["Caller"] == {"requests": 0, "failures": 0}
    assert [(t["name"], t["limit"], t["value"], t["ok"]) for t in found["targets"]] == [
        ("crm average", 1000, 27, True),
        ("crm <errors>", 1, 10, False),
        ("calendar average", 800, None, None),
    ]
    assert found["generator"]["workers"] == 1


def test_the_page_needs_nothing_from_outside_and_shows_names_as_text(
    tmp_path: Path, judged: tuple[Run, Verdict]
) -> None:
    write_report(tmp_path, *judged)
    text = (tmp_path / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.loads == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://(?!<target>|&lt;target)", text)
    assert '<script>alert("x")</script>' in page.text
    assert "scenario Caller ran no task" in page.text
    assert page.tags.count("svg") == 4


def test_junit_has_a_case_a_target_and_one_for_validity(tmp_path: Path, judged: tuple[Run, Verdict]) -> None:
    write_report(tmp_path, *judged)
    suite = defusedxml.ElementTree.fromstring((tmp_path / "junit.xml").read_text())[0]
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {
        "the run is valid": ["error"],
        "crm average": [],
        "crm <errors>": ["failure"],
        "calendar average": ["skipped"],
    }
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}


def test_the_summary_is_markdown_that_no_name_can_break(tmp_path: Path, judged: tuple[Run, Verdict]) -> None:
    write_report(tmp_path, *judged)
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("## FAIL: load run run-1\n")
    assert "| crm \\<errors\\> | 10 % | 1 % | missed |" in text
    assert "<errors>" not in text


def test_the_console_says_verdict_reasons_targets_and_where_the_report_is(judged: tuple[Run, Verdict]) -> None:
    block = console_block(judged[1], Path("/r/run-1"))
    assert "fail: run-1\n  - failures by kind: 1 timeout\n" in block
    assert re.search(r"calendar average +– +800 ms +skipped", block)
    assert "report: /r/run-1/report.html" in block


def test_latest_moves_to_the_newest_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        point_latest_at(tmp_path / name)
        assert (tmp_path / "latest").resolve() == (tmp_path / name).resolve()
        assert (tmp_path / "latest").readlink() == Path(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "latest"]
