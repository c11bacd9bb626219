"""What can be said of the drawing of dashboards without its half a gigabyte: it is pinned, and has drawn them all."""

import json
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.support.dashboards import BOARDS, PANELS, Json
from tests.support.doubles import ROOT

TOOL = ROOT / "grafana" / "render"
PICTURES = ROOT / "docs" / "img"
MOST_BYTES = 300_000


def test_its_dependencies_are_pinned_and_no_registry_is_named() -> None:
    package = json.loads((TOOL / "package.json").read_text())
    lock = json.loads((TOOL / "package-lock.json").read_text())["packages"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert lock[""]["dependencies"] == package["dependencies"]
    assert all("resolved" not in entry for entry in lock.values())
    assert all("integrity" in entry for path, entry in lock.items() if path)


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_it_can_draw_every_type_of_panel_that_there_is(name: str, panel: Json) -> None:
    plugins = (TOOL / "src" / "panels.jsx").read_text().partition("export const PLUGINS")[2]
    assert re.search(rf'^  "?{re.escape(panel["type"])}"?: plugin\(', plugins, re.MULTILINE)


@pytest.mark.parametrize("name", BOARDS)
def test_there_is_a_picture_of_every_dashboard_and_the_page_shows_it(name: str) -> None:
    picture = (PICTURES / f"{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < MOST_BYTES
    width, _ = struct.unpack(">II", picture[16:24])
    assert width == 1600
    assert f"](img/{name}.png)" in (ROOT / "docs" / "grafana.md").read_text()


def test_it_says_what_it_needs_and_lacks(tmp_path: Path) -> None:
    command = [str(ROOT / "scripts" / "render-dashboards"), "--out", str(tmp_path)]
    environment = os.environ | {"CHROMIUM": str(tmp_path / "no-chromium")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 3
    assert re.match(r"drawing dashboards needs \S+: on Debian or Ubuntu, sudo apt-get install", ended.stderr)
    assert list(tmp_path.iterdir()) == []


def test_its_help_needs_nothing_installed(tmp_path: Path) -> None:
    command = [str(ROOT / "scripts" / "render-dashboards"), "--help"]
    environment = os.environ | {"CHROMIUM": str(tmp_path / "no-chromium")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Draws dashboards with Grafana's own libraries")
    assert all(option in ended.stdout for option in ("--dashboard", "--var", "--from", "--to", "--out", "--width"))
