"""The files of a run: complete, well-formed, escaped, self-contained, and pointed at by `latest`."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import defusedxml.ElementTree
import pytest
from markdown_it import MarkdownIt

from clients import call_steps
from metrics.funnel import DIAL, STEPS, funnel
from metrics.recorder import Recorder
from metrics.report import amend, console_block, point_latest_at, write_report
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
    return run, run.finish(Ending(["Reader", "Caller"], {}, False, {}), 3, clock[0])


class Page(HTMLParser):
    """What a page loads, and the text that it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
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
    assert page.tags.count("svg") == 5, "requests, users, latency, failures by class, and the CRM's against its target"
    assert page.tags.count("tr") > 10


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
    assert "| crm \\<errors\\> | 10 % | at most 1 % | missed |" in text
    assert "<errors>" not in text


def test_both_latencies_and_the_classes_of_failures_are_in_the_page(tmp_path: Path) -> None:
    clock = [1_700_000_000.0]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("run-1", 7, "http://t", TARGETS, None, clock[0])
    context = {"scenario": "Reader", "intended_start": clock[0] - 3}
    recorder.record("GET", "/api/crm/contacts", 20.0, exception=TimeoutError("x"), context=context, start_time=clock[0])
    run.report("w", recorder.take(), clock[0] + 1)
    write_report(tmp_path, run, run.finish(Ending(["Reader"], {}, False, {}), 1, clock[0] + 2))
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert "ms from the intended start" in page.text
    assert "3,020" in page.text
    assert "Failures by class" in page.text
    assert "timeout 1 (a second)" in page.text


TROUBLE = ["the vendors process <ended> with -9 during the run"]


def test_what_is_learnt_later_is_added_to_every_report(tmp_path: Path, judged: tuple[Run, Verdict]) -> None:
    write_report(tmp_path, *judged)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    facts = amend(tmp_path, TROUBLE)
    assert (facts["verdict"], facts["exit_code"]) == ("fail", 1), "errors were seen: they stay"
    assert json.loads((tmp_path / "verdict.json").read_text()) == facts
    assert facts["reasons"][-1:] == facts["invalid"][-1:] == TROUBLE
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert TROUBLE[0] in page.text
    assert page.tags.count("svg") == 5, "and everything else is still there"
    suite = defusedxml.ElementTree.fromstring((tmp_path / "junit.xml").read_text())[0]
    assert TROUBLE[0] in str(suite.findtext("testcase/error"))
    assert len(list(suite.iter("testcase"))) == int(suite.get("tests") or 0) == 4
    assert r"- the vendors process \<ended\> with -9 during the run" in (tmp_path / "summary.md").read_text()
    amend(tmp_path, [])
    for name in ("report.html", "junit.xml", "summary.md"):
        body, again = before[name].partition("<!-- end"), (tmp_path / name).read_text().partition("<!-- end")
        assert body[2] == again[2]


def test_a_run_that_passed_is_invalid_after_that(tmp_path: Path) -> None:
    run = Run("run-1", 7, "http://t", Targets(), None, 1_700_000_000.0)
    recorder = Recorder(clock=lambda: 1_700_000_000.0, cpu_clock=lambda: 0.0)
    recorder.record("GET", "/api/crm/contacts", 20.0)
    run.report("w", recorder.take(), 1_700_000_000.5)
    verdict = run.finish(Ending([], {}, False, {}), 1, 1_700_000_001.0)
    write_report(tmp_path, run, verdict)
    assert verdict.verdict == "pass"
    assert (amend(tmp_path, TROUBLE)["verdict"], amend(tmp_path, TROUBLE)["exit_code"]) == ("invalid", 2)
    assert (tmp_path / "summary.md").read_text().startswith("## INVALID: load run run-1\n")
    assert '<section class="verdict invalid">' in (tmp_path / "report.html").read_text()


def test_a_run_without_a_verdict_gets_whole_reports_that_say_so(tmp_path: Path) -> None:
    facts = amend(tmp_path / "run-9", TROUBLE)
    assert (facts["run_id"], facts["verdict"], facts["exit_code"]) == ("run-9", "invalid", 2)
    suite = defusedxml.ElementTree.fromstring((tmp_path / "run-9" / "junit.xml").read_text())[0]
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    text = (tmp_path / "run-9" / "report.html").read_text()
    assert "Nothing more is known of this run" in text
    assert text.endswith("</html>\n")
    assert (tmp_path / "run-9" / "summary.md").read_text().startswith("## INVALID: load run run-9\n")


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


def test_a_directory_in_the_place_of_latest_is_left_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A run that a lab before this one let be named `latest` has it."""
    for name in ("latest", "a"):
        (tmp_path / name).mkdir()
    point_latest_at(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "latest"]
    assert f"{tmp_path / 'latest'} cannot be made to name a: Is a directory" in caplog.text


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of `#rgb` or `#rrggbb`."""
    digits = colour.removeprefix("#")
    pairs = [digit * 2 for digit in digits] if len(digits) == 3 else re.findall("..", digits)
    parts = [int(pair, 16) / 255 for pair in pairs]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


TEXT = (
    *(("ink", ground) for ground in ("page", "band", "pass-band", "fail-band", "invalid-band")),
    *(("soft", ground) for ground in ("page", "band", "pass-band", "fail-band", "invalid-band")),
    *(("pass", "page"), ("fail", "page"), ("fail", "band")),
    *((verdict, f"{verdict}-band") for verdict in ("pass", "fail", "invalid")),
)
DRAWN = ("a", "b", "c", "d", "http_5xx", "timeout", "connection", "content", "http_4xx", "http_429", "socket", "lab")


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_lines_stand_out_as_wcag_asks(tmp_path: Path, judged: tuple[Run, Verdict], dark: bool) -> None:
    write_report(tmp_path, *judged)
    light, of_dark = re.findall(r":root \{(.*?)\}", (tmp_path / "report.html").read_text(), flags=re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", light))
    if dark:
        colours |= dict(re.findall(r"--([\w-]+): (#\w+)", of_dark))
    assert {
        pair: contrast(colours[pair[0]], colours[pair[1]])
        for pair in TEXT
        if contrast(colours[pair[0]], colours[pair[1]]) < 4.5
    } == {}
    assert {
        name: contrast(colours[name], colours["page"]) for name in DRAWN if contrast(colours[name], colours["page"]) < 3
    } == {}


def test_every_table_has_headers_that_say_of_what_and_can_be_scrolled_with_keys(
    tmp_path: Path, judged: tuple[Run, Verdict]
) -> None:
    write_report(tmp_path, *judged)
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert all(found.get("scope") for tag, found in page.attributes if tag == "th")
    regions = [found for tag, found in page.attributes if "wide" in (found.get("class") or "").split()]
    assert len(regions) == page.tags.count("table")
    assert all(found.get("role") == "region" and found.get("aria-label") and "tabindex" in found for found in regions)
    drawings = [found for tag, found in page.attributes if tag == "svg"]
    assert all(re.search(r", .+: [0-9,.e+]+ at most$", found["aria-label"] or "") for found in drawings)


def test_how_far_calls_came_is_shown_where_there_were_any(tmp_path: Path, judged: tuple[Run, Verdict]) -> None:
    write_report(tmp_path, *judged)
    assert "<h2>Calls</h2>" not in (tmp_path / "report.html").read_text()
    run, _ = judged
    recorder = Recorder(clock=lambda: run.started, cpu_clock=lambda: 0.0)
    for number in range(4):
        recorder.record("CALL", "answer", 20.0, exception=TimeoutError() if number == 3 else None)
    for step in ("connect", "first audio", "turn", "turn", "turn"):
        recorder.record("CALL", step, 20.0)
    recorder.record("CALL", "dial", None, exception=ConnectionError())
    run.report("w", recorder.take(), run.started + 1)
    assert [(row.step, row.calls, row.percent, row.failures) for row in funnel(run.merge.endpoints)] == [
        ("dialled", 5, 100, 1),
        ("answered", 3, 60, 1),
        ("connected", 1, 20, 0),
        ("heard the agent", 1, 20, 0),
        ("completed", 0, 0, 0),
    ]
    write_report(tmp_path, run, run.finish(Ending([], {}, False, {}), 1, run.started + 2))
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert "heard the agent" in page.text


def test_the_steps_of_the_funnel_are_those_that_callers_measure() -> None:
    aside = {call_steps.TURN, *call_steps.ASIDE.values()}
    assert [*STEPS] == [step for step in call_steps.STEPS if step not in aside]
    assert call_steps.DIAL == DIAL


NEEDED = {
    "testsuite": {"name", "package", "id", "hostname", "timestamp", "tests", "failures", "errors", "time"},
    "testcase": {"name", "classname", "time"},
    "property": {"name", "value"},
    "error": {"type", "message"},
    "failure": {"type", "message"},
}
"""What Ant's schema, which is the strictest, requires; Jenkins' (xunit's junit-10.xsd) and GitLab want parts of it."""


@pytest.mark.parametrize("amended", [False, True])
@pytest.mark.parametrize("known", [True, False])
def test_junit_is_what_the_schemas_of_ci_servers_ask(
    tmp_path: Path, judged: tuple[Run, Verdict], amended: bool, known: bool
) -> None:
    if known:
        write_report(tmp_path, *judged)
    if amended or not known:
        amend(tmp_path, TROUBLE)
    root = defusedxml.ElementTree.fromstring((tmp_path / "junit.xml").read_text())
    assert root.tag == "testsuites"
    (suite,) = root
    order = [child.tag for child in suite]
    cases = order.count("testcase")
    assert order == ["properties", *["testcase"] * cases, "system-out", "system-err"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp") or ""), "no zone is allowed"
    for element in root.iter():
        assert NEEDED.get(element.tag, set()) <= set(element.keys()), element.tag
    for case in suite.iter("testcase"):
        assert [child.tag for child in case] in ([], ["error"], ["failure"], ["skipped"])
    found = [child.tag for case in suite.iter("testcase") for child in case]
    counts = {"tests": cases, "errors": found.count("error"), "failures": found.count("failure")}
    assert {name: int(suite.get(name) or 0) for name in counts} == counts
    assert int(suite.get("skipped") or 0) == found.count("skipped")


def test_the_summary_is_rendered_as_whole_tables_whatever_names_hold(
    tmp_path: Path, judged: tuple[Run, Verdict]
) -> None:
    name = "| a `b` <img src=x> *c* [d](e) ~~f~~ &lt;g \\"
    run, _ = judged
    run.targets = Targets((Target(name, "crm", "avg_ms", 1), Target(f"{name}2", "calendar", "avg_ms", 800)))
    ending = Ending([], {}, False, {name: 1})
    write_report(tmp_path, run, run.finish(ending, 3, run.started + 2))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse((tmp_path / "summary.md").read_text())
    inline = [child for token in tokens if token.type == "inline" for child in token.children or []]
    assert {child.type for child in inline} <= {"text", "text_special", "softbreak"}
    assert [token.content for token in tokens if token.type == "html_block"] == ["<!-- end of the verdict -->\n"]
    said = ["".join(child.content for child in t.children or []) for t in tokens if t.type == "inline"]
    assert name in said, "a target's cell"
    assert any(text.endswith(f"such as: {name}") for text in said), "a reason"
    rows = [0]
    for token in tokens:
        rows[-1] += token.type in ("td_open", "th_open")
        if token.type == "tr_close":
            rows.append(0)
    assert rows == [4, 4, 3, 3, 5, 5, 0], "targets, areas and first failures, each with a header"
