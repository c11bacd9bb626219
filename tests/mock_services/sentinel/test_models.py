"""What the sentinel counts: exactly, and in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mock_services.sentinel.models import OTHERS, Sightings
from mock_services.sentinel.protocol import Kind


@given(st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from("abcdef")), max_size=60), st.integers(1, 4))
def test_totals_are_exact_however_many_names_there_are(asked: list[tuple[Kind, str]], most: int) -> None:
    sightings = Sightings(most)
    for kind, name in asked:
        sightings.look_up(kind, name, "client")
    facts = sightings.facts()["lookups"]
    for kind in Kind:
        assert facts[kind]["total"] == sum(seen is kind for seen, _ in asked)
        assert len(facts[kind]["names"]) <= most + 1
        assert all(
            count == sum((kind, name) == one for one in asked)
            for name, count in facts[kind]["names"].items()
            if name != OTHERS and OTHERS not in facts[kind]["names"]
        )


def test_a_connection_without_a_name_is_to_the_name_that_its_client_last_looked_up() -> None:
    sightings = Sightings(10)
    sightings.look_up(Kind.OUTSIDE, "smtp.example.org", "198.18.53.7")
    sightings.look_up(Kind.DOUBLE, "api.openai.com", "198.18.53.7")
    assert sightings.refuse("", 25, "198.18.53.7") == "smtp.example.org:25"
    assert sightings.refuse("", 25, "198.18.53.8") == "(unnamed):25"
    assert sightings.refuse("other.example.org", 443, "198.18.53.7") == "other.example.org:443"


def test_a_reset_forgets_everything() -> None:
    sightings = Sightings(10)
    sightings.look_up(Kind.OUTSIDE, "smtp.example.org", "client")
    sightings.refuse("", 25, "client")
    sightings.clear()
    assert sightings.facts() == Sightings(10).facts()
    assert sightings.refuse("", 25, "client") == "(unnamed):25"
