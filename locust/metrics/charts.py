"""Line charts as inline SVG: pure functions from numbers to markup, for a report that needs nothing from outside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 860, 200
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 24
MOST_POINTS = 800


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name, the class that colours it, and a value a second (None: a gap)."""

    name: str
    css: str
    values: Sequence[float | None]


def thinned(values: Sequence[float | None], most: int = MOST_POINTS) -> list[float | None]:
    """At most `most` values, each the highest of its group: a long run's worst seconds must stay in the picture."""
    step = max(1, math.ceil(len(values) / most))
    groups = (values[i : i + step] for i in range(0, len(values), step))
    return [max((v for v in group if v is not None), default=None) for group in groups]


def ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten: where an axis ends."""
    if value <= 0:
        return 1.0
    value = max(value, 0.001)
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 2.5, 5) if value <= step * power), 10 * power)


def line_chart(title: str, unit: str, lines: Sequence[Line], limit: float | None = None) -> Markup:
    """A chart of one value a second over a run, with its title, axes and legend; `limit` is drawn across it."""
    seconds = max((len(line.values) for line in lines), default=0)
    shown = [Line(line.name, line.css, thinned(line.values)) for line in lines]
    highest = max((v for line in shown for v in line.values if v is not None), default=0.0)
    if limit is not None and highest > limit / 2:
        highest = max(highest, limit)
    top = ceiling(highest)
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def y_of(value: float) -> float:
        return TOP + plot_h * (1 - value / top)

    parts = [Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, title)]
    for fraction in (0, 0.5, 1):
        y = y_of(top * fraction)
        parts.append(
            Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="y" x="{}" y="{:.1f}">{:,g}</text>').format(
                LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, top * fraction
            )
        )
    for fraction in (0, 0.25, 0.5, 0.75, 1):
        x = LEFT + plot_w * fraction
        label = f"{max(seconds - 1, 0) * fraction:.0f} s"
        parts.append(Markup('<text class="x" x="{:.1f}" y="{}">{}</text>').format(x, HEIGHT - 6, label))
    if limit is not None and limit <= top:
        parts.append(Markup('<path class="limit" d="M{} {:.1f}H{}"/>').format(LEFT, y_of(limit), WIDTH - RIGHT))
    parts += [_path(line, plot_w, y_of) for line in shown]
    parts.append(Markup("</svg>"))
    legend = Markup(" ").join(Markup('<span class="{}">{}</span>').format(line.css, line.name) for line in lines)
    heading = Markup('<figcaption><b>{}</b>, {} <span class="legend">{}</span></figcaption>').format(
        title, unit, legend
    )
    return Markup("<figure>") + heading + Markup("").join(parts) + Markup("</figure>")


def _path(line: Line, plot_w: int, y_of: Callable[[float], float]) -> Markup:
    steps: list[str] = []
    pen_down = False
    across = max(len(line.values) - 1, 1)
    for i, value in enumerate(line.values):
        if value is None:
            pen_down = False
            continue
        x, y = LEFT + plot_w * i / across, y_of(value)
        # A point between two gaps is drawn as a dot.
        steps.append(f"L{x:.1f} {y:.1f}" if pen_down else f"M{x:.1f} {y:.1f}h.1")
        pen_down = True
    return Markup('<path class="line {}" d="{}"/>').format(line.css, "".join(steps))
