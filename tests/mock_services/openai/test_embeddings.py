"""Embeddings through OpenAI's SDK: unit vectors that the text decides, as floats and as base64."""

import base64
import math
import struct
from typing import Any

import openai
import pytest
from openai import OpenAI

from mock_services.openai.catalogue import Catalogue
from mock_services.openai.embeddings import vector
from tests.mock_services.openai.support import KEY

SMALL = "text-embedding-3-small"
FLOATS: Any = {"encoding_format": "float"}


def embed(client: OpenAI, text: Any, model: str = SMALL, **options: Any) -> Any:
    return client.embeddings.create(input=text, model=model, **options)


def test_a_vector_is_a_unit_and_always_the_same(client: OpenAI) -> None:
    answer = embed(client, "A plot by the old oak.", **FLOATS)
    (data,) = answer.data
    assert (answer.object, answer.model, data.object, data.index) == ("list", SMALL, "embedding", 0)
    assert len(data.embedding) == 1536
    assert math.fsum(value * value for value in data.embedding) == pytest.approx(1, abs=1e-5)
    assert embed(client, "A plot by the old oak.", **FLOATS).data[0].embedding == data.embedding
    assert embed(client, "A plot by the old oak!", **FLOATS).data[0].embedding != data.embedding
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


def test_the_sdk_asks_for_base64_and_reads_the_same_vector(stub: str, client: OpenAI) -> None:
    plain = OpenAI(api_key=KEY, base_url=f"http://{stub}/v1", max_retries=0)  # base64 is not in the specification
    with plain:
        assert embed(plain, "chapel").data[0].embedding == pytest.approx(
            embed(client, "chapel", **FLOATS).data[0].embedding
        )
        raw = plain.embeddings.with_raw_response.create(input="chapel", model=SMALL, encoding_format="base64")
    packed = base64.b64decode(raw.http_response.json()["data"][0]["embedding"])
    assert len(packed) == 1536 * 4
    assert struct.unpack("<1536f", packed) == pytest.approx(embed(client, "chapel", **FLOATS).data[0].embedding)


@pytest.mark.parametrize(
    ("model", "dimensions", "size"),
    [
        ("text-embedding-ada-002", None, 1536),
        ("text-embedding-3-large", None, 3072),
        ("text-embedding-3-large", 256, 256),
        (SMALL, 1, 1),
    ],
)
def test_each_model_has_its_size(client: OpenAI, model: str, dimensions: int | None, size: int) -> None:
    options = FLOATS if dimensions is None else {**FLOATS, "dimensions": dimensions}
    values = embed(client, "chapel", model, **options).data[0].embedding
    assert len(values) == size
    assert math.fsum(value * value for value in values) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "count"),
    [("one", 1), (["one", "two", "three"], 3), ([1, 2, 3], 1), ([[1, 2], [3]], 2)],
    ids=["text", "texts", "tokens", "lists of tokens"],
)
def test_inputs_come_in_four_forms(client: OpenAI, given: Any, count: int) -> None:
    answer = embed(client, given, **FLOATS)
    assert [data.index for data in answer.data] == list(range(count))
    assert len({tuple(data.embedding) for data in answer.data}) == count


def test_texts_that_share_words_are_near_each_other() -> None:
    model = Catalogue().embeddings(SMALL)

    def nearness(one: str, other: str) -> float:
        pairs = zip(vector(one, model, 1536), vector(other, model, 1536), strict=True)
        return math.fsum(a * b for a, b in pairs)

    question = "What does a plot in the garden cost?"
    assert nearness(question, question) == pytest.approx(1)
    near = nearness(question, "A plot in the garden costs two thousand dollars.")
    far = nearness(question, "Our chapel seats eighty guests.")
    assert near > 0.3 > abs(far)


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        ("", {}, openai.BadRequestError, r"'\$.input' is invalid"),
        ([], {}, openai.BadRequestError, "1 to 2048 inputs"),
        (["a", ""], {}, openai.BadRequestError, r"'\$.input' is invalid"),
        ([["a"]], {}, openai.BadRequestError, r"'\$.input' is invalid"),
        ([1, "a"], {}, openai.BadRequestError, r"'\$.input' is invalid"),
        (["x"] * 2049, {}, openai.BadRequestError, "got 2049"),
        (5, {}, openai.BadRequestError, "Invalid type for 'input'"),
        ("word " * 9_000, {}, openai.BadRequestError, "maximum context length is 8192 tokens"),
        ("a", {"dimensions": 0}, openai.BadRequestError, "Expected a value >= 1"),
        ("a", {"dimensions": 2_000}, openai.BadRequestError, "less than or equal to 1536"),
        ("a", {"model": "text-embedding-ada-002", "dimensions": 5}, openai.BadRequestError, "does not support"),
        ("a", {"encoding_format": "int8"}, openai.BadRequestError, "'float', and 'base64'"),
        ("a", {"model": "gpt-4o"}, openai.PermissionDeniedError, "not allowed to generate embeddings"),
        ("a", {"model": "text-embedding-9"}, openai.NotFoundError, "text-embedding-9"),
    ],
)
def test_what_cannot_be_embedded_is_refused(
    client: OpenAI, given: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        embed(client, given, **{**FLOATS, **options})
