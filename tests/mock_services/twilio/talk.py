"""A call without a line: a caller, and an agent that speaks when it is told to."""

from random import Random

from mock_services.twilio.protocol.audio import Line, Voice
from mock_services.twilio.protocol.turns import Caller, Phase, Script

NOISE = tuple(f"noise {place}".encode() for place in range(10))
VOICE = Voice(
    (
        Line("short", (b"short 1", b"short 2")),
        Line("long", tuple(f"long {place}".encode() for place in range(50))),
    ),
    NOISE,
)
FRAME = 0.02


class Talk:
    """A call in which the agent speaks when it is told to. Time is counted in frames."""

    def __init__(self, script: Script, seed: int = 1) -> None:
        self.now = 500.0
        self.voiced_until = 0.0
        self.caller = Caller(script, VOICE, Random(seed), self.now)
        self.sent: list[bytes] = []

    def ticks(self, count: int) -> None:
        for _ in range(count):
            if self.caller.phase is Phase.DONE:
                return
            self.now += FRAME
            self.sent.append(self.caller.tick(self.now, self.voiced_until))

    def agent_speaks(self, seconds: float, after: float = 0.0) -> None:
        """Send `seconds` of voice in one message, behind `after` seconds of silence."""
        begins = max(self.voiced_until, self.now) + after
        self.voiced_until = begins + seconds
        self.caller.hear(begins)

    def agent_clears(self) -> None:
        self.voiced_until = min(self.voiced_until, self.now)
        self.caller.cleared(self.now)

    def until(self, phase: Phase, limit: int = 2000) -> int:
        for count in range(limit):
            if self.caller.phase is phase:
                return count
            self.ticks(1)
        raise AssertionError(f"{limit} frames went by and the caller {self.caller.phase.value}")

    def spoken(self) -> list[bytes]:
        return [payload for payload in self.sent if payload not in NOISE]
