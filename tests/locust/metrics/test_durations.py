from __future__ import annotations

import pytest

from metrics.durations import clock, in_words


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (65.9, "1:05"), (3605, "1:00:05"), (-0.1, "0:00")])
def test_a_time_is_shown_as_a_clock_does(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (45, "45 s"), (149.6, "2 min 30 s"), (3600, "1 h"), (3723, "1 h 2 min 3 s")]
)
def test_a_stretch_of_time_is_said_without_what_is_none(seconds: float, said: str) -> None:
    assert in_words(seconds) == said
