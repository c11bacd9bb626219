"""`<Dial>`: rings other parties and connects the caller to the first that answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from mock_services.twilio.callbacks import Progress, Subscription, Webhook
from mock_services.twilio.leg import Document, Ending, Leg, Next, Owed, Source, nobody
from mock_services.twilio.models import CallRecord
from mock_services.twilio.parties import ADDRESSES, Party
from mock_services.twilio.performing.ringing import ring
from mock_services.twilio.protocol.sounds import keys_seconds
from mock_services.twilio.protocol.steps import Interrupt, Speak
from mock_services.twilio.protocol.urls import joined
from mock_services.twilio.protocol.verbs import Dial, Dialled, Noun
from mock_services.twilio.protocol.webhook import SIP_STATUS, Fields
from mock_services.twilio.recordings import Recording

INVALID_ADDRESS = {Noun.NUMBER: 13223, Noun.SIP: 13243}
Screen = Callable[[Leg, Webhook], Awaitable[bool]]
"""Lets a called party hear a document of its own before it is connected; False if that ends its call."""


class ChildCall:
    """The call to one of the parties that a `<Dial>` rings."""

    def __init__(self, parent: Leg, dialled: Dialled, caller: str, document: Document) -> None:
        office = parent.office
        record = CallRecord(caller, dialled.address, None, "outbound-dial", "queued", parent_call_sid=parent.record.sid)
        self.party: Party = office.directory.party(dialled.address)
        self.dialled = dialled
        random = office.network.randomness.fresh(f"called {parent.run_id} {dialled.address} {parent.random.random()}")
        self.leg = Leg(office, record, self.party.script, random, parent.run_id, nobody)
        self._parent = parent
        self.bridged = False
        self.screen_url = None if dialled.url is None else joined(document.url, dialled.url)
        subscription = Subscription.of(dialled.status, document.url)
        self.progress = Progress(self.leg.callbacks, record, self.leg.fields, subscription)
        self._ended = asyncio.Event()
        self._limit: asyncio.TimerHandle | None = None

    @property
    def sip_status(self) -> str:
        """How the call ended, as SIP has it."""
        return SIP_STATUS[self.leg.record.status]

    def redirect(self, source: Source) -> bool:
        """Refuse: a called party goes where its caller goes."""
        return False

    def end(self) -> None:
        """Hang up from outside."""
        self._ended.set()

    def limit(self, seconds: float) -> None:
        """Let the call go on for `seconds` from now at most."""
        self._cancel_limit()
        self._limit = asyncio.get_running_loop().call_later(seconds, self.end)

    async def reach(self, patience: float, screen: Screen) -> bool:
        """Ring, and let the party hear its own document; True if it can be connected."""
        ringing = asyncio.ensure_future(ring(self.leg, self.party, patience, self.progress))
        hung_up = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({ringing, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if not ringing.done() or not ringing.result():
                return False
        finally:
            ringing.cancel()
            hung_up.cancel()
        await asyncio.sleep(keys_seconds(self.dialled.send_digits))
        return self.screen_url is None or await screen(self.leg, Webhook(self.screen_url, self.dialled.method))

    async def talk(self, time_limit: float) -> None:
        """Talk until the party hangs up, or is hung up from outside, or the time is over."""
        self.bridged = True
        talking = asyncio.ensure_future(self._converse())
        hung_up = asyncio.ensure_future(self._ended.wait())
        seconds = min(time_limit, self.party.script.max_call_ms / 1000)
        try:
            done, _ = await asyncio.wait({talking, hung_up}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if talking in done:
                talking.result()  # raises what went wrong in it
        finally:
            talking.cancel()
            hung_up.cancel()
            for leg in (self.leg, self._parent):
                leg.deck.cut(time.monotonic())

    def finish(self) -> None:
        """End the call, if it has not ended, and tell of it."""
        self._cancel_limit()
        record = self.leg.record
        record.end("completed" if record.start_time is not None else "canceled")
        self.leg.stop()
        self.progress.tell("completed")

    def _cancel_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()

    async def _converse(self) -> None:
        """Let the two talk: in each turn the called party says a line and the caller one, and both take breath."""
        script, random = self.party.script, self.leg.random
        turns = sum(isinstance(step, Speak | Interrupt) for step in script.course())
        for _ in range(turns):
            for speaker, hearer in ((self.leg, self._parent), (self._parent, self.leg)):
                line = self.leg.any_line()
                speaker.say(line)
                hearer.hear(line)
                await asyncio.sleep(self.leg.seconds_of(line) + script.reply_pause_ms.draw_s(random))
        await asyncio.sleep(script.hang_up_pause_ms.draw_s(random))


async def dial(leg: Leg, verb: Dial, document: Document, screen: Screen) -> Next:
    """Ring, connect, wait for the end of the conversation, and go on with the action.

    Where the caller hangs up or is sent to another document, the dialled calls end and the action is asked all the
    same, with nobody to execute its answer. So it was measured of Twilio, a redirect's own document second.
    """
    leg.answered(document)
    if verb.unsimulated:
        detail = f"<Dial><{verb.unsimulated}> is TwiML that the lab does not simulate: the call ends here"
        leg.fail("dial", "not-simulated", detail)
        return Ending.HANG_UP
    for dialled in verb.parties:
        if not ADDRESSES[dialled.noun].fullmatch(dialled.address):
            detail = f"<Dial> names {dialled.address[:50]!r}, which is no address of a {dialled.noun}"
            leg.fail("dial", "number-invalid", detail, INVALID_ADDRESS.get(dialled.noun))
            return Ending.HANG_UP
    caller = verb.caller_id or leg.record.caller
    children = [ChildCall(leg, dialled, caller, document) for dialled in verb.parties]
    for child in children:
        leg.office.account.add_call(child.leg.record)
        leg.office.running[child.leg.record.sid] = child
        leg.children.append(child.leg)
    chosen, recording, cut_short = None, None, False
    try:
        chosen = await _first(children, verb.timeout, screen)
        if chosen is not None:
            recording = _begin_recording(leg, verb, document)
            await chosen.talk(verb.time_limit)
    except asyncio.CancelledError:
        cut_short = True
        raise
    finally:
        if recording is not None:
            leg.finish_recording(recording)
        for child in children:
            leg.office.running.pop(child.leg.record.sid, None)
            child.finish()
        more = _told(leg, chosen, children, recording)
        if cut_short and verb.action is not None:
            leg.owed = Owed(document, verb.action, verb.method, more, on_redirect=True)
    leg.failure = leg.failure or next((child.leg.failure for child in children if child.leg.failure), None)
    return None if verb.action is None else await leg.follow(document, verb.action, verb.method, more)


def _told(leg: Leg, chosen: ChildCall | None, children: list[ChildCall], recording: Recording | None) -> Fields:
    """Give what the action is told: of the call that was connected, or of the first whose ringing was cut short."""
    canceled = (child for child in children if child.leg.record.status == "canceled")
    told = chosen or next(canceled, children[0])
    sip = [("DialSipCallId", f"{told.leg.record.sid[2:]}@0.0.0.0"), ("DialSipResponseCode", told.sip_status)]
    return [
        ("DialCallStatus", told.leg.record.status),
        ("DialCallSid", told.leg.record.sid),
        ("DialCallDuration", str(told.leg.record.duration)),
        ("DialBridged", str(told.bridged).lower()),
        *(sip if told.dialled.noun is Noun.SIP else ()),
        *(recording.fields(leg.network.account_sid) if recording is not None and recording.exists else ()),
    ]


async def _first(children: list[ChildCall], patience: float, screen: Screen) -> ChildCall | None:
    """Ring all at once; the first that can be connected ends the ringing of the others."""
    reaching = {asyncio.ensure_future(child.reach(patience, screen)): child for child in children}
    waiting = set(reaching)
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.result():
                    return reaching[task]
        return None
    finally:
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)


def _begin_recording(leg: Leg, verb: Dial, document: Document) -> Recording | None:
    """Begin to record the conversation, if that is asked for."""
    if verb.record in {"do-not-record", "false"}:
        return None
    channels = 2 if verb.record.endswith("-dual") else 1
    recording = leg.begin_recording("DialVerb", Subscription.of(verb.recording_status, document.url), channels)
    leg.attach(recording.tape)
    return recording
