"""`<Gather>` and `<Record>`: the call listens, and the party at the other end answers as its script has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from mock_services.core.speech import load_recordings
from mock_services.twilio.callbacks import Subscription
from mock_services.twilio.leg import Document, Ending, Leg, Next, Owed, ulaw
from mock_services.twilio.performing import speech
from mock_services.twilio.protocol import answers, sounds
from mock_services.twilio.protocol.answers import Act, Moment
from mock_services.twilio.protocol.verbs import Gather, Record

BEEP_SECONDS = 0.5
INTERRUPTED_AT = 0.5  # the share of a prompt that somebody who answers over it has heard


async def gather(leg: Leg, verb: Gather, document: Document) -> Next:
    """Play the prompts, collect keys or speech, and go on with the action if there were any."""
    leg.answered(document)
    answer = leg.next_answer(lambda: _any_input(leg, verb))
    over = answers.over_prompt(answer)
    prompts = [await speech.sound(leg, prompt, document) for prompt in verb.prompts]
    heard = INTERRUPTED_AT if over else 1.0
    await leg.playback.play(prompts, heard * sum(prompt.seconds for prompt in prompts))
    course = _course(leg, answer, 0.0 if over else leg.script.reply_pause_ms.draw_s(leg.random))
    gathered = answers.gather(verb, course)
    await _live_through(leg, course, gathered.at)
    if gathered.hung_up:
        return _hang_up(leg)
    if gathered.digits:
        more = [("Digits", gathered.digits)]
    elif gathered.speech:
        more = [("SpeechResult", _transcript(gathered.speech)), ("Confidence", f"{leg.random.uniform(0.85, 0.98):.7f}")]
    elif verb.action_on_empty_result:
        more = [("Digits", "")] if verb.dtmf else [("SpeechResult", ""), ("Confidence", "0.0")]
    else:
        return None
    return await leg.follow(document, verb.action, verb.method, more)


async def record(leg: Leg, verb: Record, document: Document) -> Next:
    """Record what the party says, and go on with the action if it said something.

    Where somebody hangs up, the action is asked when the call is over.
    """
    leg.answered(document)
    if verb.play_beep:
        await leg.playback.play([sounds.beep(BEEP_SECONDS)])
    answer = leg.next_answer(leg.any_line)
    course = _course(leg, answer, leg.script.reply_pause_ms.draw_s(leg.random))
    recorded = answers.record(verb, course)
    now = time.monotonic()
    subscription = Subscription.of(verb.status, document.url)
    recording = leg.begin_recording("RecordVerb", subscription, at=now + recorded.begin)
    for at, line in recorded.lines:
        recording.tape.caller(ulaw(leg.network.voice.line(line)), now + at)
    try:
        await _live_through(leg, course, recorded.at)
    except asyncio.CancelledError:
        recorded = answers.record(verb, answers.cut_off(course, min(time.monotonic() - now, recorded.at)))
        raise
    finally:
        leg.finish_recording(recording, now + recorded.end if recorded.lines else recording.tape.began)
        hung_up = recorded.key == answers.HANG_UP
        more = [*recording.fields(leg.network.account_sid), ("Digits", recorded.key)]
        if hung_up and recorded.lines:
            leg.owed = Owed(document, verb.action, verb.method, more)
    if hung_up:
        return _hang_up(leg)
    return await leg.follow(document, verb.action, verb.method, more) if recorded.lines else None


def _any_input(leg: Leg, verb: Gather) -> str:
    if verb.speech:
        return leg.any_line()
    return "1" * (verb.num_digits or 1)


def _course(leg: Leg, answer: str, pause: float) -> tuple[Moment, ...]:
    course = answers.moments(answer, leg.seconds_of)
    return tuple(replace(moment, at=moment.at + pause, until=moment.until + pause) for moment in course)


async def _live_through(leg: Leg, course: Sequence[Moment], seconds: float) -> None:
    """Let the party do what it does in the next `seconds`."""
    now = 0.0
    for moment in course:
        if moment.at > seconds:
            break
        await asyncio.sleep(moment.at - now)
        now = moment.at
        if moment.act is Act.SPEECH:
            leg.say(moment.value)
    await asyncio.sleep(seconds - now)


def _hang_up(leg: Leg) -> Ending:
    leg.reason = "caller-hangup"
    return Ending.HANG_UP


def _transcript(lines: Sequence[str]) -> str:
    texts = {recording.id: recording.text for recording in load_recordings("caller")}
    return " ".join(texts[line] for line in lines)
