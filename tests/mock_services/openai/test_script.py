"""The script: which rule answers, what a broken file is told, and samples that fit their schemas."""

import json
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from mock_services.core.latency import Lognormal
from mock_services.openai.sample import DEEPEST, sample
from mock_services.openai.script import Prompt, Script
from mock_services.openai.settings import DEFAULT_SCRIPT, OpenAISettings

LAST = {"name": "last", "replies": ["Yes."]}


def script(*rules: dict[str, Any]) -> Script:
    return Script.model_validate({"rule": [*rules, LAST]})


def prompt(said: str = "", **options: Any) -> Prompt:
    return Prompt(model=options.pop("model", "gpt-4o-mini"), said=said, **options)


def answer(of: Script, asked: Prompt) -> tuple[str, str]:
    reply = of.answer(asked, Random(1))
    return reply.rule, reply.text


def test_the_first_rule_that_fits_in_everything_answers() -> None:
    rules = script(
        {"name": "both", "said": "plot", "system": "kind", "replies": ["A"]},
        {"name": "model", "model": "gpt-5*", "replies": ["B"]},
        {"name": "said", "said": "^PLOT", "replies": ["C"]},
    )
    assert answer(rules, prompt("a plot", system="Be kind.")) == ("both", "A")
    assert answer(rules, prompt("a plot", model="gpt-5-mini")) == ("model", "B")
    assert answer(rules, prompt("plot 7")) == ("said", "C")
    assert answer(rules, prompt("a plot")) == ("last", "Yes.")


def test_calls_are_made_only_where_they_can_be_and_only_once() -> None:
    rules = script(
        {"name": "book", "replies": ["Done."], "calls": [{"name": "f", "arguments": {"x": 1}}, {"name": "g"}]}
    )
    tools = {"f": None, "g": {"properties": {"y": {"const": 2}}}}
    both = (("f", '{"x":1}'), ("g", '{"y":2}'))

    def calls(**options: Any) -> tuple[tuple[str, str], ...]:
        return rules.answer(prompt("x", **options), Random(1)).calls

    assert calls(tools=tools) == both
    assert calls(tools=tools, parallel=False) == both[:1]
    assert calls(tools={"g": tools["g"]}) == both[1:]
    assert calls(tools=tools, choice="g") == both[1:]
    assert calls(tools={"h": None}, choice="required") == (("h", "{}"),)
    assert calls(tools=tools, answered_tool=True) == calls(tools=tools, choice="none") == calls() == ()


def test_a_reply_in_json_is_made_of_the_rules_data() -> None:
    rules = script({"name": "hours", "said": "hours", "replies": ["Nine."], "data": {"opens": 9}})
    assert json.loads(answer(rules, prompt("hours", json=True))[1]) == {"opens": 9}
    assert json.loads(answer(rules, prompt("x", json=True))[1]) == {"reply": "Yes."}
    schema = {"type": "object", "properties": {"opens": {"type": "integer"}, "reply": {"type": "string"}}}
    assert json.loads(answer(rules, prompt("hours", json=True, schema=schema))[1]) == {"opens": 9, "reply": "Nine."}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml", "the script is no TOML"),
        ("", "rule"),
        ('[[rule]]\nname = "a"\nsaid = "x"\nreplies = ["y"]', "the last rule has to answer every request"),
        ('[[rule]]\nname = "a"', "the rule 'a' answers nothing"),
        ('[[rule]]\nname = "a"\nreplies = ["y"]\nsaid = "("', "'\\(' is no regular expression"),
        ('[[rule]]\nname = "a"\nreplies = ["y"]\ncolour = "red"', "Extra inputs"),
        ('[[rule]]\nname = "a"\nreplies = ["y"]\nerror = "bad luck"', "'insufficient_quota'"),
        ('[[rule]]\nname = "a"\nreplies = ["y"]\nerror_after = 2', "but not which error"),
        ('[[rule]]\nname = "A b"\nreplies = ["y"]', "pattern"),
    ],
)
def test_a_broken_script_is_refused_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "script.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError, match=message):
        OpenAISettings.model_validate({"script": str(file)})


def test_the_default_script_is_good_and_its_rules_are_named_once() -> None:
    rules = OpenAISettings().script.rule
    names = [rule.name for rule in rules]
    assert len(names) == len(set(names)) > 10
    assert DEFAULT_SCRIPT.read_text(encoding="utf-8").isascii()


def test_unset_variables_have_the_documented_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_FIRST_TOKEN_MS", "OPENAI_SCRIPT"):
        monkeypatch.delenv(name, raising=False)
    defaults = OpenAISettings()
    assert len(defaults.api_key.removeprefix("sk-")) == 48
    assert defaults.first_token_ms == Lognormal(200, 600)
    monkeypatch.setenv("OPENAI_EXTRA_MODELS", "a, b,,")
    assert OpenAISettings().extra_models == ("a", "b")


class Part(BaseModel):
    size: int = Field(ge=3, le=9, multiple_of=3)
    share: float = Field(gt=0, lt=1)
    tags: list[Literal["a", "b"]] = Field(min_length=1, max_length=3)


class Whole(BaseModel):
    name: str = Field(min_length=30, max_length=40)
    code: str = Field(max_length=4)
    kind: Literal["urn"]
    maybe: int | None
    part: Part
    parts: dict[str, Part]
    below: int = Field(lt=-5)
    inner: list["Whole"]


@given(st.integers())
def test_a_sample_fits_its_schema(seed: int) -> None:
    Whole.model_validate(sample(Whole.model_json_schema(), Random(seed), {}))


def test_what_is_known_is_used_where_it_fits() -> None:
    schema = {"properties": {"date": {"type": "string"}, "kind": {"enum": ["a"]}, "count": {"type": "integer"}}}
    known = {"date": "2026-03-12", "kind": "b", "count": "three"}
    made = sample(schema, Random(1), known)
    assert made["date"] == "2026-03-12"
    assert made["kind"] == "a"
    assert isinstance(made["count"], int)


def depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0)
    return 0


SCHEMAS = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "number", "minimum": 2}, {"$ref": "#"}, {"type": "null"}, True, 5]),
    lambda inner: st.one_of(
        st.builds(lambda a, b: {"type": "object", "properties": {"a": a, "b": b}, "required": ["a"]}, inner, inner),
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 500)
        ),
        st.builds(lambda *these: {"anyOf": list(these)}, inner, inner),
    ),
    max_leaves=10,
)


@given(SCHEMAS)
def test_schemas_that_contain_themselves_come_to_an_end(schema: Any) -> None:
    made = sample(schema, Random(1), {})
    assert depth(made) <= DEEPEST + 1
    assert len(json.dumps(made)) < 1_000_000
