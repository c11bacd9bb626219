"""The environment is made in the checkout, and whoever cannot write there is told so."""

from pathlib import Path

import pytest
from locallab import bootstrap


def test_a_checkout_that_cannot_be_written_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / ".lab").write_text("a file where the directory should be")
    with pytest.raises(SystemExit, match="3"):
        bootstrap.ensure("dev")
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path}/.lab cannot be written (")
    assert said.endswith("): use the lab as the user whose checkout this is\n")
