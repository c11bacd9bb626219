"""Speech as the sockets take it: sample for sample what G.711 says, and sent at the pace of its own time."""

import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core import speech as reference
from utils import speech
from utils.pacing import Schedule


def test_the_codes_mean_what_the_lab_and_the_standard_say() -> None:
    assert speech.LINEAR == reference.DECODED


@pytest.mark.parametrize("recording", speech.RECORDINGS)
def test_recordings_are_whole_frames_that_end_with_speech(recording: str) -> None:
    frames = speech.ulaw_frames(recording)
    assert {len(frame) for frame in frames} == {speech.ULAW_FRAME}
    assert speech.is_audible(frames[-1])
    assert 0.5 < len(frames) * speech.FRAME_MS / 1000 < 4


@pytest.mark.parametrize("recording", speech.RECORDINGS)
def test_linear_audio_holds_the_recordings_own_samples(recording: str) -> None:
    samples = array("h", speech.pcm(recording))
    if sys.byteorder == "big":
        samples.byteswap()
    ulaw = b"".join(speech.ulaw_frames(recording))
    assert list(samples[::2]) == list(reference.decode(ulaw))
    assert len(speech.pcm(recording)) == len(speech.ulaw_frames(recording)) * speech.PCM_FRAME


@given(st.binary(max_size=700))
def test_what_is_audible_is_what_the_doubles_take_for_voice(ulaw: bytes) -> None:
    if len(ulaw) % speech.ULAW_FRAME == 0:
        assert speech.is_audible(ulaw) == reference.is_voiced(ulaw)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_lateness_never_adds_up() -> None:
    clock = Clock()
    left: list[float] = []

    def give(frame: bytes) -> bool:
        left.append(clock.now)
        if len(left) == 2:
            clock.now += 0.05  # a slow moment
        return True

    schedule = Schedule(0.02, lambda: clock.now, clock.sleep)
    assert schedule.send([b"x"] * 6, give)
    assert left == pytest.approx([100.0, 100.02, 100.07, 100.07, 100.08, 100.10])
    assert (schedule.pace.frames_sent, schedule.pace.frames_late) == (6, 1)
    assert schedule.pace.most_late_ms == pytest.approx(30)
    assert schedule.pace.due == pytest.approx(100.10)


def test_a_stream_ends_where_it_is_told_to_and_where_a_frame_is_not_taken() -> None:
    clock = Clock()
    schedule = Schedule(0.02, lambda: clock.now, clock.sleep)
    assert schedule.send([b"x"] * 9, lambda frame: True, lambda: schedule.pace.frames_sent == 4)
    assert schedule.pace.frames_sent == 4
    assert not schedule.send([b"x"] * 9, lambda frame: False)
    assert schedule.pace.frames_sent == 5
