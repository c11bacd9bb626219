"""Delays: what a setting may say, and that drawn values are distributed as it says."""

import statistics
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from mock_services.core.latency import LONGEST_MS, Delay, DelaySetting, Fixed, Lognormal, Uniform, jittered, parse_delay

MS = st.floats(0, LONGEST_MS)
PAIRS = st.tuples(MS, MS).map(sorted)
DELAYS = st.one_of(
    st.builds(Fixed, MS),
    PAIRS.map(lambda pair: Uniform(*pair)),
    PAIRS.filter(lambda pair: pair[0] > 0).map(lambda pair: Lognormal(*pair)),
)


class Settings(BaseSettings):
    lab_delay: DelaySetting = Fixed(5)


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("0", Fixed(0)),
        ("250", Fixed(250)),
        (" fixed:2.5 ", Fixed(2.5)),
        ("uniform:100,400", Uniform(100, 400)),
        ("Lognormal: 400, 1500", Lognormal(400, 1500)),
    ],
)
def test_a_delay_is_one_short_text(text: str, delay: Delay) -> None:
    assert parse_delay(text) == delay
    assert parse_delay(str(delay)) == delay, "also where it was made of whole numbers"


@given(DELAYS)
def test_a_delay_is_written_as_it_is_read(delay: Delay) -> None:
    assert parse_delay(str(delay)) == delay


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-1",
        "nan",
        "inf",
        "600001",
        "uniform:5",
        "uniform:9,5",
        "lognormal:0,5",
        "lognormal:9,5",
        "poisson:5",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="delay"):
        parse_delay(text)


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        delay = parse_delay(text)
    except ValueError:
        return
    assert 0 <= delay.draw_s(Random(1)) <= LONGEST_MS / 1000 * (1 + 1e-9)


@given(DELAYS, st.integers())
@example(Lognormal(5e-324, LONGEST_MS), 1)
def test_one_seed_draws_the_same_delays_within_bounds(delay: Delay, seed: int) -> None:
    drawn = [delay.draw_s(random) for random in (Random(seed), Random(seed))]
    assert drawn[0] == drawn[1]
    assert 0 <= drawn[0] <= LONGEST_MS / 1000 * (1 + 1e-9)


def test_drawn_delays_have_the_percentiles_that_were_asked_for() -> None:
    random = Random("lab")
    lognormal = sorted(Lognormal(400, 1500).draw_s(random) for _ in range(20_000))
    assert statistics.median(lognormal) == pytest.approx(0.4, rel=0.03)
    assert lognormal[19_000] == pytest.approx(1.5, rel=0.05)
    uniform = [Uniform(100, 300).draw_s(random) for _ in range(20_000)]
    assert 0.1 <= min(uniform) < 0.101
    assert 0.299 < max(uniform) <= 0.3
    assert Fixed(250).draw_s(random) == 0.25


def test_gaps_that_jitter_keep_their_mean() -> None:
    random = Random("lab")
    gaps = sorted(jittered(0.1, 0.5, random) for _ in range(20_000))
    assert statistics.mean(gaps) == pytest.approx(0.1, rel=0.02)
    assert gaps[18_000] / gaps[10_000] == pytest.approx(1.898, rel=0.05), "the ratio of p90 to the median"
    state = random.getstate()
    assert jittered(0.1, 0, random) == 0.1
    assert random.getstate() == state, "nothing is drawn"


def test_the_environment_sets_a_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().lab_delay == Fixed(5)
    monkeypatch.setenv("LAB_DELAY", "lognormal:400,1500")
    assert Settings().lab_delay == Lognormal(400, 1500)
    assert Settings().model_dump() == {"lab_delay": "lognormal:400,1500"}
    monkeypatch.setenv("LAB_DELAY", "soon")
    with pytest.raises(ValidationError, match="'soon' is no delay: it takes milliseconds"):
        Settings()
