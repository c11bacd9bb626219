"""What the voice agent took of a run's turns is counted from the run's start, whatever its double did before."""

import pytest

from metrics.agent_turns import AgentTurns


def test_what_the_agent_did_before_the_run_is_none_of_its_turns() -> None:
    agent = AgentTurns()
    agent.at(100, 900.0)
    assert agent.average_ms is None
    agent.at(104, (100 * 900 + 4 * 300) / 104)
    assert agent.average_ms == pytest.approx(300)
    assert agent.without(450) == pytest.approx(150)
    assert agent.without(200) == 0, "its clock is another's"
    assert agent.without(None) is None


def test_an_agent_that_is_started_anew_goes_on_where_it_was() -> None:
    agent = AgentTurns()
    agent.at(0, 0.0)
    agent.at(2, 400.0)
    agent.at(1, 100.0)
    assert agent.average_ms == pytest.approx(300)


def test_sums_that_begin_anew_leave_out_what_was() -> None:
    agent = AgentTurns()
    agent.at(0, 0.0)
    agent.at(2, 400.0)
    agent.clear()
    assert agent.average_ms is None
    agent.at(4, 300.0)
    assert agent.average_ms == pytest.approx(200)
