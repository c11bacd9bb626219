"""The vendors in one process: reached by path and by host name, with their own words and metrics."""

import json
from collections.abc import Iterator
from socket import create_connection

import httpx
import pytest
from openai import OpenAI
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from sendgrid.helpers.mail import Mail  # type: ignore[import-untyped]
from stripe import StripeClient
from websockets.sync.client import connect

from mock_services.stripe.settings import LAB_KEY as STRIPE_KEY
from tests.mock_services.sendgrid.support import KEY as SENDGRID_KEY
from tests.support.doubles import serving

OPENAI_KEY = "sk-1ab0000000000000000000000000000000000000000penai"
ELEVENLABS_KEY = "sk_1ab000000000000000000000000000000000000000e1e7e1"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
AT_ONCE = {
    "OPENAI_FIRST_TOKEN_MS": "0",
    "OPENAI_TOKENS_PER_SECOND": "0",
    "ELEVENLABS_FIRST_BYTE_MS": "0",
    "ELEVENLABS_SPEED": "0",
    "STRIPE_LATENCY_MS": "0",
    "SENDGRID_LATENCY_MS": "0",
}


@pytest.fixture(scope="module")
def vendors() -> Iterator[str]:
    with serving("vendors", **AT_ONCE) as address:
        yield address


def test_openai_by_path_and_by_host(vendors: str) -> None:
    with OpenAI(api_key=OPENAI_KEY, base_url=f"http://{vendors}/openai/v1", max_retries=0) as sdk:
        answer = sdk.responses.create(model="gpt-4o-mini", input="thanks")
    assert answer.output_text == "You are welcome. Take care."
    headers = {"Host": "api.openai.com", "Authorization": f"Bearer {OPENAI_KEY}"}
    assert httpx.get(f"http://{vendors}/v1/models/gpt-4o", headers=headers).json()["id"] == "gpt-4o"
    nowhere = httpx.get(f"http://{vendors}/openai/v1/nowhere")
    assert nowhere.json()["error"]["message"] == "Invalid URL (GET /v1/nowhere)"


def test_elevenlabs_by_path_and_by_host(vendors: str) -> None:
    headers = {"xi-api-key": ELEVENLABS_KEY}
    speak = f"/v1/text-to-speech/{RACHEL}"
    by_path = httpx.post(f"http://{vendors}/elevenlabs{speak}", headers=headers, json={"text": "Hello."})
    by_host = httpx.post(
        f"http://{vendors}{speak}", headers={**headers, "Host": "api.elevenlabs.io"}, json={"text": "Hello."}
    )
    assert by_path.headers["content-type"] == by_host.headers["content-type"] == "audio/mpeg"
    assert by_path.content == by_host.content
    host, _, port = vendors.partition(":")
    url = f"ws://api.elevenlabs.io{speak}/stream-input"
    with connect(url, sock=create_connection((host, int(port))), additional_headers=headers) as socket:
        socket.send(json.dumps({"text": "Hello.", "flush": True}))
        assert json.loads(socket.recv(timeout=10))["audio"]


def test_stripe_by_path_and_by_host(vendors: str) -> None:
    stripe = StripeClient(STRIPE_KEY, base_addresses={"api": f"http://{vendors}/stripe"})
    made = stripe.v1.customers.create({"name": "Ada"})
    headers = {"Host": "api.stripe.com", "Authorization": f"Bearer {STRIPE_KEY}"}
    assert httpx.get(f"http://{vendors}/v1/customers/{made.id}", headers=headers).json()["name"] == "Ada"
    unknown = httpx.get(f"http://{vendors}/v1/nowhere", headers=headers).json()["error"]["message"]
    assert unknown.startswith("Unrecognized request URL (GET: /v1/nowhere)")


def test_sendgrid_by_path_and_by_host(vendors: str) -> None:
    sdk = SendGridAPIClient(SENDGRID_KEY, host=f"http://{vendors}/sendgrid")
    assert sdk.send(Mail("a@example.com", "b@example.com", "Hi", "Hello")).status_code == 202
    headers = {"Host": "api.sendgrid.com:443", "Authorization": f"Bearer {SENDGRID_KEY}"}
    assert httpx.get(f"http://{vendors}/v3/scopes", headers=headers).json() == {"scopes": ["mail.send"]}
    sent = httpx.get(f"http://{vendors}/__lab/messages", headers=headers).json()["messages"]
    assert [mail["subject"] for mail in sent] == ["Hi"], "the lab's own door is the vendor's too by host name"


def test_each_has_its_metrics_and_all_are_reset_together(vendors: str) -> None:
    body = {"model": "gpt-4o-mini", "input": "thanks"}
    httpx.post(f"http://{vendors}/openai/v1/responses", headers={"Authorization": f"Bearer {OPENAI_KEY}"}, json=body)
    speak = f"http://{vendors}/elevenlabs/v1/text-to-speech/{RACHEL}"
    httpx.post(speak, headers={"xi-api-key": ELEVENLABS_KEY}, json={"text": "Hello."})
    counted = httpx.get(f"http://{vendors}/openai/__lab/metrics").json()
    assert counted["service"] == "openai"
    assert counted["openai"]["delays"]["first_token_ms"] == "0"
    everything = httpx.get(f"http://{vendors}/__lab/metrics").json()["vendors"]
    assert everything["openai"]["openai"]["tokens_out"] > 0
    assert everything["elevenlabs"]["elevenlabs"]["characters"] > 0
    httpx.post(f"http://{vendors}/__lab/reset")
    after = httpx.get(f"http://{vendors}/__lab/metrics").json()["vendors"]
    assert after["openai"]["openai"]["tokens_out"] == after["elevenlabs"]["elevenlabs"]["characters"] == 0
