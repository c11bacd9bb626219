"""What a schedule may say, and the one sentence that refuses another."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import Close

from mock_services.core.faults.rules import read_conditions
from tests.support.doubles import refusal_to_start

FAULT = '{"name": "a", "description": "b", "kind": "status", "status": 503'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[", "the schedule is no JSON: "),
        ("[]", "the schedule: "),
        ('{"fualts": []}', "fualts: Extra inputs are not permitted"),
        ('{"faults": [{"name": "a", "kind": "status", "status": 503}]}', "faults[0] (a): description: Field required"),
        ('{"faults": [{"name": "a", "description": "b", "kind": "slow"}]}', "faults[0] (a): Input tag 'slow' found"),
        (f'{{"faults": [{FAULT}, "service": "depgram"}}]}}', "faults[0] (a): service: Input should be 'backend', "),
        (f'{{"faults": [{FAULT}, "every": 0}}]}}', "faults[0] (a): every: Input should be greater than or equal to 1"),
        (
            f'{{"faults": [{FAULT}, "every": 2, "first": 3}}]}}',
            "faults[0] (a): it takes one of probability, every and first, not every and first",
        ),
        (f'{{"faults": [{FAULT}}}, {FAULT}}}]}}', "the schedule: two faults are named 'a'"),
        (
            '{"faults": [{"name": "a", "description": "b", "kind": "drop"}]}',
            "faults[0] (a): it takes after_messages, after_s or both",
        ),
        (
            f'{{"faults": [{FAULT}, "headers": {{"a b": "c"}}}}]}}',
            "faults[0] (a): headers.a b.[key]: String should match",
        ),
        (
            f'{{"faults": [{FAULT}, "headers": {{"a": "b\\r\\nc: d"}}}}]}}',
            "faults[0] (a): headers.a: String should match",
        ),
        (f'{{"faults": [{FAULT}, "headers": {{"a": "\u0100"}}}}]}}', "faults[0] (a): headers.a: String should match"),
        (
            f'{{"faults": [{FAULT}, "headers": {{"Content-Length": "5"}}}}]}}',
            "faults[0] (a): headers: Content-Length follows from the body and is not to be set",
        ),
        ('{"latency": [{"delay": "loaded:0,5"}]}', "latency[0]: delay: a capacity is 1 or more, not 0"),
        ('{"limits": [{"requests_per_second": -1}]}', "limits[0]: requests_per_second: Input should be greater"),
    ],
)
def test_a_wrong_schedule_is_refused_by_name_and_place(content: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_conditions(content.encode(), toml=False)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("code", [*range(1000, 1020), 1999, 2999, 3000, 4999])
def test_a_lost_socket_is_closed_with_the_codes_alone_that_a_frame_may_carry(code: int) -> None:
    drop = {"name": "a", "description": "b", "kind": "drop", "after_s": 1, "code": code}
    content = json.dumps({"faults": [drop]}).encode()
    try:
        Close(code, "").check()
    except ProtocolError:
        with pytest.raises(ValueError, match=rf"^faults\[0\] \(a\): code: no frame may carry the close code {code};"):
            read_conditions(content, toml=False)
    else:
        assert len(read_conditions(content, toml=False).faults) == 1


@given(st.binary(max_size=50))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    for toml in (False, True):
        try:
            read_conditions(content, toml=toml)
        except ValueError as refused:
            assert str(refused)


def test_each_service_gets_its_own_rules_and_those_of_all() -> None:
    document = f'{{"faults": [{FAULT}, "service": "stripe"}}, {FAULT.replace("a", "c", 1).replace("c", "a", 1)}}}]}}'
    content = document.replace('"name": "a"', '"name": "z"', 1)
    conditions = read_conditions(content.encode(), toml=False)
    assert [fault.name for fault in conditions.of("stripe").faults] == ["z", "a"]
    assert [fault.name for fault in conditions.of("openai").faults] == ["a"]


def test_toml_is_read_too() -> None:
    conditions = read_conditions(b'[[latency]]\ndelay = 250\npath = "/v1/*"\n', toml=True)
    assert conditions.model_dump(exclude_none=True)["latency"] == ({"path": "/v1/*", "delay": 250.0},)


@pytest.mark.parametrize("content", [None, "[[faults]]\nkind = 'status'\n"])
def test_a_double_with_a_wrong_file_does_not_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "faults.toml"
    if content is not None:
        path.write_text(content)
    assert refusal_to_start("sendgrid", LAB_FAULTS=str(path)).startswith(f"sendgrid: LAB_FAULTS is {str(path)!r}: ")
