"""What a run looks at, and whom it asks how they bear it."""

import time

from metrics.sources.double_process import Bore
from metrics.sources.of_run import sources_of
from metrics.surroundings import Surroundings
from tests.support.doubles import serving


class Witness:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.bores: list[tuple[str, Bore]] = []
        self.frames: list[tuple[int, int]] = []

    def saw_double(self, name: str, bore: Bore) -> None:
        self.bores.append((name, bore))

    def saw_frames(self, due: int, skipped: int) -> None:
        self.frames.append((due, skipped))

    def saw_agent(self, turns: int, average_ms: float) -> None:
        raise AssertionError("nobody here is the voice agent")

    def lost_double(self, name: str, second: int) -> None:
        raise AssertionError(f"{name} is there")


def test_the_verdict_is_told_how_doubles_bear_the_run_and_not_how_the_target_does() -> None:
    witness = Witness()
    with serving("openai") as double, serving("stripe") as target:
        surroundings = Surroundings({"vendors": f"http://{double}", "itself": f"http://{target}"})
        sources = sources_of(surroundings, f"http://{target}", lambda *asked: {}, None, witness, set())
        lines: list[str] = []
        deadline = time.monotonic() + 10
        while len(witness.bores) < 2:
            lines = [line for source in sources for line in source.look("r", int(time.time()))]
            assert time.monotonic() < deadline
        for source in sources:
            source.close()
    assert [name for name, _ in witness.bores] == ["vendors", "vendors"]
    assert all(bore.seconds > 0 and bore.cpu >= 0 for _, bore in witness.bores)
    (points,) = [line for line in lines if line.startswith("doubles,run_id=r,double=openai ")]
    assert "cpu=" in points
    assert "held_up=" in points
    assert [line for line in lines if "role=target" in line]
