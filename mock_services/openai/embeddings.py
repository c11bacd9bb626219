"""`POST /v1/embeddings`: unit vectors made from the texts themselves, near each other where texts share words."""

from __future__ import annotations

import base64
import math
import re
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from mock_services.openai.catalogue import Model
from mock_services.openai.errors import InvalidParameter
from mock_services.openai.fields import Fields, wrong_type
from mock_services.openai.tokens import estimate

MOST_INPUTS = 2_048
PLACES = 16  # of a vector that one word leans on
WORD = re.compile(r"\w+")
Input = str | list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsRequest:
    """What a request asks for: a vector for each of `inputs`, texts or lists of token ids."""

    model: str
    inputs: Sequence[Input]
    as_base64: bool
    dimensions: int | None

    @property
    def tokens(self) -> int:
        """Give about how many tokens the inputs have."""
        return sum(count(each) for each in self.inputs)


def count(text: Input) -> int:
    """Give about how many tokens one input has."""
    return estimate(text) if isinstance(text, str) else len(text)


def read_embeddings(body: dict[str, Any]) -> EmbeddingsRequest:
    """Read a request; raises `InvalidParameter` as OpenAI words it."""
    request = Fields(body)
    model = request.text("model")
    if not model:
        raise InvalidParameter("you must provide a model parameter")
    encoding = request.text("encoding_format", choices=("float", "base64"))
    return EmbeddingsRequest(
        model=model,
        inputs=_read_inputs(request),
        as_base64=encoding == "base64",
        dimensions=request.integer("dimensions", 1),
    )


def check(request: EmbeddingsRequest, model: Model) -> int:
    """See that the model can do what is asked, and give the vectors' size; raises `InvalidParameter`."""
    for each in request.inputs:
        tokens = count(each)
        if tokens > model.window:
            raise InvalidParameter(
                f"This model's maximum context length is {model.window} tokens, however you requested {tokens} tokens "
                f"({tokens} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
            )
    if request.dimensions is None:
        return model.size
    if not model.can_shorten:
        raise InvalidParameter("This model does not support specifying dimensions.", "dimensions")
    if request.dimensions > model.size:
        raise InvalidParameter(
            f"Invalid value for 'dimensions' = {request.dimensions}. Must be less than or equal to {model.size}.",
            "dimensions",
        )
    return request.dimensions


def vector(text: Input, model: Model, dimensions: int) -> array[float]:
    """Give the unit vector of one input: each word leans on a few places, the whole text faintly on all.

    The same text always gives the same vector. A shorter one is the longer one cut off and made a unit again.
    """
    words = WORD.findall(text.lower()) if isinstance(text, str) else [str(token) for token in text]
    whole = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else " ".join(words).encode()
    values = _faint(whole, model.size)
    for word in words:
        for place, sign in _places(word, model.size):
            values[place] += sign
    values = values[:dimensions]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return array("f", [value / length for value in values])


def embedding(index: int, values: array[float], *, as_base64: bool) -> dict[str, Any]:
    """Give one vector as the answer holds it: a list, or base64 of 32-bit floats, lowest byte first."""
    if not as_base64:
        return {"object": "embedding", "index": index, "embedding": values.tolist()}
    packed = struct.pack(f"<{len(values)}f", *values)
    return {"object": "embedding", "index": index, "embedding": base64.b64encode(packed).decode()}


def _read_inputs(request: Fields) -> list[Input]:
    given = request.get("input", required=True)
    if isinstance(given, str):
        inputs: list[Any] = [given]
    elif not isinstance(given, list):
        raise wrong_type("input", "one of a string or an array", given)
    elif given and all(_is_token(each) for each in given):
        inputs = [given]
    else:
        inputs = given
    if not 0 < len(inputs) <= MOST_INPUTS:
        raise InvalidParameter(
            f"Invalid 'input': expected an array of 1 to {MOST_INPUTS} inputs, but got {len(inputs)}.", "input"
        )
    for each in inputs:
        if not each or not (isinstance(each, str) or (isinstance(each, list) and all(_is_token(n) for n in each))):
            raise InvalidParameter(
                "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
            )
    return inputs


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32


def _faint(text: bytes, size: int) -> list[float]:
    """Noise that the whole text decides, so that different texts never have one vector: 0.05 for the whole of it."""
    scale = 0.05 * math.sqrt(12 / size) / 256
    digests = b"".join(blake2b(text, salt=block.to_bytes(4, "little")).digest() for block in range(-(-size // 64)))
    return [(byte - 127.5) * scale for byte in digests[:size]]


@lru_cache(maxsize=20_000)
def _places(word: str, size: int) -> tuple[tuple[int, float], ...]:
    digest = blake2b(word[:100].encode("utf-8", "surrogatepass"), digest_size=2 * PLACES).digest()
    numbers = struct.unpack(f"<{PLACES}H", digest)
    return tuple((number % size, 0.25 if number >> 15 else -0.25) for number in numbers)
