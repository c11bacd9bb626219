"""Charts are well-formed SVG whatever the numbers, and keep the worst of what they thin out."""

import defusedxml.ElementTree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.charts import MOST_POINTS, Line, ceiling, line_chart, thinned

values = st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=60)


@given(values, st.one_of(st.none(), st.floats(0, 1e9)))
def test_a_chart_is_well_formed_and_stays_in_its_frame(numbers: list[float | None], limit: float | None) -> None:
    markup = line_chart("<Latency> & more", "ms", [Line("p95", "a", numbers)], limit)
    figure = defusedxml.ElementTree.fromstring(str(markup))
    path = next(element for element in figure.iter("path") if element.get("class") == "line a")
    points = [pair.split("h")[0].split() for pair in path.get("d", "").replace("L", "M").split("M")[1:]]
    assert len(points) == sum(number is not None for number in numbers)
    assert all(60 <= float(x) <= 860 and 0 <= float(y) <= 200 for x, y in points)


def test_a_gap_lifts_the_pen() -> None:
    markup = str(line_chart("t", "ms", [Line("p95", "a", [1, 2, None, 3])]))
    assert markup.split('class="line a" d="')[1].split('"', maxsplit=1)[0].count("M") == 2


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
