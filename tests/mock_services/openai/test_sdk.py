"""OpenAI's own SDK with asyncio: every operation that the stub has, answered and refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from mock_services.openai.app import build
from tests.mock_services.openai.support import AT_ONCE, FAILURES, KEY
from tests.support.doubles import serving, unanswered

pytestmark = pytest.mark.anyio
HOURS: Any = [{"role": "user", "content": "When do you open?"}]
Ask = Callable[[AsyncOpenAI], Awaitable[Any]]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a stub whose counts are this module's alone."""
    script = tmp_path_factory.mktemp("openai") / "script.toml"
    script.write_text(FAILURES + '[[rule]]\nname = "else"\nreplies = ["From nine to five."]\n', encoding="utf-8")
    with serving("openai", OPENAI_SCRIPT=str(script), **AT_ONCE) as address:
        yield address


@asynccontextmanager
async def client(address: str, key: str = KEY) -> AsyncIterator[AsyncOpenAI]:
    """Give the SDK's client; it checks every answer against OpenAI's specification, and repeats nothing."""
    async with AsyncOpenAI(
        api_key=key, base_url=f"http://{address}/v1", max_retries=0, timeout=20, _strict_response_validation=True
    ) as sdk:
        yield sdk


async def test_every_operation_is_answered(own: str) -> None:
    async with client(own) as sdk:
        completion = await sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS)
        assert completion.choices[0].message.content == "From nine to five."
        chunks = await sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in chunks]
        assert len(pieces) > 4
        assert "".join(pieces) == "From nine to five."
        response = await sdk.responses.create(model="gpt-4o-mini", input="When do you open?")
        assert response.output_text == "From nine to five."
        async with sdk.responses.stream(model="gpt-4o-mini", input="When do you open?") as stream:
            kinds = [event.type async for event in stream]
            assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
            assert (await stream.get_final_response()).output_text == "From nine to five."
        assert (await sdk.responses.retrieve(response.id)).output_text == "From nine to five."
        await sdk.responses.delete(response.id)
        embedded = await sdk.embeddings.create(
            model="text-embedding-3-small", input=["one", "two"], encoding_format="float"
        )
        assert [len(each.embedding) for each in embedded.data] == [1536, 1536]
        assert "gpt-4o-mini" in [model.id async for model in sdk.models.list()]
        assert (await sdk.models.retrieve("gpt-4o")).id == "gpt-4o"
        await sdk.post("/traces/ingest", cast_to=httpx.Response, body={"data": []})
    assert unanswered(own, build().operations, 200, 204) == set()


REFUSED: list[tuple[str, Ask, type[openai.APIStatusError]]] = [
    ("chat", lambda sdk: sdk.chat.completions.create(model="gpt-9", messages=HOURS), openai.NotFoundError),
    ("chat", lambda sdk: sdk.chat.completions.create(model="gpt-4o", messages=[]), openai.BadRequestError),
    ("chat", lambda sdk: say(sdk, "fail: overloaded"), openai.InternalServerError),
    ("chat", lambda sdk: say(sdk, "fail: no credit"), openai.RateLimitError),
    ("chat", lambda sdk: say(sdk, "fail: forbidden"), openai.PermissionDeniedError),
    ("chat", lambda sdk: say(sdk, "fail: unprocessable"), openai.UnprocessableEntityError),
    ("responses", lambda sdk: sdk.responses.create(model="gpt-9", input="Hello"), openai.NotFoundError),
    ("responses", lambda sdk: sdk.responses.create(model="gpt-4o"), openai.BadRequestError),
    ("response", lambda sdk: sdk.responses.retrieve("resp_none"), openai.NotFoundError),
    ("forget", lambda sdk: sdk.responses.delete("resp_none"), openai.NotFoundError),
    ("embeddings", lambda sdk: sdk.embeddings.create(model="text-embedding-3-small", input=""), openai.BadRequestError),
    ("embeddings", lambda sdk: sdk.embeddings.create(model="gpt-4o", input="one"), openai.PermissionDeniedError),
    ("model", lambda sdk: sdk.models.retrieve("gpt-9"), openai.NotFoundError),
]


async def say(sdk: AsyncOpenAI, text: str) -> Any:
    return await sdk.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])


async def list_models(sdk: AsyncOpenAI) -> Any:
    return await sdk.models.list()


@pytest.mark.parametrize(("what", "ask", "kind"), REFUSED)
async def test_a_refusal_is_an_error_of_the_sdk(
    own: str, what: str, ask: Ask, kind: type[openai.APIStatusError]
) -> None:
    async with client(own) as sdk:
        with pytest.raises(kind) as refused:
            await ask(sdk)
    assert type(refused.value) is kind
    assert refused.value.request_id
    assert refused.value.body


async def test_nothing_is_open_to_a_stranger(own: str) -> None:
    asked: list[Ask] = [
        lambda sdk: say(sdk, "Hello"),
        lambda sdk: sdk.responses.create(model="gpt-4o", input="Hello"),
        lambda sdk: sdk.responses.retrieve("resp_none"),
        lambda sdk: sdk.responses.delete("resp_none"),
        lambda sdk: sdk.embeddings.create(model="text-embedding-3-small", input="one"),
        list_models,
        lambda sdk: sdk.models.retrieve("gpt-4o"),
        lambda sdk: sdk.post("/traces/ingest", cast_to=httpx.Response, body={"data": []}),
    ]
    async with client(own, "sk-wrong") as stranger:
        for ask in asked:
            with pytest.raises(openai.AuthenticationError) as refused:
                await ask(stranger)
            assert refused.value.code == "invalid_api_key"
    assert unanswered(own, build().operations, 401) == set()


async def test_a_stream_that_breaks_off_raises_where_it_breaks(own: str) -> None:
    async with client(own) as sdk:
        heard = ""
        stream = await sdk.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "fail: midway"}], stream=True
        )
        with pytest.raises(openai.APIError, match="server had an error"):
            async for chunk in stream:
                heard += chunk.choices[0].delta.content or ""
    assert "This reply is never finished".startswith(heard.strip())
    assert heard


async def test_many_streams_at_once_are_told_apart(own: str) -> None:
    async def one(sdk: AsyncOpenAI) -> str:
        stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=HOURS, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async with client(own) as sdk:
        assert set(await asyncio.gather(*(one(sdk) for _ in range(40)))) == {"From nine to five."}
