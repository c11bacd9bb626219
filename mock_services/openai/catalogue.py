"""The models that the stub serves, and what each can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from mock_services.openai.errors import ModelNotFound, NoEmbeddings, NotAChatModel

Kind = Literal["chat", "embeddings", "other"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model: `snapshot` is the name that answers carry, `window` its context in tokens, `size` its vectors'."""

    id: str
    kind: Kind
    snapshot: str
    created: int
    window: int = 0
    size: int = 0
    can_shorten: bool = True
    owner: str = "system"

    def listed(self) -> dict[str, Any]:
        """Give the model as `GET /v1/models` shows it."""
        return {"id": self.id, "object": "model", "created": self.created, "owned_by": self.owner}


def _chat(name: str, snapshot: str, created: int, window: int) -> tuple[Model, Model]:
    full = f"{name}-{snapshot}"
    return Model(name, "chat", full, created, window), Model(full, "chat", full, created, window)


MODELS: tuple[Model, ...] = (
    *_chat("gpt-3.5-turbo", "0125", 1706048358, 16_385),
    *_chat("gpt-4", "0613", 1686588896, 8_192),
    *_chat("gpt-4-turbo", "2024-04-09", 1712361441, 128_000),
    *_chat("gpt-4o", "2024-08-06", 1715367049, 128_000),
    *_chat("gpt-4o-mini", "2024-07-18", 1721172741, 128_000),
    *_chat("gpt-4.1", "2025-04-14", 1744316542, 1_047_576),
    *_chat("gpt-4.1-mini", "2025-04-14", 1744318173, 1_047_576),
    *_chat("gpt-4.1-nano", "2025-04-14", 1744321025, 1_047_576),
    *_chat("o4-mini", "2025-04-16", 1744225351, 200_000),
    *_chat("gpt-5", "2025-08-07", 1754425777, 400_000),
    *_chat("gpt-5-mini", "2025-08-07", 1754425928, 400_000),
    *_chat("gpt-5-nano", "2025-08-07", 1754426303, 400_000),
    Model("text-embedding-3-small", "embeddings", "text-embedding-3-small", 1705948997, 8_192, 1_536),
    Model("text-embedding-3-large", "embeddings", "text-embedding-3-large", 1705953180, 8_192, 3_072),
    Model(
        "text-embedding-ada-002", "embeddings", "text-embedding-ada-002", 1671217299, 8_192, 1_536, can_shorten=False
    ),
    Model("whisper-1", "other", "whisper-1", 1677532384, owner="openai-internal"),
    Model("tts-1", "other", "tts-1", 1681940951, owner="openai-internal"),
    Model("omni-moderation-latest", "other", "omni-moderation-latest", 1731689265),
)


class Catalogue:
    """Finds models by name. `extra` names more chat models, such as fine-tuned ones."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        added = (Model(name, "chat", name, 1735689600, 128_000, owner="org-lab") for name in extra)
        self._models = {model.id: model for model in (*MODELS, *added)}

    def all(self) -> list[Model]:
        """Give every model."""
        return list(self._models.values())

    def find(self, name: str) -> Model:
        """Give the model called `name`; raises `ModelNotFound`."""
        model = self._models.get(name)
        if model is None:
            raise ModelNotFound(name[:200])
        return model

    def chat(self, name: str, path: str) -> Model:
        """Give a model that chats, for the endpoint at `path`; raises `ModelNotFound` or `NotAChatModel`."""
        model = self.find(name)
        if model.kind != "chat":
            raise NotAChatModel(path)
        return model

    def embeddings(self, name: str) -> Model:
        """Give a model that makes embeddings; raises `ModelNotFound` or `NoEmbeddings`."""
        model = self.find(name)
        if model.kind != "embeddings":
            raise NoEmbeddings
        return model
