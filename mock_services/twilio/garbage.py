"""Python's garbage collection, kept away from live audio: a full one stops the frames of all calls while it lasts."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mock_services.twilio.pacer import Pacer

LOOK_S = 2.0
NEVER = 1_000_000
OVERDUE = 1_000
"""Collections of the middle generation (one for some 50 calls) after which a full one is due, audio or not."""


@asynccontextmanager
async def collecting_amid_silence(pacer: Pacer) -> AsyncIterator[None]:
    """Within this, collect in full while `pacer` has no member, and hardly ever else.

    With 600 calls under way a full collection takes 10 ms, and one that frees as many ended calls takes 200. Ended
    calls are therefore made to be freed without it: what is left for it to find is little. What was there at the start
    is not looked through again.
    """
    young, middle, old = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, NEVER)
    looking = asyncio.create_task(_look(pacer))
    try:
        yield
    finally:
        looking.cancel()
        gc.set_threshold(young, middle, old)
        gc.unfreeze()


async def _look(pacer: Pacer) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        due = gc.get_count()[2]
        if due >= OVERDUE or (due and not len(pacer)):
            gc.collect()


def collect() -> None:
    """Collect in full now."""
    gc.collect()


def collections() -> dict[str, int]:
    """Give how many full collections there were, and how many objects they found that nothing else had freed."""
    full = gc.get_stats()[-1]
    return {"full_collections": full["collections"], "collected": full["collected"]}
