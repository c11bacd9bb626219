"""The router finds what was added, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.router import Router

SEGMENT = st.text(alphabet="abcxyz019-", min_size=1, max_size=6)


def router(*templates: str) -> Router[str]:
    built: Router[str] = Router()
    for template in templates:
        built.add("GET", template, template)
    return built


def test_fixed_segments_win_over_parameters() -> None:
    built = router("/contacts/{id}", "/contacts/search")
    assert built.find("GET", "/contacts/search")[0] == "/contacts/search"
    assert built.find("GET", "/contacts/17") == ("/contacts/{id}", {"id": "17"}, ())


def test_search_steps_back_from_a_fixed_segment_that_leads_nowhere() -> None:
    built = router("/a/b/c", "/a/{x}/d")
    assert built.find("GET", "/a/b/d") == ("/a/{x}/d", {"x": "b"}, ())


def test_a_suffix_belongs_to_the_template_and_not_to_the_value() -> None:
    built = router("/Calls.json", "/Calls/{sid}.json", "/Calls/{sid}/Recordings.json")
    assert built.find("GET", "/Calls.json")[0] == "/Calls.json"
    assert built.find("GET", "/Calls/CA1.json") == ("/Calls/{sid}.json", {"sid": "CA1"}, ())
    assert built.find("GET", "/Calls/CA1/Recordings.json")[1] == {"sid": "CA1"}
    assert built.find("GET", "/Calls/.json") == (None, {}, ())


def test_a_known_path_with_another_method_names_the_methods_it_has() -> None:
    assert router("/a").find("POST", "/a") == (None, {}, ("GET",))


def test_a_fixed_path_without_the_method_gives_way_to_a_parameter_that_has_it() -> None:
    built: Router[str] = Router()
    for method, template in (("PATCH", "/users/me"), ("GET", "/users/{id}"), ("DELETE", "/users/{id}")):
        built.add(method, template, f"{method} {template}")
    assert built.find("PATCH", "/users/me") == ("PATCH /users/me", {}, ())
    assert built.find("GET", "/users/me") == ("GET /users/{id}", {"id": "me"}, ())
    assert built.find("POST", "/users/me") == (None, {}, ("PATCH", "GET", "DELETE"))
    assert built.find("PATCH", "/users/7") == (None, {}, ("GET", "DELETE"))


def test_a_trailing_slash_is_another_path() -> None:
    built = router("/conversations/", "/conversations/{id}", "/")
    assert built.find("GET", "/conversations/")[0] == "/conversations/"
    assert built.find("GET", "/conversations")[0] is None
    assert built.find("GET", "/")[0] == "/"


def test_the_same_route_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="routed twice"):
        router("/a/{x}", "/a/{y}")


@given(st.lists(SEGMENT, min_size=1, max_size=5))
def test_every_filled_template_is_found_with_its_values(values: list[str]) -> None:
    template = "".join(f"/s{at}/{{p{at}}}" for at in range(len(values)))
    path = "".join(f"/s{at}/{value}" for at, value in enumerate(values))
    assert router(template).find("GET", path) == (template, {f"p{at}": v for at, v in enumerate(values)}, ())
