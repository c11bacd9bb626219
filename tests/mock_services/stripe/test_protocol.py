"""Bracket forms are read as Stripe reads them, whichever SDK wrote them; webhooks are signed as Stripe signs them."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import Webhook
from stripe._encode import _api_encode

from mock_services.stripe.protocol import BASIL, FormError, decode_form, is_version, sign, since

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
SCALARS = st.one_of(st.text(max_size=12), st.integers(), st.booleans())
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def as_strings(value: Any) -> Any:
    """What a form can say of a value: texts, and lists by their indices. The SDK writes `true`, and in lists `True`."""
    if isinstance(value, dict):
        return {name: as_strings(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return {str(index): as_strings(inner) for index, inner in enumerate(value)}
    return str(value).lower() if str(value) in ("True", "False") else str(value)


def depth(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return 1 + max(map(depth, inner), default=0)


@given(st.dictionaries(NAMES, NESTED, max_size=4).filter(lambda given: depth(given) <= 8))
def test_what_the_official_sdk_encodes_is_decoded(parameters: dict[str, Any]) -> None:
    form = urlencode(list(_api_encode(parameters)))
    assert as_strings(decode_form(form)) == as_strings(parameters)


@given(st.text(max_size=60))
def test_any_text_is_decoded_or_refused(form: str) -> None:
    try:
        decoded = decode_form(form)
    except FormError as refused:
        assert str(refused).endswith(".") or "deep" in str(refused)
    else:
        assert all(isinstance(name, str) for name in decoded)


@pytest.mark.parametrize(
    ("form", "decoded"),
    [
        ("", {}),
        ("a=", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("flag=True&other=true", {"flag": "True", "other": "true"}),
        ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
        ("a%5B0%5D%5Bb%5D=%C3%BC+b", {"a": {"0": {"b": "ü b"}}}),
        ("i[][p]=1&i[][q]=2&i[][p]=3", {"i": {"0": {"p": "1", "q": "2"}, "1": {"p": "3"}}}),
        ("i[][p][x]=1&i[][p][y]=2", {"i": {"0": {"p": {"x": "1"}}, "1": {"p": {"y": "2"}}}}),
        ("metadata[0]=zero", {"metadata": {"0": "zero"}}),
        ("a[b=1&c]=2&[d]=3&=4", {"a[b": "1", "c]": "2", "[d]": "3", "": "4"}),
        ("expand[]=data.customer&expand[]=data.product", {"expand": {"0": "data.customer", "1": "data.product"}}),
    ],
)
def test_forms_that_other_clients_write(form: str, decoded: dict[str, Any]) -> None:
    assert decode_form(form) == decoded


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ("a=1&a[b]=2", "a"),
        ("a[b]=2&a=1", "a"),
        ("a[b]=1&a[b][c]=2", "a"),
        ("a" + "[b]" * 8 + "=1", "a"),
        ("&".join(f"a{number}=1" for number in range(5_001)), ""),
    ],
)
def test_what_contradicts_itself_or_is_too_large_is_refused(form: str, param: str) -> None:
    with pytest.raises(FormError) as refused:
        decode_form(form)
    assert refused.value.param == param


def test_a_large_index_costs_nothing() -> None:
    assert decode_form("a[999999999]=1") == {"a": {"999999999": "1"}}


@pytest.mark.parametrize("version", ["2025-02-24.acacia", "2026-10-28.endive", "2020-08-27"])
def test_versions(version: str) -> None:
    assert is_version(version)


@pytest.mark.parametrize("version", ["", "latest", "2025-13-01", "2025-02-24.ACACIA", "2025-02-24.", "2025-02-24 "])
def test_no_versions(version: str) -> None:
    assert not is_version(version)


def test_basil_is_a_matter_of_date() -> None:
    assert [since(version, BASIL) for version in ("2025-02-24.acacia", "2025-03-31.basil", "2026-10-28.endive")] == [
        False,
        True,
        True,
    ]


def test_the_signature_is_that_of_the_vector() -> None:
    vector = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
    header = sign(vector["secret"], vector["timestamp"], vector["payload"].encode())
    assert header == vector["Stripe-Signature"]


@given(st.text(max_size=40), st.text("abcdef0123456789", min_size=1, max_size=20))
def test_the_official_sdk_accepts_every_signature(name: str, secret: str) -> None:
    payload = json.dumps({"id": "evt_1", "object": "event", "data": {"object": {"name": name}}})
    header = sign(f"whsec_{secret}", 1_760_000_000, payload.encode())
    event = Webhook.construct_event(payload, header, f"whsec_{secret}", tolerance=0)
    assert event.id == "evt_1"
