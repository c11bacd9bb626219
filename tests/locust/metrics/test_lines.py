"""Line protocol that InfluxDB takes: escaped, of stable field types, with a bounded number of series."""

import re

from hypothesis import given
from hypothesis import strategies as st

from metrics.lines import escape, event_line, fields_of, line, second_lines
from metrics.merge import Merge
from metrics.recorder import Cell, Recorder

START = 1_700_000_000
INTEGERS = {"count", "failures", "count_total", "failures_total"}


def unescape(tag: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", tag)


def test_a_point_is_written_as_line_protocol() -> None:
    written = line("m", {"a": "x y", "b": ""}, {"i": 3, "f": 3.0, "s": 'say "hi"', "none": None}, 5)
    assert written == 'm,a=x\\ y,b=- i=3i,f=3.0,s="say \\"hi\\"" 5'


@given(st.text(min_size=1))
def test_any_name_makes_one_line_with_one_tag(name: str) -> None:
    written = line("m", {"name": name}, {"i": 1}, 5)
    head, _, tail = written.rpartition(" i=1i")
    assert tail == " 5"
    assert "\n" not in head
    assert not re.search(r"(?<!\\)[ ]", head)
    assert re.split(r"(?<!\\)[,=]", head)[:2] == ["m", "name"]
    assert not head.endswith("\\")
    clean = re.sub(r"[\x00-\x1f\x7f]", "?", name).replace("\\", "/")
    assert unescape(escape(name)) == clean


def seconds_of(requests: list[tuple[str, float, bool]]) -> tuple[Merge, list[str]]:
    clock = [float(START)]
    recorder = Recorder(clock=lambda: clock[0])
    for name, ms, planned in requests:
        context = {"intended_start": START - 1.0} if planned else {}
        recorder.record("GET", name, ms, context=context, start_time=float(START))
    clock[0] = START + 3.0
    merge = Merge(START)
    merge.add("w", recorder.take(), START + 3.0)
    lines = [text for second in merge.closed(START + 3.0) for text in second_lines("r", second, merge)]
    return merge, lines


def fields(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in re.split(r"(?<!\\) ", text)[1].split(","))


@given(st.lists(st.tuples(st.sampled_from(["/a", "/api/crm/b"]), st.floats(0, 10_000), st.booleans())))
def test_fields_never_change_their_type(requests: list[tuple[str, float, bool]]) -> None:
    _, lines = seconds_of(requests)
    for text in lines:
        for name, value in fields(text).items():
            assert value.endswith("i") == (name in INTEGERS or name.startswith("le_")), text


def test_an_endpoint_has_a_point_in_every_second_and_no_latency_in_an_empty_one() -> None:
    _, lines = seconds_of([("/api/crm/contacts", 20.0, False)])
    points = [text for text in lines if text.startswith("requests,")]
    assert [text.rpartition(" ")[2] for text in points] == [f"{START + second}000" for second in range(3)]
    assert fields(points[0])["p95"] == "20.0"
    assert fields(points[0])["rps"] == "1.0"
    empty = fields(points[1])
    assert (empty["count"], empty["rps"], empty["count_total"], empty["p95_total"]) == ("0i", "0.0", "1i", "20.0")
    assert not {"p50", "p95", "max", "avg"} & set(empty)


def test_latency_from_the_plan_stands_beside_latency_from_the_send() -> None:
    _, lines = seconds_of([("/a", 20.0, True)])
    found = fields(next(text for text in lines if text.startswith("overall")))
    assert (found["p95"], found["intended_p95"], found["intended_p95_total"]) == ("20.0", "1020.0", "1020.0")


def test_series_do_not_grow_with_the_requests() -> None:
    def series(count: int) -> set[str]:
        _, lines = seconds_of([("/api/crm/contacts/{id}", float(ms % 700), False) for ms in range(count)])
        return {re.split(r"(?<!\\) ", text)[0] for text in lines}

    assert series(10) == series(2000)


def test_a_heatmaps_buckets_hold_every_latency_of_the_second() -> None:
    _, lines = seconds_of([("/a", 1.0, False), ("/a", 1.001, False), ("/a", 15.0, False), ("/a", 99_999.0, False)])
    first, empty, *_ = [fields(text) for text in lines if text.startswith("latency_buckets,")]
    assert first == {"count": "4i", "le_1": "1i", "le_2": "1i", "le_15": "1i", "le_inf": "1i"}
    assert empty == {"count": "0i"}


def test_the_number_of_points_does_not_depend_on_the_number_of_requests() -> None:
    def points(count: int) -> int:
        requests = [(f"/api/crm/{number % 5}", float(number % 700), False) for number in range(count)]
        return len(seconds_of(requests)[1])

    assert points(5) == points(2000)


def test_an_event_carries_its_text_as_a_field() -> None:
    assert event_line("r", "verdict", "fail: a\nb", 1.5) == (
        'events,run_id=r,kind=verdict text="fail: a b",tags="run,verdict" 1500'
    )


def test_a_cell_without_requests_has_counts_alone() -> None:
    assert {name for name, value in fields_of(Cell(), Cell()).items() if value is not None} == INTEGERS | {"rps"}


def test_control_characters_cannot_break_a_line() -> None:
    assert escape("a\nb,c=d e\\") == "a?b\\,c\\=d\\ e/"
    assert escape("") == "-"
