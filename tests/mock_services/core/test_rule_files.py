"""Files of rules are read, and patterns compiled, or the sentence says what is wrong."""

import re
from pathlib import Path

import pytest

from mock_services.core.rule_files import compile_pattern, read_rules


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nreply = "Grüß Gott"\n', encoding="utf-8")
    assert read_rules(path) == read_rules(str(path)) == {"rule": [{"reply": "Grüß Gott"}]}


@pytest.mark.parametrize("content", [b"[[rule", b'reply = "\xff"'])
def test_what_is_no_file_of_rules_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="the script is no TOML"):
        read_rules(path)
    with pytest.raises(ValueError, match="the script cannot be read: No such file"):
        read_rules(tmp_path / "none")


def test_patterns_are_searched_without_regard_to_case() -> None:
    pattern = compile_pattern("open|hours")
    assert isinstance(pattern, re.Pattern)
    assert pattern.search("Your HOURS?")
    assert compile_pattern(None) is None
    with pytest.raises(ValueError, match=r"'\(' is no regular expression"):
        compile_pattern("(")
