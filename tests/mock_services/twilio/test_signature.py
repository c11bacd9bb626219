"""Requests are signed as Twilio signs them: the known vectors hold, and Twilio's own validator accepts anything."""

# mypy: allow-untyped-calls
# Twilio's validator has no annotations.

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from mock_services.twilio.protocol.signature import sign

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
TOKEN = VECTORS["auth_token"]


@pytest.mark.parametrize("vector", VECTORS["twilio"], ids=lambda vector: vector["name"])
def test_each_known_vector_holds(vector: dict[str, Any]) -> None:
    assert sign(TOKEN, vector["url"], vector["params"].items()) == vector["X-Twilio-Signature"]


@pytest.mark.parametrize("vector", VECTORS["twilio"], ids=lambda vector: vector["name"])
def test_twilios_validator_accepts_each_known_vector(vector: dict[str, Any]) -> None:
    signature = sign(TOKEN, vector["url"], vector["params"].items())
    assert RequestValidator(TOKEN).validate(vector["url"], vector["params"], signature)


def test_a_json_request_is_signed_over_its_url_with_the_hash_of_its_body() -> None:
    vector = VECTORS["twilio_json"]
    digest = hashlib.sha256(vector["body"].encode()).hexdigest()
    assert digest == vector["bodySHA256"]
    assert sign(TOKEN, f"https://lab.example.com/json?bodySHA256={digest}") == vector["X-Twilio-Signature"]


def test_each_distinct_value_of_a_repeated_name_is_signed_once() -> None:
    url = "https://lab.example.com/v"
    once = sign(TOKEN, url, [("A", "2"), ("A", "1")])
    assert sign(TOKEN, url, [("A", "1"), ("A", "2"), ("A", "1")]) == once
    assert RequestValidator(TOKEN).compute_signature(url, {"A": "1"}) != once


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_twilios_validator_accepts_any_form(params: dict[str, str]) -> None:
    url = "http://127.0.0.1:8001/api/telephony/webhook/incoming-call"
    assert RequestValidator(TOKEN).validate(url, params, sign(TOKEN, url, params.items()))


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_a_form_that_lost_a_field_is_not_accepted(params: dict[str, str]) -> None:
    url = "https://lab.example.com/v"
    signature = sign(TOKEN, url, params.items())
    params.pop(next(iter(params)))
    assert not RequestValidator(TOKEN).validate(url, params, signature)
