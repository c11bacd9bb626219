"""Speech: the μ-law arithmetic is G.711's, and the recordings are what callers and voice detection need."""

import json
import math
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core import speech
from mock_services.core.speech import FRAME_BYTES, FRAME_MS, SILENCE, Recording, is_voiced, load_recordings

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "mock_services" / "core" / "recordings"
EVERY_CODE = bytes(range(256))


def every_recording() -> tuple[Recording, ...]:
    return load_recordings("caller") + load_recordings("agent")


def frames(ulaw: bytes) -> list[bytes]:
    return [ulaw[start : start + FRAME_BYTES] for start in range(0, len(ulaw), FRAME_BYTES)]


def rms(ulaw: bytes) -> float:
    return math.sqrt(sum(sample**2 for sample in speech.decode(ulaw)) / len(ulaw))


def tone(amplitude: float, duration_ms: int = FRAME_MS, hertz: float = 400.0) -> bytes:
    return speech.encode(
        round(amplitude * math.sin(2 * math.pi * hertz * n / speech.SAMPLE_RATE)) for n in range(duration_ms * 8)
    )


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop, the reference here, is gone from Python 3.13")
def test_every_sample_and_every_code_convert_as_audioop_does() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop  # noqa: PLC0415

    from array import array  # noqa: PLC0415

    samples = array("h", range(-0x8000, 0x8000))
    assert speech.encode(samples) == audioop.lin2ulaw(samples.tobytes(), 2)
    assert speech.decode(EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)


def test_known_points_of_g711() -> None:
    assert speech.encode([0, 32767, -32768, 99_999, -99_999]) == bytes([SILENCE, 0x80, 0x00, 0x80, 0x00])
    assert list(speech.decode(bytes([0xFF, 0x7F, 0x80, 0x00]))) == [0, 0, 32124, -32124]


@given(st.binary(max_size=400))
def test_decoding_and_encoding_again_changes_no_code_but_negative_zero(ulaw: bytes) -> None:
    assert speech.encode(speech.decode(ulaw)) == ulaw.replace(b"\x7f", b"\xff")


def test_silence_comfort_noise_and_clicks_are_not_voice() -> None:
    assert not is_voiced(b"")
    assert not is_voiced(bytes([SILENCE]) * FRAME_BYTES)
    for level in (10.0, 60.0):
        noise = speech.comfort_noise(Random(5), 20_000, level)
        assert rms(noise) == pytest.approx(level, rel=0.05, abs=2.5)
        assert not is_voiced(noise)
    click = bytearray([SILENCE]) * FRAME_BYTES
    click[80:84] = b"\x00\x80\x00\x80"
    assert rms(bytes(click)) > 3000
    assert not is_voiced(bytes(click))


def test_a_voice_is_heard_about_an_rms_of_300() -> None:
    assert is_voiced(tone(amplitude=300 * math.sqrt(2)))
    assert not is_voiced(tone(amplitude=200 * math.sqrt(2)))


@given(before=st.integers(0, 30), after=st.integers(0, 30))
def test_one_spoken_frame_is_found_in_a_payload_of_any_length(before: int, after: int) -> None:
    silence = bytes([SILENCE]) * FRAME_BYTES
    assert not is_voiced(silence * (before + after))
    assert is_voiced(silence * before + tone(2000) + silence * after)


def test_a_short_remainder_is_judged_by_itself() -> None:
    assert is_voiced(bytes([SILENCE]) * FRAME_BYTES + tone(2000)[:40])


def test_comfort_noise_repeats_with_its_seed_and_has_the_length_asked_for() -> None:
    assert speech.comfort_noise(Random(1), 100) == speech.comfort_noise(Random(1), 100)
    assert speech.comfort_noise(Random(1), 100) != speech.comfort_noise(Random(2), 100)
    assert len(speech.comfort_noise(Random(1), 100)) == 800


def test_there_are_short_and_long_lines_of_both_roles_and_a_greeting() -> None:
    callers, agents = load_recordings("caller"), load_recordings("agent")
    assert len(callers) >= 8
    assert len(agents) >= 9
    for lines in (callers, agents):
        assert min(line.duration_ms for line in lines) < 2000
        assert max(line.duration_ms for line in lines) > 4000
    assert "greeting" in {line.topic for line in agents}
    assert {line.topic for line in callers} < {line.topic for line in agents}, "each caller's line has a reply"
    assert len({line.id for line in every_recording()}) == len(callers) + len(agents)


@pytest.mark.parametrize("line", every_recording(), ids=lambda line: line.id)
def test_a_recording_is_whole_frames_of_speech_without_silence_around_it(line: Recording) -> None:
    cut = frames(line.ulaw)
    assert len(cut[-1]) == FRAME_BYTES
    assert line.duration_ms == len(cut) * FRAME_MS
    assert all(map(is_voiced, cut[:3]))
    assert is_voiced(cut[-1])
    assert 1500 < rms(line.ulaw) < 4000


@pytest.mark.parametrize("line", every_recording(), ids=lambda line: line.id)
def test_no_pause_within_a_line_is_long_enough_to_be_taken_for_its_end(line: Recording) -> None:
    pauses = "".join("v" if is_voiced(frame) else " " for frame in frames(line.ulaw)).split("v")
    assert max(map(len, pauses)) * FRAME_MS <= 300


def test_the_folder_holds_what_the_manifest_names_and_stays_small() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["recordings"]
    assert {entry["file"] for entry in manifest} == {path.name for path in FOLDER.glob("*.ulaw")}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 500_000


def test_a_callers_frame_is_recognised_and_anything_else_is_not() -> None:
    for line in load_recordings("caller"):
        recognised = {speech.recognise(frame) for frame in frames(line.ulaw) if is_voiced(frame)}
        assert line in recognised
        assert recognised <= {line, None}, "no frame is taken for another line's"
        assert speech.recognise(line.ulaw[: FRAME_BYTES - 1]) is None
    assert speech.recognise(bytes([SILENCE]) * FRAME_BYTES) is None
    assert speech.recognise(tone(2000)) is None


def test_flite_speaks_the_manifest_words_again_in_the_same_time(tmp_path: Path) -> None:
    assert shutil.which("flite"), "flite makes the recordings: apt-get install flite (Debian, Ubuntu)"
    line = load_recordings("agent")[0]
    wav = tmp_path / "line.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", line.text, "-o", str(wav)], check=True)
    spoken_ms = (wav.stat().st_size - 44) / 2 / 16
    assert line.duration_ms <= spoken_ms <= line.duration_ms + 1000, "synthesised speech only loses its silent ends"
