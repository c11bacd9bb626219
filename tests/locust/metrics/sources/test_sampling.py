"""A source that fails is said once and left out, one at fault itself makes the run invalid; the others go on."""

# mypy: allow-untyped-calls

from collections.abc import Callable

import gevent
import gevent.event
import pytest

from metrics.faults import Faults
from metrics.sources import sampling as sampling_module
from metrics.sources.sampling import Sampling, Source, SourceError


class Scripted:
    """A source that does one thing after the other, then the last again and again."""

    def __init__(self, *steps: Callable[[], list[str]]) -> None:
        self.steps = list(steps)
        self.looks = 0
        self.closed = False

    def look(self, run_id: str, second: int) -> list[str]:
        self.looks += 1
        return (self.steps.pop(0) if len(self.steps) > 1 else self.steps[0])()

    def close(self) -> None:
        self.closed = True


def fails(*lines: str) -> Callable[[], list[str]]:
    def step() -> list[str]:
        raise SourceError("http://double does not answer", lines)

    return step


def hangs() -> list[str]:
    gevent.event.Event().wait()
    return []


def run(*sources: Source, until: Callable[[], bool], faults: Faults | None = None) -> list[str]:
    written: list[str] = []
    sampling = Sampling("r", sources, written.extend, lambda: 1000.0, faults or Faults())
    sampling.start()
    with gevent.Timeout(10):
        while not until():
            gevent.sleep(0.001)
    sampling.stop()
    return written


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling_module, "AFTER_THE_SECOND_S", -1 + 0.01)


def test_a_failing_source_is_said_once_and_again_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    source = Scripted(fails("down"), fails("down"), fails(), lambda: ["up"])
    written = run(source, until=lambda: source.looks > 5)
    assert written[:3] == ["down", "down", "up"]
    assert [record.getMessage() for record in caplog.records] == [
        "http://double does not answer; it is left out of the points, and the run goes on.",
        "It can be looked at again: http://double does not answer.",
    ]
    assert source.closed


def test_a_source_that_hangs_holds_nothing_up() -> None:
    hanging, other = Scripted(hangs), Scripted(lambda: ["x"])
    written = run(hanging, other, until=lambda: other.looks > 3)
    assert len(written) >= 3
    assert hanging.looks == 1


def broken() -> list[str]:
    raise TypeError("a double that answers a list")


def test_a_source_at_fault_makes_the_run_invalid_by_its_name_and_is_looked_at_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = Faults()
    source, other = Scripted(broken, broken, lambda: ["up"]), Scripted(lambda: ["x"])
    written = run(source, other, until=lambda: source.looks > 3 and other.looks > 3, faults=faults)
    assert {"up", "x"} <= set(written)
    assert faults.sentences == [
        "looking around the run (Scripted): TypeError('a double that answers a list')",
    ]
    assert len(caplog.records) == 1, "said once"


def test_a_source_that_cannot_be_closed_does_not_keep_the_others_open() -> None:
    class Stuck(Scripted):
        def close(self) -> None:
            raise RuntimeError("no")

    faults = Faults()
    stuck, other = Stuck(lambda: []), Scripted(lambda: [])
    run(stuck, other, until=lambda: other.looks > 0, faults=faults)
    assert other.closed
    assert faults.sentences == ["looking around the run (Stuck): RuntimeError('no')"]
