"""A caller interrupts the agent: from the Twilio double over the backend to the Deepgram stub, and the silence back."""

from typing import Any

import pytest

from mock_services.backend.defects import Defect
from mock_services.core.speech import load_recordings
from tests.mock_services.backend.test_voice_agent import INCOMING, TOKEN, lab
from tests.mock_services.twilio.lab import phone, running_double
from tests.support.doubles import serving

LONGEST = max(load_recordings("agent"), key=lambda line: line.duration_ms if line.topic != "greeting" else 0)
ONSET_MS = 60  # after so much voice, its third frame, Deepgram says that the caller has begun to speak
SCRIPT = {
    "lines": [f"caller-{LONGEST.topic}"],
    "quiet_gap_ms": 400,
    "reply_pause_ms": 0,
    "max_wait_ms": 5000,
    "steps": [
        {"do": "hear"},
        {"do": "listen"},
        {"do": "speak"},
        {"do": "interrupt", "after_ms": 500, "talk_ms": 600},
    ],
}


async def interrupted(**environment: str) -> tuple[dict[str, Any], int]:
    """Give the event of a call's interruption, and how often the backend sent `clear`."""
    with serving("deepgram") as deepgram, running_double(TOKEN) as double:
        async with lab(DEEPGRAM_AGENT_URL=f"ws://{deepgram}/v1/agent/converse", **environment) as it:
            double.buy(it.number, VoiceUrl=f"http://{it.address}{INCOMING}")
            async with phone(double) as caller:
                events = await caller.call("one", it.number, SCRIPT)
            assert events[-1]["event"] == "ended", events[-1]
            clears: int = (await it.metrics())["voice_agent"].get("clears", 0)
    (barge_in,) = (event for event in events if event["event"] == "barge_in")
    return barge_in, clears


@pytest.mark.anyio
async def test_an_agent_that_is_interrupted_falls_silent_as_soon_as_it_is_noticed() -> None:
    barge_in, clears = await interrupted()
    assert barge_in["cleared"]
    assert ONSET_MS - 2 * 20 <= barge_in["latency_ms"] < ONSET_MS + 500  # the first frame may have left late
    assert clears == 2  # the caller began to speak twice: once it was answered, once it interrupted


@pytest.mark.anyio
async def test_the_platforms_agent_is_heard_to_the_end_of_what_it_has_sent() -> None:
    barge_in, clears = await interrupted(BACKEND_DEFECTS=Defect.AGENT_TALKS_ON)
    assert "cleared" not in barge_in
    assert barge_in["latency_ms"] > 700
    assert clears == 0
