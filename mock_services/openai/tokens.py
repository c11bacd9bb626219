"""Tokens without a vocabulary: texts are cut into pieces of about a token's size, and long ones are only estimated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mock_services.core.latency import jittered

PIECE = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")
BYTES_PER_TOKEN = 4


def pieces(text: str) -> tuple[str, ...]:
    """Cut a text into the pieces that a model would write one after the other; joined they are the text again."""
    return tuple(PIECE.findall(text))


def estimate(text: str) -> int:
    """Give about how many tokens a text has: one for every four bytes, as in English."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def times(first_s: float, per_second: float, jitter: float, random: Random) -> Iterator[float]:
    """Give when each token is written: seconds after the request, without end, never falling.

    The gaps are lognormal with a mean of 1/`per_second` and a sigma of `jitter`; with a rate of 0 there are none.
    """
    at = first_s
    while True:
        yield at
        if per_second:
            at += jittered(1 / per_second, jitter, random)
