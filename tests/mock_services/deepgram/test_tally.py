"""The counts behind `/__lab/metrics`."""

from mock_services.deepgram.tally import Tally


def test_clearing_begins_anew_for_those_who_hold_the_tally() -> None:
    tally = held = Tally()
    tally.errors["X"] += 1
    tally.lateness_ms.add(3.0)
    tally.sessions += 2
    tally.clear()
    assert held.summary() == Tally().summary()
