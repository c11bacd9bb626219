"""Load profiles: what the file may say, and how many users that means at each second."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.profiles import Profile, ProfileError, Stage, load_profiles, read_profile, seconds_of
from metrics.results import SLACK_S, longest_with

STAGE = {"users": 10, "spawn_rate": 5, "run_time": "30s"}


def test_the_suites_own_profiles_are_those_of_the_brief() -> None:
    profiles = load_profiles()
    assert {"smoke", "sustained", "peak", "spike", "stress", "soak"} <= set(profiles)
    assert [profiles[name].most_users for name in ("sustained", "peak")] == [50, 100]
    assert profiles["soak"].seconds >= 3600
    assert profiles["stress"].until_target_breaks
    users = [stage.users for stage in profiles["stress"].stages]
    assert users == sorted(set(users))
    spike = [stage.users for stage in profiles["spike"].stages]
    assert max(spike) >= 5 * spike[0] == 5 * spike[-1]
    assert [profile.name for profile in profiles.values() if profile.arrivals_per_second] == ["arrivals"]
    assert [profile.name for profile in profiles.values() if profile.poisson] == ["arrivals"]


def test_a_profile_goes_through_its_stages_and_ends() -> None:
    spike = read_profile("spike", {"stages": [STAGE, {**STAGE, "users": 50, "run_time": "10s"}, STAGE]})
    at = {second: stage.users if (stage := spike.at(second)) else None for second in (0, 29.9, 30, 39.9, 40, 69, 70)}
    assert at == {0: 10, 29.9: 10, 30: 50, 39.9: 50, 40: 10, 69: 10, 70: None}
    assert (spike.seconds, spike.most_users) == (70, 50)


def test_users_come_and_go_by_the_spawn_rate() -> None:
    stages = [{"users": 10, "spawn_rate": 4, "run_time": "4s"}, {"users": 1, "spawn_rate": 5, "run_time": "3s"}]
    assert read_profile("two", {"stages": stages}).users_by_second() == [4, 8, 10, 10, 5, 1, 1]


@pytest.mark.parametrize(
    ("profile", "sustained", "peak"),
    [
        ("smoke", False, False),
        ("sustained", True, False),
        ("peak", True, True),
        ("spike", False, True),
        ("stress", True, True),
        ("soak", False, False),
    ],
)
def test_the_labs_targets_of_users_are_judged_in_the_profiles_that_reach_them(
    profile: str, sustained: bool, peak: bool
) -> None:
    planned = load_profiles()[profile].users_by_second()
    assert (longest_with(planned, 50) >= 60 + SLACK_S, longest_with(planned, 100) >= SLACK_S) == (sustained, peak)


def test_a_climb_goes_up_in_equal_steps_to_its_end() -> None:
    stress = read_profile("stress", {"climb": {"by": 20, "every": "1m", "to": 50}, "spawn_rate": 5})
    assert stress.stages == (Stage(20, 5, 60), Stage(40, 5, 60), Stage(50, 5, 60))


@given(
    st.lists(st.builds(Stage, st.integers(1, 500), st.just(5.0), st.integers(1, 600)), min_size=1, max_size=6),
    st.integers(1, 1000),
    st.integers(1, 5000),
)
def test_resizing_keeps_the_shape_and_never_makes_a_run_of_several_stages_longer(
    stages: list[Stage], users: int, seconds: int
) -> None:
    profile = Profile("any", tuple(stages)).resized(users, seconds)
    whole = sum(stage.seconds for stage in stages)
    if len(stages) == 1:
        assert profile.seconds == seconds
    else:
        assert profile.seconds == min(seconds, whole)
    assert profile.most_users <= users
    if len(stages) == 1 or seconds >= whole:
        assert profile.most_users == users
    assert Profile("any", tuple(stages)).resized(None, None) == Profile("any", tuple(stages))


@pytest.mark.parametrize(("users", "rate"), [(100, 50), (20, 10), (10, 5), (4, 5), (100_000, 1_000)])
def test_more_users_start_in_the_time_of_the_profiles_own_and_fewer_at_its_rate(users: int, rate: float) -> None:
    resized = read_profile("any", STAGE).resized(users, None)
    assert resized.stages == (Stage(users, rate, 30),)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("2m", 120), ("1h30m", 5400), ("45", 45)])
def test_times_are_written_as_locust_writes_them(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "soon", "-5s", "8d", "999999h", 30])
def test_another_time_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (5, "no table"),
        ({**STAGE, "speed": 5}, "has 'speed'"),
        ({"users": 5}, "takes exactly run_time, spawn_rate, users"),
        ({**STAGE, "users": 0}, "users is 0"),
        ({**STAGE, "users": 1.5}, "whole number"),
        ({**STAGE, "users": True}, "users is True"),
        ({**STAGE, "run_time": "soon"}, "run_time: 'soon' is not a time"),
        ({**STAGE, "until_target_breaks": "yes"}, "takes true or false"),
        ({**STAGE, "arrivals_per_second": 0}, "arrivals_per_second is 0"),
        ({"stages": [STAGE, STAGE], "arrivals_per_second": 5}, "takes one stage"),
        ({**STAGE, "arrivals_per_second": 5, "arrivals": "often"}, "arrivals is 'often'; it takes even or poisson"),
        ({**STAGE, "arrivals": "poisson"}, "has arrivals and no arrivals_per_second"),
        ({"stages": []}, "takes a list of tables"),
        ({"stages": [{**STAGE, "users": "many"}]}, "stage 1 users is 'many'"),
        ({"stages": [STAGE], "users": 5}, "has stages and users"),
        ({"climb": {"by": 5}, "spawn_rate": 5}, "takes climb ="),
        ({"climb": {"by": 5, "every": "1m", "to": 3}, "spawn_rate": 5}, "climb.to is 3"),
        ({"climb": {"by": 5, "every": "1m", "to": 9}, "spawn_rate": 5, "users": 3}, "has climb and users"),
    ],
)
def test_a_profile_that_cannot_be_run_is_one_sentence(entry: Any, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile("odd", entry)
    assert words in str(caught.value)
    assert "odd" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "profiles.toml"
    with pytest.raises(ProfileError, match=r"profiles\.toml: cannot be read"):
        load_profiles(file)
    file.write_text("[[")
    with pytest.raises(ProfileError, match=r"profiles\.toml: is not TOML"):
        load_profiles(file)
    file.write_text("[mine]\nusers = 3\n")
    with pytest.raises(ProfileError, match=r"profiles\.toml: \[mine\] takes exactly"):
        load_profiles(file)
