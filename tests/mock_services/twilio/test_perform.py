"""A call's course from step to step, where something comes between two of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mock_services.twilio.leg import Document, Ending, Leg, Source
from mock_services.twilio.perform import Performance

EMPTY = Document("https://lab.example/", (), 0.0)


class Course:
    """A performance whose first step gives `outcome`, and that is redirected when that is done and not yet heard of."""

    def __init__(self, outcome: Document | Ending) -> None:
        self.taken: list[bool] = []
        self.went_to: list[Source] = []
        leg: Any = SimpleNamespace(owed=None, must_connect=False, go_to_source=self._go_to_source)
        self._outcome = outcome
        self._performance = Performance(cast(Leg, leg))

    async def run(self) -> Ending:
        return await self._performance.run(self._first)

    async def _first(self) -> Document | Ending:
        asyncio.get_running_loop().call_soon(self._redirect)  # runs once this step is done, before anybody wakes up
        return self._outcome

    def _redirect(self) -> None:
        self.taken.append(self._performance.redirect(Source(twiml="<Response/>")))

    async def _go_to_source(self, source: Source) -> Document | Ending:
        self.went_to.append(source)
        return Ending.NO_MORE


@pytest.mark.anyio
async def test_a_redirect_between_two_documents_is_obeyed() -> None:
    course = Course(EMPTY)
    assert await course.run() is Ending.NO_MORE
    assert (course.taken, len(course.went_to)) == ([True], 1)


@pytest.mark.anyio
async def test_a_redirect_of_a_call_that_has_just_ended_is_refused() -> None:
    course = Course(Ending.HANG_UP)
    assert await course.run() is Ending.HANG_UP
    assert (course.taken, course.went_to) == ([False], [])
