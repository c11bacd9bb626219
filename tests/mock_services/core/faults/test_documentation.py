"""What `docs/faults.md` shows can be set, and its timeline comes as it says."""

import re
import shlex
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from mock_services.core.faults.rules import Fault, read_conditions
from mock_services.stripe.settings import LAB_KEY
from tests.support.doubles import ROOT, serving

PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
TIMELINE = ROOT / "compose" / "faults" / "timeline.toml"
OPENAI = {"Authorization": "Bearer sk-1ab0000000000000000000000000000000000000000penai"}
DEEPGRAM = {"Authorization": "Token 1ab0000000000000000000000000000000deeb9a"}
SCALE = 0.02  # of the documented times


@pytest.fixture(scope="module")
def vendors() -> Iterator[str]:
    """The vendors with the documented file from their start, and quick."""
    quick = {"OPENAI_EMBEDDINGS_MS": "0", "STRIPE_LATENCY_MS": "0", "STRIPE_REQUESTS_PER_SECOND": "0"}
    with serving("vendors", LAB_FAULTS=str(TIMELINE), **quick) as address:
        yield address


def test_every_example_can_be_set_and_every_kind_has_one() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    read = [read_conditions(example.encode(), toml=True) for example in examples]
    shown = {fault.kind for conditions in read for fault in conditions.faults}
    assert shown == {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Fault)[0])}


def test_the_commands_do_what_they_say(vendors: str) -> None:
    commands = re.findall(r"^curl -s .*$", PAGE, re.MULTILINE)
    shown = []
    for command in commands:
        words = shlex.split(command.replace("127.0.0.1:8020", vendors))
        answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
        shown.append(httpx.Response(200, text=answer.stdout).json()["services"]["stripe"]["conditions"]["faults"])
    names = [[fault["name"] for fault in faults] for faults in shown]
    assert names == [["payments cut off"], ["payments cut off"], ["payments cut off"], []]


def test_the_timeline_comes_as_it_says(vendors: str) -> None:
    document = tomllib.loads(TIMELINE.read_text(encoding="utf-8"))
    for fault in document["faults"]:
        for field in {"from_s", "for_s", "after_s"} & fault.keys():
            fault[field] *= SCALE
    setting = time.monotonic()
    assert httpx.put(f"http://{vendors}/__lab/faults", json=document).status_code == 200

    def failures(asks: Callable[[httpx.Client], bool]) -> list[tuple[float, float]]:
        """Ask again and again; give when what failed was sent and had ended, in seconds of the page."""
        failed = []
        with httpx.Client(base_url=f"http://{vendors}", headers={"X-Lab-Run-Id": "afternoon"}) as client:
            began = time.monotonic()
            while (sent := time.monotonic()) - began < 260 * SCALE:
                if not asks(client):
                    failed.append(((sent - began) / SCALE, (time.monotonic() - setting) / SCALE))
        return failed

    with ThreadPoolExecutor() as pool:
        overloaded, lost, cut_off = pool.map(failures, (embeds, lambda _: converses(vendors), pays))
    for failed, start, end in ((overloaded, 60, 90), (lost, 120, 150), (cut_off, 180, 240)):
        assert failed
        assert all(sent < end + 5 and start <= ended for sent, ended in failed), failed


def embeds(client: httpx.Client) -> bool:
    body = {"model": "text-embedding-3-small", "input": "urn"}
    return client.post("/openai/v1/embeddings", json=body, headers=OPENAI).status_code == 200


def converses(address: str) -> bool:
    """Say whether a conversation lasts longer than the timeline lets one last."""
    with connect(f"ws://{address}/deepgram/v1/agent/converse", additional_headers=DEEPGRAM) as socket:
        socket.recv()
        try:
            socket.recv(timeout=15 * SCALE)
        except TimeoutError:
            return True
        except ConnectionClosed:
            return False
    return True


def pays(client: httpx.Client) -> bool:
    form: dict[str, Any] = {"email": "ada@example.com"}
    try:
        return client.post("/stripe/v1/customers", data=form, auth=(LAB_KEY, "")).status_code == 200
    except httpx.ReadError:
        return False
