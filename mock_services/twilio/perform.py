"""Performs a call: executes the TwiML that it is given, document by document, until there is no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from mock_services.twilio.callbacks import Webhook
from mock_services.twilio.leg import Document, Ending, Leg, Next, Source
from mock_services.twilio.performing import dialling, listening, speech, streams
from mock_services.twilio.protocol.urls import joined
from mock_services.twilio.protocol.verbs import (
    Connect,
    Dial,
    Gather,
    Hangup,
    Pause,
    Play,
    Record,
    Redirect,
    Reject,
    Say,
    Start,
    Stop,
    Verb,
)

DIAL_FROM_DIALLED = 13201
Step = Callable[[], Awaitable[Document | Ending]]
CONVERSATIONS = (Connect, Redirect, Gather, Record, Dial, Start)
"""Verbs that lead to a conversation; a first document with none of them refuses the call."""


class Performance:
    """One leg's course from its first step to the last verb. Cancelling `run` hangs up."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._performing: asyncio.Task[Document | Ending] | None = None
        self._interruption: Source | None = None

    async def run(self, first: Step) -> Ending:
        """Perform the call from its first step to its end."""
        step = first
        while True:
            self._performing = asyncio.ensure_future(step())
            following: Document | Ending | None = None
            try:
                following = await self._performing
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if self._interruption is None or task is None or task.cancelling():
                    raise
            if self._interruption is not None:
                step = partial(self._go_elsewhere, self._interruption)
                self._interruption = None
            elif isinstance(following, Document):
                step = partial(self._execute, following)
            elif following is not None:
                return following

    def redirect(self, source: Source) -> bool:
        """Leave the present verb and go on with another document; False if the call is over."""
        performing = self._performing
        if performing is None or (performing.done() and not _leads_on(performing)):
            return False
        self._leg.must_connect = False
        self._interruption = source
        performing.cancel()  # does nothing between two steps, where `run` looks for an interruption all the same
        return True

    async def _go_elsewhere(self, source: Source) -> Document | Ending:
        """Go on with another document, once the verb that it stopped has had its action requested, if that is owed."""
        leg = self._leg
        if leg.owed is not None and leg.owed.on_redirect:
            await leg.request_owed()
        leg.owed = None
        return await leg.go_to_source(source)

    async def _execute(self, document: Document) -> Document | Ending:
        leg = self._leg
        if leg.must_connect and not any(isinstance(verb, CONVERSATIONS) for verb in document.verbs):
            leg.fail("answer", "call-rejected", _rejection(document))
        for place, verb in enumerate(document.verbs):
            self._begin(verb)
            following = await self._perform(verb, document, time.monotonic() if place else document.at)
            if following is not None:
                return following
        if leg.record.status == "ringing":
            leg.record.answer()
        return Ending.NO_MORE

    def _begin(self, verb: Verb) -> None:
        """Answer the call if it rings and `verb` is one that answers."""
        if self._leg.record.status == "ringing" and not isinstance(verb, Pause | Reject):
            self._leg.record.answer()
        if not isinstance(verb, Connect):
            self._leg.reason = "twiml-end"

    async def _perform(self, verb: Verb, document: Document, since: float) -> Next:
        leg = self._leg
        following: Next = None
        match verb:
            case Say() | Pause() | Play():
                await speech.speak(leg, verb, document)
            case Gather():
                following = await listening.gather(leg, verb, document)
            case Record():
                following = await listening.record(leg, verb, document)
            case Dial():
                following = await self._dial(verb, document)
            case Connect():
                following = await streams.connect(leg, verb, document, since)
            case Start():
                following = await streams.start(leg, verb, document)
            case Stop():
                following = await streams.stop(leg, verb)
            case Redirect(url, method):
                following = await leg.go_to("Redirect", Webhook(joined(document.url, url), method))
            case Reject(reason):
                leg.rejected_as = "busy" if reason == "busy" else "no-answer"
                following = Ending.HANG_UP
            case Hangup():
                following = Ending.HANG_UP
        return following

    async def _dial(self, verb: Dial, document: Document) -> Next:
        leg = self._leg
        if leg.record.direction == "outbound-dial":
            leg.fail("answer", "twiml-invalid", "a party that was dialled cannot <Dial>", DIAL_FROM_DIALLED)
            return Ending.HANG_UP
        return await dialling.dial(leg, verb, document, screen)


async def screen(leg: Leg, webhook: Webhook) -> bool:
    """Let a called party hear the document of its own; False if that hangs up or cannot be executed."""
    ending = await Performance(leg).run(partial(leg.go_to, "Url", webhook))
    if ending is Ending.HANG_UP:
        leg.record.end("completed")
        await leg.request_owed()
    return ending is Ending.NO_MORE


def _leads_on(step: asyncio.Task[Document | Ending]) -> bool:
    """Whether a step that is done brought the call to another document."""
    return not step.cancelled() and step.exception() is None and isinstance(step.result(), Document)


def _rejection(document: Document) -> str:
    said = " ".join(verb.text for verb in document.verbs if isinstance(verb, Say))
    verbs = ", ".join(type(verb).__name__ for verb in document.verbs[:10]) or "no verb"
    words = f" and says {said[:200]!r}" if said else ""
    return f"the TwiML of {document.url} connects no stream: it has {verbs}{words}"
