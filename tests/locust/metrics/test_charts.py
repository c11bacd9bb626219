"""Charts are well-formed SVG whatever the numbers, and keep the worst of what they thin out."""

import re
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.charts import HEIGHT, MOST_POINTS, WIDE, Chart, Limit, Line, ceiling, draw, thinned, time_of_run

values = st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=60)


def drawn(chart: Chart) -> Element:
    figure: Element = defusedxml.ElementTree.fromstring(str(draw(chart)))
    return figure


def of_class(figure: Element, name: str) -> list[Element]:
    return [element for element in figure.iter() if element.get("class") == name]


@given(values, st.lists(st.floats(0, 1e9), max_size=2))
def test_a_chart_is_well_formed_and_stays_in_its_frame(numbers: list[float | None], limits: list[float]) -> None:
    lines = [Line("p95 <&>", "a", numbers)]
    figure = drawn(Chart("<Latency> & more", "ms", lines, [Limit("<target>", limit) for limit in limits]))
    (path,) = of_class(figure, "line a")
    points = [pair.split("h")[0].split() for pair in path.get("d", "").replace("L", "M").split("M")[1:]]
    assert len(points) == sum(number is not None for number in numbers)
    assert all(0 <= float(x) <= WIDE and 0 <= float(y) <= HEIGHT for x, y in points)
    for limit in of_class(figure, "limit"):
        assert 0 <= float(limit.get("d", "").split("H")[0].split()[1]) <= HEIGHT


@given(st.lists(values, min_size=1, max_size=4))
def test_columns_stand_on_each_other_and_stay_in_their_frame(stacks: list[list[float | None]]) -> None:
    figure = drawn(
        Chart("Failures", "a second", [Line(f"l{i}", "a", each) for i, each in enumerate(stacks)], stacked=True)
    )
    paths = of_class(figure, "fill a")
    assert len(paths) == len(stacks)
    for path, numbers in zip(paths, stacks, strict=True):
        columns = path.get("d", "").split("z")[:-1]
        assert len(columns) == sum(bool(number) for number in numbers)
        heights = [float(y) for column in columns for y in re.findall(r"V([0-9.]+)", column)]
        assert all(-0.1 <= y <= HEIGHT for y in heights)


def test_a_gap_lifts_the_pen() -> None:
    (path,) = of_class(drawn(Chart("t", "ms", [Line("p95", "a", [1, 2, None, 3])])), "line a")
    assert path.get("d", "").count("M") == 2


def test_a_point_between_two_gaps_is_a_dot() -> None:
    figure = drawn(Chart("t", "ms", [Line("p95", "a", [1, None, 2, 3, None, 4])]))
    (dots,) = of_class(figure, "line dots a")
    assert dots.get("d", "").count("M") == 2
    assert not of_class(drawn(Chart("t", "ms", [Line("p95", "a", [1, 2])])), "line dots a")


def test_a_limit_is_drawn_where_the_values_come_near_it_and_else_said_to_be_above() -> None:
    near = drawn(Chart("t", "ms", [Line("p95", "a", [60])], [Limit("at most 100 ms", 100)]))
    assert len(of_class(near, "limit")) == 1
    far = draw(Chart("t", "ms", [Line("p95", "a", [4])], [Limit("at most 100 ms", 100)]))
    assert "at most 100 ms (above the chart)" in far
    assert 'class="limit"' not in far


def test_the_numbers_of_a_second_are_shown_on_hovering() -> None:
    figure = drawn(Chart("t", "ms", [Line("p50", "a", [1, None]), Line("p95", "b", [2.25, None])]))
    assert [title.text for title in figure.iter("title")] == ["0 s: p50 1, p95 2.25 (ms)"]


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (60, "1:00"), (3_750, "1:02:30")])
def test_an_axis_shows_times_of_the_run(seconds: float, shown: str) -> None:
    assert time_of_run(seconds) == shown


def test_thinning_keeps_the_highest() -> None:
    numbers: list[float | None] = [1.0] * 5000
    numbers[3333] = 99.0
    shown = thinned(numbers)
    assert len(shown) <= MOST_POINTS
    assert max(number for number in shown if number is not None) == 99


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.7, 1), (1, 1), (1.2, 2), (23, 25), (26, 50), (51, 100), (880, 1000)]
)
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert ceiling(value) == pytest.approx(top)


def test_values_of_several_seconds_each_stand_at_their_time() -> None:
    figure = drawn(Chart("t", "ms", [Line("p95", "a", [1.0] * 600)], step=16))
    texts = [text.text for text in figure.iter() if text.tag.endswith("text") and text.get("text-anchor") == "end"]
    assert time_of_run(600 * 16) in texts
    titles = [title.text or "" for title in figure.iter() if title.tag.endswith("title")]
    assert titles[1].startswith(f"{time_of_run(32)}: "), "two values of 16 s are one point"
