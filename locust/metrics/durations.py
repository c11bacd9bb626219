"""Times of a run and stretches of it, as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Whole seconds as a clock shows them: 0:45, 1:05, 1:00:05. Less than none is none."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def in_words(seconds: float) -> str:
    """To the nearest second, without what is none: 45 s, 2 min 30 s, 1 h."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part) or "0 s"
