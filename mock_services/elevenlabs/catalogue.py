"""The voices and the models that the stub has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mock_services.elevenlabs.errors import ModelNotFound, VoiceNotFound
from mock_services.elevenlabs.requests import VoicesQuery

CREATED = 1_714_204_800
LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "pt": "Portuguese"}
SETTINGS = {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True, "speed": 1.0}


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice."""

    id: str
    name: str
    gender: str = "neutral"
    accent: str = "american"
    age: str = "middle_aged"
    use_case: str = "conversational"
    category: str = "premade"

    def shown(self) -> dict[str, Any]:
        """Give the voice as the API shows it."""
        return {
            "voice_id": self.id,
            "name": self.name,
            "samples": None,
            "category": self.category,
            "fine_tuning": {"is_allowed_to_fine_tune": True, "state": {}, "language": "en"},
            "labels": {"accent": self.accent, "age": self.age, "gender": self.gender, "use_case": self.use_case},
            "description": f"A {self.gender} voice of the lab.",
            "preview_url": f"https://storage.googleapis.com/eleven-public-prod/premade/voices/{self.id}/preview.mp3",
            "available_for_tiers": [],
            "settings": SETTINGS,
            "sharing": None,
            "high_quality_base_model_ids": ["eleven_multilingual_v2", "eleven_turbo_v2_5", "eleven_flash_v2_5"],
            "verified_languages": [],
            "safety_control": None,
            "voice_verification": None,
            "permission_on_resource": None,
            "is_owner": self.category == "cloned",
            "is_legacy": False,
            "is_mixed": False,
            "created_at_unix": CREATED,
        }


VOICES = (
    Voice("21m00Tcm4TlvDq8ikWAM", "Rachel", "female", "american", "young", "narration"),
    Voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "female", "american", "young", "professional"),
    Voice("JBFqnCBsd6RMkjVDRZzb", "George", "male", "british", "middle_aged", "narration"),
    Voice("IKne3meq5aSn9XLyUdCD", "Charlie", "male", "australian", "young", "conversational"),
    Voice("XB0fDUnXU5powFXDhCwa", "Charlotte", "female", "swedish", "young", "characters"),
    Voice("TX3LPaxmHKxFdv7VOQHJ", "Liam", "male", "american", "young", "social_media"),
    Voice("pNInz6obpgDQGcFmaJgB", "Adam", "male", "american", "middle_aged", "narration"),
    Voice("nPczCjzI2devNBz1zQrb", "Brian", "male", "american", "middle_aged", "narration"),
    Voice("onwK4e9ZLuTAKqWW03F9", "Daniel", "male", "british", "middle_aged", "news"),
    Voice("pFZP5JQG7iQjIQuC4Bku", "Lily", "female", "british", "middle_aged", "narration"),
    Voice("XrExE9yKIg1WjnnlVkGX", "Matilda", "female", "american", "middle_aged", "educational"),
    Voice("ErXwobaYiN019PkySvjV", "Antoni", "male", "american", "young", "narration"),
)


@dataclass(frozen=True, slots=True)
class Model:
    """One model: `longest` is how many characters it takes at once, `cost` the credits of one character."""

    id: str
    name: str
    longest: int
    cost: float
    languages: tuple[str, ...] = tuple(LANGUAGES)
    speaks: bool = True

    def shown(self) -> dict[str, Any]:
        """Give the model as `GET /v1/models` shows it."""
        return {
            "model_id": self.id,
            "name": self.name,
            "can_be_finetuned": self.speaks,
            "can_do_text_to_speech": self.speaks,
            "can_do_voice_conversion": not self.speaks,
            "can_use_style": True,
            "can_use_speaker_boost": True,
            "serves_pro_voices": False,
            "token_cost_factor": self.cost,
            "description": f"{self.name}, as the lab has it.",
            "requires_alpha_access": False,
            "max_characters_request_free_user": self.longest,
            "max_characters_request_subscribed_user": self.longest,
            "maximum_text_length_per_request": self.longest,
            "languages": [{"language_id": each, "name": LANGUAGES[each]} for each in self.languages],
            "model_rates": {"character_cost_multiplier": self.cost},
            "concurrency_group": "turbo" if self.cost < 1 else "standard",
        }


MODELS = (
    Model("eleven_multilingual_v2", "Eleven Multilingual v2", 10_000, 1.0),
    Model("eleven_flash_v2_5", "Eleven Flash v2.5", 40_000, 0.5),
    Model("eleven_turbo_v2_5", "Eleven Turbo v2.5", 40_000, 0.5),
    Model("eleven_flash_v2", "Eleven Flash v2", 30_000, 0.5, ("en",)),
    Model("eleven_turbo_v2", "Eleven Turbo v2", 30_000, 0.5, ("en",)),
    Model("eleven_v3", "Eleven v3", 5_000, 1.0),
    Model("eleven_monolingual_v1", "Eleven English v1", 5_000, 1.0, ("en",)),
    Model("eleven_multilingual_sts_v2", "Eleven Multilingual v2 (speech to speech)", 10_000, 1.0, speaks=False),
)


class Catalogue:
    """Finds voices and models. `extra` are the ids of more voices, such as cloned ones."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        added = (Voice(voice_id, f"Voice {voice_id}", category="cloned") for voice_id in extra)
        self._voices = {voice.id: voice for voice in (*VOICES, *added)}
        self._models = {model.id: model for model in MODELS}

    @property
    def voices(self) -> list[Voice]:
        """Every voice."""
        return list(self._voices.values())

    @property
    def models(self) -> list[Model]:
        """Every model."""
        return list(self._models.values())

    def page(self, query: VoicesQuery) -> dict[str, Any]:
        """Give one page of the voices that fit `query`, as `GET /v2/voices` does."""
        found = [voice for voice in self.voices if _fits(voice, query)]
        if query.sort is not None:
            found.sort(
                key=lambda voice: voice.name if query.sort == "name" else "", reverse=query.sort_direction == "desc"
            )
        places = {voice.id: place for place, voice in enumerate(found, 1)}
        after = places.get(query.next_page_token or "", 0)
        page = found[after : after + query.page_size]
        more = after + query.page_size < len(found)
        return {
            "voices": [voice.shown() for voice in page],
            "has_more": more,
            "total_count": len(found) if query.include_total_count else 0,
            "next_page_token": page[-1].id if more else None,
        }

    def voice(self, voice_id: str, missing: int = 404) -> Voice:
        """Give a voice; raises `VoiceNotFound` with the status `missing`."""
        voice = self._voices.get(voice_id)
        if voice is None:
            raise VoiceNotFound(voice_id, missing)
        return voice

    def speaking(self, model_id: str) -> Model:
        """Give a model that makes speech; raises `ModelNotFound`."""
        model = self._models.get(model_id)
        if model is None or not model.speaks:
            raise ModelNotFound(model_id)
        return model


def _fits(voice: Voice, query: VoicesQuery) -> bool:
    text = " ".join((voice.name, voice.gender, voice.accent, voice.age, voice.use_case)).lower()
    return (
        (not query.voice_ids or voice.id in query.voice_ids)
        and (query.category is None or voice.category == query.category)
        and (query.search is None or query.search.lower() in text)
    )
