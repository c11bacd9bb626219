"""The stub as a service: models, traces, headers, limits, how long it takes, its metrics and its reset."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.mock_services.openai.support import AT_ONCE, KEY
from tests.support.doubles import refusal_to_start, serving
from tests.support.waiting import wait_until

BEARER = {"Authorization": f"Bearer {KEY}"}
HOURS: Any = [{"role": "user", "content": "When do you open?"}]
FIRST_S = 0.15
GAP_S = 0.02


def test_models_are_listed_and_found(client: OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"gpt-4o-mini", "gpt-4o-mini-2024-07-18", "text-embedding-3-small", "ft:gpt-4o-mini:lab"} <= set(listed)
    assert client.models.retrieve("gpt-4o-mini") == listed["gpt-4o-mini"]
    assert listed["gpt-4o-mini"].object == "model"
    with pytest.raises(openai.NotFoundError, match="gpt-9"):
        client.models.retrieve("gpt-9")
    answer = client.chat.completions.create(model="ft:gpt-4o-mini:lab", messages=HOURS)
    assert answer.model == "ft:gpt-4o-mini:lab"


def test_traces_are_taken_and_counted(stub: str) -> None:
    def counted() -> int:
        traces: int = httpx.get(f"http://{stub}/__lab/metrics").json()["openai"]["traces"]
        return traces

    before = counted()
    body = {"data": [{"object": "trace"}, {"object": "trace.span"}]}
    assert httpx.post(f"http://{stub}/v1/traces/ingest", json=body, headers=BEARER).status_code == 204
    assert httpx.post(f"http://{stub}/v1/traces/ingest", json=body).status_code == 401
    assert counted() == before + 2


def test_answers_carry_openais_headers(client: OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=HOURS)
    headers = answer.headers
    assert re.fullmatch(r"req_[0-9a-f]{32}", headers["x-request-id"])
    assert headers["openai-version"] == "2020-10-01"
    assert 0 <= int(headers["openai-processing-ms"]) < 5_000
    assert headers["x-ratelimit-limit-requests"] == "30000"
    assert 29_000 < int(headers["x-ratelimit-remaining-requests"]) < 30_000
    assert re.fullmatch(r"\d+ms", headers["x-ratelimit-reset-requests"])
    assert int(headers["x-ratelimit-remaining-tokens"]) <= int(headers["x-ratelimit-limit-tokens"])


def test_a_limit_of_requests_is_told_and_waited_for_by_the_sdk() -> None:
    with serving("openai", OPENAI_REQUESTS_PER_MINUTE="120", **AT_ONCE) as address:
        base = f"http://{address}"
        with OpenAI(api_key=KEY, base_url=f"{base}/v1", max_retries=0) as impatient:
            for _ in range(120):
                impatient.responses.create(model="gpt-4o-mini", input="thanks")
            with pytest.raises(openai.RateLimitError, match=r"on requests per min \(RPM\): Limit 120") as refused:
                for _ in range(10):
                    impatient.responses.create(model="gpt-4o-mini", input="thanks")
            assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "requests")
            headers = refused.value.response.headers
            assert headers["retry-after"] == "1"
            assert 0 < int(headers["retry-after-ms"]) <= 501
            assert headers["x-ratelimit-remaining-requests"] == "0"
            impatient.responses.create(model="gpt-4o", input="another model has its own limit")
        begun = time.monotonic()
        with OpenAI(api_key=KEY, base_url=f"{base}/v1", max_retries=2) as patient:
            patient.responses.create(model="gpt-4o-mini", input="thanks")
        assert time.monotonic() - begun < 5
        counted = httpx.get(f"{base}/__lab/metrics").json()
        assert counted["requests"]["POST /v1/responses"]["429"] >= 1
        assert counted["openai"]["refused"]["rate"] == counted["requests"]["POST /v1/responses"]["429"]
        httpx.post(f"{base}/__lab/reset")
        assert httpx.get(f"{base}/__lab/metrics").json()["openai"]["refused"] == {}


def test_tokens_credit_and_requests_at_once_are_limited_too() -> None:
    limits = {"OPENAI_TOKENS_PER_MINUTE": "500", "OPENAI_QUOTA_TOKENS": "30"}
    with (
        serving("openai", **limits, **AT_ONCE) as address,
        OpenAI(api_key=KEY, base_url=f"http://{address}/v1", max_retries=0) as sdk,
    ):
        with pytest.raises(openai.RateLimitError, match=r"on tokens per min \(TPM\): Limit 500") as many:
            sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS, max_tokens=600)
        assert many.value.type == "tokens"
        with pytest.raises(openai.RateLimitError, match="exceeded your current quota") as spent:
            for _ in range(10):
                sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS)
        assert spent.value.code == "insufficient_quota"
    with serving("openai", OPENAI_MAX_IN_FLIGHT="1", **{**AT_ONCE, "OPENAI_FIRST_TOKEN_MS": "60000"}) as address:
        body = {"model": "gpt-4o-mini", "input": "Hello.", "stream": True}
        with (
            httpx.Client(base_url=f"http://{address}/v1", headers=BEARER, timeout=20) as http,
            http.stream("POST", "/responses", json=body) as held,
        ):
            lines = held.iter_lines()
            assert next(lines) == "event: response.created"
            refused = http.post("/responses", json=body)
            assert (refused.status_code, refused.json()["error"]["type"]) == (503, "server_error")


@pytest.fixture(scope="module")
def slow() -> Iterator[str]:
    """Run the stub at a pace that is known: 150 ms to the first token, then one every 20 ms."""
    pace = {"OPENAI_FIRST_TOKEN_MS": "150", "OPENAI_TOKENS_PER_SECOND": "50", "OPENAI_TOKEN_JITTER": "0"}
    with serving("openai", **{**AT_ONCE, **pace, "OPENAI_LOOKUP_MS": "uniform:40,60"}) as address:
        yield address


def test_tokens_come_at_the_pace_that_is_set(slow: str) -> None:
    with OpenAI(api_key=KEY, base_url=f"http://{slow}/v1", max_retries=0) as sdk:
        begun = time.perf_counter()
        arrived = []
        for chunk in sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS, stream=True):
            if chunk.choices[0].delta.content:
                arrived.append(time.perf_counter() - begun)
        assert arrived[0] >= FIRST_S - 0.002
        early = [at - FIRST_S - number * GAP_S for number, at in enumerate(arrived)]
        assert min(early) > -0.004, "no token comes before its time"
        assert min(early) < 0.1, "and on an idle machine not long after it"

        begun = time.perf_counter()
        whole = sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS)
        assert whole.usage is not None
        assert time.perf_counter() - begun >= FIRST_S + (whole.usage.completion_tokens - 1) * GAP_S - 0.002
        begun = time.perf_counter()
        sdk.models.list()
        assert time.perf_counter() - begun >= 0.038


def test_a_response_begins_at_once_and_speaks_in_its_time(slow: str) -> None:
    body = {"model": "gpt-4o-mini", "input": "When do you open?", "stream": True}
    begun = time.perf_counter()
    at: dict[str, float] = {}
    with httpx.stream("POST", f"http://{slow}/v1/responses", json=body, headers=BEARER) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                at.setdefault(line.removeprefix("event: "), time.perf_counter() - begun)
    assert at["response.in_progress"] < at["response.output_text.delta"] - 0.05
    assert at["response.output_text.delta"] >= FIRST_S - 0.002
    assert at["response.completed"] >= at["response.output_text.delta"] + 10 * GAP_S


def test_a_client_that_goes_away_is_noted_and_holds_nothing(slow: str) -> None:
    body = {"model": "gpt-4o-mini", "messages": HOURS, "stream": True}
    run = {"X-Lab-Run-Id": "gone"}
    with httpx.stream("POST", f"http://{slow}/v1/chat/completions", json=body, headers={**BEARER, **run}) as answer:
        next(answer.iter_lines())

    def entries() -> list[dict[str, Any]]:
        noted: list[dict[str, Any]] = httpx.get(f"http://{slow}/__lab/journal?run_id=gone").json()["entries"]
        return noted

    wait_until(lambda: bool(entries()), "note of the client that left", 5)
    assert entries()[0]["note"] == "script: hours; the client went away before the end of the answer"
    assert entries()[0]["ms"] < 400
    assert httpx.get(f"http://{slow}/__lab/metrics").json()["in_flight"] == 0


def test_metrics_publish_what_the_vendor_took(slow: str) -> None:
    httpx.post(f"http://{slow}/__lab/reset")
    with OpenAI(api_key=KEY, base_url=f"http://{slow}/v1", max_retries=0) as sdk:
        sdk.responses.create(model="gpt-4o-mini", input="When do you open?")
    metrics = httpx.get(f"http://{slow}/__lab/metrics").json()["openai"]
    assert metrics["delays"] == {
        "first_token_ms": "150",
        "tokens_per_second": 50,
        "token_jitter": 0,
        "embeddings_ms": "0",
        "lookup_ms": "uniform:40,60",
    }
    assert metrics["first_token_ms"]["p50"] == 150
    assert metrics["lateness_ms"]["count"] >= 1
    assert metrics["rules"] == {"hours": 1}
    assert metrics["stored_responses"] == 1
    assert metrics["tokens_in"] > 0
    assert metrics["tokens_out"] > 10


def test_one_seed_answers_twice_alike() -> None:
    def record() -> list[Any]:
        settings = {**AT_ONCE, "OPENAI_FIRST_TOKEN_MS": "lognormal:20,60", "LAB_SEED": "seven"}
        with (
            serving("openai", **settings) as address,
            OpenAI(api_key=KEY, base_url=f"http://{address}/v1", max_retries=0) as sdk,
        ):
            said = [f"It is raining. {number}" for number in range(6)]
            answers = [sdk.responses.create(model="gpt-4o-mini", input=text) for text in said]
            drawn = httpx.get(f"http://{address}/__lab/metrics").json()["openai"]["first_token_ms"]
        return [[(answer.id, answer.output_text) for answer in answers], drawn]

    assert record() == record()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENAI_EMBEDDINGS_MS", "soon", "no delay: it takes milliseconds"),
        ("OPENAI_TOKENS_PER_SECOND", "-1", "greater than or equal to 0"),
        ("OPENAI_SCRIPT", "/nonexistent.toml", "the script cannot be read: No such file"),
    ],
)
def test_a_bad_setting_ends_the_process_with_its_name(name: str, value: str, message: str) -> None:
    sentence = refusal_to_start("openai", **{name: value})
    assert sentence.startswith(f"openai: {name} is '{value}': ")
    assert message in sentence
