"""`<Say>`, `<Play>` and `<Pause>`: what is said to the caller, as the time that it takes."""

from __future__ import annotations

import asyncio
import logging

from mock_services.twilio import wav
from mock_services.twilio.http import WebhookError, is_web_url
from mock_services.twilio.leg import Document, Leg
from mock_services.twilio.protocol.urls import joined
from mock_services.twilio.protocol.verbs import Pause, Play, Prompt, Say

log = logging.getLogger(__name__)

KEY_SECONDS = 0.2  # a key and the gap after it
WAITS = {"w": 0.5, "W": 1.0}
MOST_AUDIO = 4 << 20  # bytes of a file that `<Play>` names


async def speak(leg: Leg, prompt: Prompt, document: Document) -> None:
    """Let a prompt be heard to its end."""
    await asyncio.sleep(await length(leg, prompt, document))


async def length(leg: Leg, prompt: Prompt, document: Document) -> float:
    """Give how many seconds a prompt takes.

    Text takes its characters at the speech rate, a WAV file its own length; a file of another kind, or one that cannot
    be fetched, takes no time.
    """
    match prompt:
        case Say(text, loop):
            return len(text) * loop / leg.network.speech_rate
        case Pause(seconds):
            return seconds
        case Play(url, loop, digits):
            if digits:
                return tones_length(digits)
            return await _file_length(leg, joined(document.url, url)) * loop if url else 0.0


def tones_length(digits: str) -> float:
    """Give how many seconds keys take to be played."""
    return sum(WAITS.get(key, KEY_SECONDS) for key in digits)


async def _file_length(leg: Leg, url: str) -> float:
    if not is_web_url(url):
        return 0.0
    try:
        answer = await leg.network.http.fetch("GET", url, (), {}, {}, MOST_AUDIO)
    except WebhookError as failure:
        log.info("call %s: <Play> is passed over: %s", leg.record.sid, failure)
        return 0.0
    return wav.seconds(answer.body) or 0.0
