"""Scripts come from data files by name; a mix gives each call one of its scripts, by weight and from the seed."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from mock_services.core.speech import load_recordings
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.scripts import ScriptError, Scripts, load_scripts

LINES = {recording.id for recording in load_recordings("caller")}


def shipped() -> Scripts:
    return load_scripts(LINES)


def from_file(tmp_path: Path, content: Any) -> Scripts:
    file = tmp_path / "scripts.json"
    file.write_bytes(orjson.dumps(content))
    return load_scripts(LINES, file)


def test_the_scripts_that_come_with_the_double_are_sound() -> None:
    scripts = shipped()
    assert scripts["default"].model_copy(update={"name": None}) == Script()
    assert scripts["short"].turns == 1
    assert all(script.name == name for name, script in scripts.items())


def test_a_mix_draws_by_weight_and_from_the_seed() -> None:
    scripts, random = shipped(), Random(1)
    drawn = [scripts.choose("everyday", random).name for _ in range(2000)]
    counts = Counter(drawn)
    assert set(counts) < set(scripts)
    assert counts["patient"] / 2000 == pytest.approx(0.55, abs=0.04)
    assert counts["interrupting"] / 2000 == pytest.approx(0.13, abs=0.03)
    random = Random(1)
    assert [scripts.choose("everyday", random).name for _ in range(2000)] == drawn


def test_a_file_adds_scripts_and_replaces_those_of_its_names(tmp_path: Path) -> None:
    content = {"short": {"turns": 7}, "own": {"steps": [{"do": "hear"}]}, "both": {"mix": {"own": 1, "default": 2}}}
    scripts = from_file(tmp_path, content)
    assert scripts.choose("short", Random()).turns == 7
    assert scripts.choose("both", Random()).name in {"own", "default"}
    assert scripts.choose(None, Random()).name == "default"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "no JSON object"),
        ({"own": {"turns": -1}}, "the script 'own' of .*: its turns is '-1'"),
        ({"own": {"steps": [{"do": "press", "digits": "x"}]}}, "steps.0.press.digits is 'x'"),
        ({"own": {"lines": ["caller-nobody"]}}, "line 'caller-nobody'"),
        ({"own": {"steps": [{"do": "speak", "line": "caller-nobody"}]}}, "line 'caller-nobody'"),
        ({"own": {"mix": {}}}, "mix is '{}'"),
        ({"own": {"mix": {"nothing": 1}}}, "the mix 'own' has 'nothing'"),
        ({"own": {"mix": {"short": 0}}}, "weight 0"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        from_file(tmp_path, content)


def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        load_scripts(LINES, tmp_path / "missing.json")
    (tmp_path / "torn.json").write_text("{")
    with pytest.raises(ScriptError, match="cannot be read"):
        load_scripts(LINES, tmp_path / "torn.json")
