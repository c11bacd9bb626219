"""The counts behind `/__lab/metrics`."""

import pytest

from mock_services.deepgram.tally import AgentTally, ListenTally


@pytest.mark.parametrize("kind", [AgentTally, ListenTally])
def test_clearing_begins_anew_for_those_who_hold_the_tally(kind: type[AgentTally] | type[ListenTally]) -> None:
    tally = held = kind()
    tally.errors["X"] += 1
    tally.lateness_ms.add(3.0)
    tally.refused += 2
    assert held.summary()["errors"] == {"X": 1}
    tally.clear()
    assert held.summary() == kind().summary()
    assert held.summary()["lateness_ms"] == {"count": 0}
