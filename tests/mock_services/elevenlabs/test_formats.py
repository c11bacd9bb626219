"""The formats: stretches of audio join without a gap, and the codings are those of their standards."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.speech import DECODED
from mock_services.elevenlabs.errors import FormatNotHere
from mock_services.elevenlabs.formats import Format, FormatName
from mock_services.elevenlabs.speech import Speech
from tests.mock_services.elevenlabs.support import read_mp3

SERVED = [name for name in FormatName if not name.startswith("opus")]


@given(
    st.sampled_from(SERVED),
    st.floats(0, 200),
    st.lists(st.floats(0, 90), min_size=2, max_size=6).map(sorted),
)
def test_stretches_that_touch_are_one(name: FormatName, offset_s: float, cuts: list[float]) -> None:
    form = Format.named(name)
    pieces = [form.audio(offset_s, start, end) for start, end in pairwise(cuts)]
    whole = form.audio(offset_s, cuts[0], cuts[-1])
    assert b"".join(pieces) == whole
    assert len(whole) == pytest.approx((cuts[-1] - cuts[0]) / form.unit_s * form.unit_bytes, abs=2 * form.unit_bytes)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), st.floats(1, 100), st.floats(0.7, 1.2))
def test_a_texts_chunks_are_the_whole_text(text: str, pace: float, speed: float) -> None:
    speech = Speech(text, pace, speed)
    chunks = list(speech.chunks())
    assert "".join(text[chunk.first : chunk.last] for chunk in chunks) == text
    assert (chunks[0].start_s, chunks[-1].end_s) == (0, speech.duration_s)
    assert all(before.end_s == after.start_s for before, after in pairwise(chunks))
    mp3 = Format.named(FormatName.MP3_44100_128)
    joined = b"".join(speech.audio(mp3, chunk) for chunk in chunks)
    if joined:
        assert read_mp3(joined).duration_s == pytest.approx(speech.duration_s, abs=0.027)


def test_the_silent_frame_is_the_known_one() -> None:
    frame = Format.named(FormatName.MP3_44100_128).audio(0, 0, 0.0261)
    assert frame == b"\xff\xfb\x90\xc4" + bytes(413)


def test_a_higher_rate_is_the_same_speech() -> None:
    low = Format.named(FormatName.PCM_8000).audio(0, 0, 1)
    for name, factor in ((FormatName.PCM_16000, 2), (FormatName.PCM_24000, 3), (FormatName.PCM_48000, 6)):
        high = Format.named(name).audio(0, 0, 1)
        assert b"".join(high[2 * at : 2 * at + 2] for at in range(0, len(high) // 2, factor)) == low


def test_a_law_says_what_mu_law_says() -> None:
    """Decode A-law by its definition (ITU-T G.711) and compare with the μ-law that it was made of."""

    def decoded(code: int) -> int:
        code ^= 0x55
        segment, step = code >> 4 & 7, code & 15
        magnitude = (step << 4) + 8 if segment == 0 else ((step << 4) + 0x108) << segment - 1
        return magnitude if code & 0x80 else -magnitude

    ulaw = Format.named(FormatName.ULAW_8000).audio(0, 0, 3)
    alaw = Format.named(FormatName.ALAW_8000).audio(0, 0, 3)
    for before, after in zip(ulaw, alaw, strict=True):
        assert math.isclose(decoded(after), DECODED[before], rel_tol=0.07, abs_tol=16)


def test_opus_is_refused_by_name() -> None:
    with pytest.raises(FormatNotHere, match="opus_48000_64"):
        Format.named(FormatName.OPUS_48000_64)
