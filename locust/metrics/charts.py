"""Charts as inline SVG: pure functions from numbers to markup, for a report that needs nothing from outside.

Colours are classes, so that the page's style can give light and dark ones. Numbers are shown on hovering, by SVG's own
titles: there is no script.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from metrics.durations import clock

HEIGHT = 200
WIDE, NARROW = 1060, 520
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 10, 24
MOST_POINTS = 300


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name, the class that colours it, and a value a second (None: a gap)."""

    name: str
    css: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Limit:
    """A target as a line across a chart, with its name at its end; or in the legend, when it is far above."""

    name: str
    value: float


@dataclass(frozen=True)
class Chart:
    """A chart of a run's seconds; with `stacked` its lines are columns on top of each other."""

    title: str
    unit: str
    lines: Sequence[Line]
    limits: Sequence[Limit] = ()
    stacked: bool = False
    wide: bool = True
    step: int = 1
    """How many seconds each value stands for."""


def thinned(values: Sequence[float | None], most: int = MOST_POINTS) -> list[float | None]:
    """At most `most` values, each the highest of its group: a long run's worst seconds must stay in the picture."""
    step = step_of(len(values), most)
    groups = (values[i : i + step] for i in range(0, len(values), step))
    return [max((v for v in group if v is not None), default=None) for group in groups]


def step_of(values: int, most: int = MOST_POINTS) -> int:
    """How many values become one point."""
    return max(1, math.ceil(values / most))


def ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten: where an axis ends."""
    if value <= 0:
        return 1.0
    value = max(value, 0.001)
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 2.5, 5) if value <= step * power), 10 * power)


def time_of_run(seconds: float) -> str:
    """To the nearest second, as an axis shows it: 45 s, 2:30, 1:02:30."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else clock(whole)


def draw(chart: Chart) -> Markup:
    """A figure with its caption, legend, axes, limits, lines, and the numbers on hovering."""
    values = max((len(line.values) for line in chart.lines), default=0)
    step = step_of(values) * chart.step
    shown = [Line(line.name, line.css, thinned(line.values)) for line in chart.lines]
    highest = max(_heights(shown, chart.stacked), default=0.0)
    within = [limit.value for limit in chart.limits if limit.value <= 2 * highest]
    top = ceiling(max([highest, *within]))
    frame = _Frame(WIDE if chart.wide else NARROW, top, max((len(line.values) for line in shown), default=0))
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}, {}: {:,.4g} at most">').format(
            frame.width, HEIGHT, chart.title, chart.unit, highest
        ),
        *frame.axes(values * chart.step),
        *(_columns(shown, frame) if chart.stacked else (_path(line, frame) for line in shown)),
        *(frame.across(limit) for limit in chart.limits if limit.value <= top),
        *_hovers(shown, frame, chart.unit, step),
        Markup("</svg>"),
    ]
    return Markup('<figure class="{}">{}{}</figure>').format(
        "wide-chart" if chart.wide else "narrow-chart", _caption(chart, top), Markup("").join(parts)
    )


def _heights(lines: Sequence[Line], stacked: bool) -> Iterator[float]:
    if stacked:
        for column in itertools.zip_longest(*(line.values for line in lines)):
            yield sum(value or 0 for value in column)
    else:
        for line in lines:
            yield from (value for value in line.values if value is not None)


@dataclass(frozen=True)
class _Frame:
    """Where things lie in a chart: its width, the value at the top of its axis, and how many points it has."""

    width: int
    top: float
    points: int

    @property
    def plot_width(self) -> int:
        return self.width - LEFT - RIGHT

    @property
    def slot(self) -> float:
        """The width of one point."""
        return self.plot_width / max(self.points, 1)

    def x(self, point: float) -> float:
        """The left edge of a point's slot."""
        return LEFT + self.slot * point

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / self.top)

    def axes(self, seconds: int) -> Iterator[Markup]:
        for fraction in (0, 0.5, 1):
            y = self.y(self.top * fraction)
            yield Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="y" x="{}" y="{:.1f}">{:,g}</text>').format(
                LEFT, y, self.width - RIGHT, LEFT - 6, y + 4, self.top * fraction
            )
        for quarter in range(5):
            anchor = {0: "start", 4: "end"}.get(quarter, "middle")
            yield Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                LEFT + self.plot_width * quarter / 4, HEIGHT - 6, anchor, time_of_run(seconds * quarter / 4)
            )

    def across(self, limit: Limit) -> Markup:
        y = self.y(limit.value)
        line = Markup('<path class="limit" d="M{} {:.1f}H{}"/>').format(LEFT, y, self.width - RIGHT)
        label = Markup('<text class="limit-label" x="{}" y="{:.1f}">{}</text>').format(
            self.width - RIGHT, y - 4 if y > TOP + 12 else y + 12, limit.name
        )
        return line + label


def _caption(chart: Chart, top: float) -> Markup:
    entries = [Markup('<span class="key {}"></span>{}').format(line.css, line.name) for line in chart.lines]
    for limit in chart.limits:
        if limit.value > top:
            entries.append(Markup('<span class="key limit-key"></span>{} (above the chart)').format(limit.name))
    return Markup(
        '<figcaption><b>{}</b> <span class="soft">{}</span><span class="legend">{}</span></figcaption>'
    ).format(chart.title, chart.unit, Markup("").join(Markup("<span>{}</span>").format(entry) for entry in entries))


def _path(line: Line, frame: _Frame) -> Markup:
    steps: list[str] = []
    dots: list[str] = []
    pen_down = False
    around = [None, *line.values, None]
    for i, value in enumerate(line.values):
        if value is None:
            pen_down = False
            continue
        x, y = frame.x(i + 0.5), frame.y(value)
        steps.append(f"L{x:.1f} {y:.1f}" if pen_down else f"M{x:.1f} {y:.1f}h.1")
        pen_down = True
        if around[i] is None and around[i + 2] is None:
            dots.append(f"M{x:.1f} {y:.1f}h.1")
    drawn = Markup('<path class="line {}" d="{}"/>').format(line.css, "".join(steps))
    # A point between two gaps is a line of no length: it is drawn as a dot, to be seen at all.
    return drawn + (Markup('<path class="line dots {}" d="{}"/>').format(line.css, "".join(dots)) if dots else "")


def _columns(lines: Sequence[Line], frame: _Frame) -> Iterator[Markup]:
    below = [0.0] * frame.points
    width = max(1.0, frame.slot - 1)
    for line in lines:
        steps = []
        for i, value in enumerate(line.values):
            if value:
                bottom, upper = frame.y(below[i]), frame.y(below[i] + value)
                steps.append(f"M{frame.x(i):.1f} {bottom:.1f}V{upper:.1f}h{width:.1f}V{bottom:.1f}z")
                below[i] += value
        yield Markup('<path class="fill {}" d="{}"/>').format(line.css, "".join(steps))


def _hovers(lines: Sequence[Line], frame: _Frame, unit: str, step: int) -> Iterator[Markup]:
    """A strip a point, over its whole height, with the numbers as its title."""
    for i in range(frame.points):
        values = [(line.name, line.values[i]) for line in lines if i < len(line.values)]
        said = ", ".join(f"{name} {value:,.4g}" for name, value in values if value is not None)
        if said:
            yield Markup('<path class="hover" d="M{:.1f} {}v{}h{:.1f}V{}z"><title>{}: {} ({})</title></path>').format(
                frame.x(i), TOP, HEIGHT - TOP - BOTTOM, frame.slot, TOP, time_of_run(i * step), said, unit
            )
