"""`<Say>`, `<Play>` and `<Pause>`: what is said to the caller, for as long as it takes."""

from __future__ import annotations

import logging

from mock_services.twilio.http import WebhookError, is_web_url
from mock_services.twilio.leg import Document, Leg
from mock_services.twilio.protocol import sounds, wave_file
from mock_services.twilio.protocol.sounds import Sound
from mock_services.twilio.protocol.urls import joined
from mock_services.twilio.protocol.verbs import Pause, Play, Prompt, Say
from mock_services.twilio.protocol.wave_file import WaveFile

log = logging.getLogger(__name__)

MOST_AUDIO = 4 << 20  # bytes of a file that `<Play>` names


async def speak(leg: Leg, prompt: Prompt, document: Document) -> None:
    """Let a prompt be heard to its end."""
    await leg.playback.play([await sound(leg, prompt, document)])


async def sound(leg: Leg, prompt: Prompt, document: Document) -> Sound:
    """Give what is heard of a prompt.

    Text takes its characters at the speech rate, a WAV file its own length; a file of another kind, or one that cannot
    be fetched, takes no time.
    """
    match prompt:
        case Say(text, loop):
            return sounds.words(text, loop, leg.network.speech_rate)
        case Pause(seconds):
            return sounds.silence(seconds)
        case Play(url, loop, digits):
            if digits:
                return sounds.keys(digits)
            file = await _file(leg, joined(document.url, url)) if url else None
            return sounds.silence(0) if file is None else sounds.file(file, loop)


async def _file(leg: Leg, url: str) -> WaveFile | None:
    if not is_web_url(url):
        return None
    try:
        answer = await leg.network.http.fetch("GET", url, (), {}, {}, MOST_AUDIO)
    except WebhookError as failure:
        log.info("call %s: <Play> is passed over: %s", leg.record.sid, failure)
        return None
    return wave_file.read(answer.body)
