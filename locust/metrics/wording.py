"""How counts are said in sentences. Standard library only, and of use to every layer."""

from __future__ import annotations


def counted(count: float, noun: str, plural: str = "") -> str:
    """A count with its noun: `1 call`, `1,234 calls`, `2 people`; the plural has an s where none is given."""
    number = f"{count:,}" if isinstance(count, int) else f"{count:,g}"
    return f"{number} {noun if count == 1 else plural or noun + 's'}"


def verb(count: int, one: str, many: str) -> str:
    """The verb that goes with a count: `was` or `were`, `waits` or `wait`."""
    return one if count == 1 else many
