"""What is played is given to whatever records, at its time, and no more of it than was heard."""

import asyncio
import time

import pytest

from mock_services.twilio.playback import AHEAD_SECONDS, Playback
from mock_services.twilio.protocol import sounds
from mock_services.twilio.protocol.sounds import Sound
from mock_services.twilio.recordings import Deck


class Ear:
    """A recorder that keeps what it is given, and when it is to be heard."""

    def __init__(self) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        self.cuts: list[float] = []
        self.given = asyncio.Event()

    def caller(self, ulaw: bytes, at: float) -> None:
        raise AssertionError("the caller says nothing")

    def agent(self, ulaw: bytes, at: float) -> None:
        self.pieces.append((at, ulaw))
        self.given.set()

    def cut(self, at: float) -> None:
        self.cuts.append(at)

    def end(self, at: float) -> None:
        raise AssertionError("the call goes on")

    @property
    def heard(self) -> bytes:
        return b"".join(ulaw for _, ulaw in self.pieces)


def text(seconds: float) -> Sound:
    return sounds.words("x" * round(seconds * 10), 1, 10.0)


@pytest.mark.anyio
async def test_sounds_are_given_one_after_another_and_take_their_time() -> None:
    deck, ear = Deck(), Ear()
    deck.recorders.append(ear)
    began = time.monotonic()
    await Playback(deck).play([text(1.2), sounds.silence(0.1), sounds.keys("1")])
    took = time.monotonic() - began
    assert took >= 1.5
    assert ear.heard == text(1.2).ulaw(0, 9600) + sounds.keys("1").ulaw(0, 1600)
    first = ear.pieces[0][0]
    assert [round(at - first, 3) for at, _ in ear.pieces] == [0, 1, 1.3]
    assert ear.cuts == []


@pytest.mark.anyio
async def test_only_so_much_is_heard() -> None:
    deck, ear = Deck(), Ear()
    deck.recorders.append(ear)
    await Playback(deck).play([text(0.2), text(0.2), text(0.2)], 0.3)
    assert len(ear.heard) == 2400


@pytest.mark.anyio
async def test_one_that_comes_amid_a_sound_is_given_the_rest() -> None:
    deck, early, late = Deck(), Ear(), Ear()
    deck.recorders.append(early)
    playback = Playback(deck)
    playing = asyncio.ensure_future(playback.play([text(1.3)]))
    await early.given.wait()
    deck.recorders.append(late)
    playback.join(late)
    await playing
    whole = text(1.3).ulaw(0, 10_400)
    assert early.heard == whole
    assert whole.endswith(late.heard)
    assert len(late.heard) > 8000
    playback.join(late)  # nothing is played any more
    assert whole.endswith(late.heard)


@pytest.mark.anyio
async def test_what_is_cut_short_is_heard_no_further() -> None:
    deck, ear = Deck(), Ear()
    deck.recorders.append(ear)
    playing = asyncio.ensure_future(Playback(deck).play([text(5)]))
    await ear.given.wait()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    (cut,) = ear.cuts
    assert cut < ear.pieces[0][0] + 1 - AHEAD_SECONDS
