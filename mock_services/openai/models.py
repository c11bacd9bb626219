"""The state of the stub: who is let in, what of the minute is used up, which responses are kept, what was counted."""

from __future__ import annotations

import hmac
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from random import Random
from typing import Any

from mock_services.core.durations import Milliseconds
from mock_services.core.latency import Delay
from mock_services.core.limits import Bucket
from mock_services.core.randomness import Randomness
from mock_services.openai import tokens
from mock_services.openai.catalogue import Catalogue
from mock_services.openai.errors import MissingKey, Overloaded, QuotaExceeded, RateLimited, WrongKey
from mock_services.openai.settings import OpenAISettings
from mock_services.openai.stored import StoredResponses

ID_DIGITS = {"chatcmpl-": 29, "call_": 24, "req_": 32}
OTHER_ID_DIGITS = 48


class OpenAIState:
    """Everything that requests share. All of it is bounded, and `reset` puts it back to its start."""

    def __init__(self, settings: OpenAISettings) -> None:
        self.settings = settings
        self.catalogue = Catalogue(settings.extra_models)
        self._key = settings.api_key.encode()
        self.reset()

    def reset(self) -> None:
        """Forget what was used, kept and counted, and begin the random values anew."""
        self.randomness = Randomness(self.settings.seed)
        self.limits: dict[str, Limits] = {}
        self.stored = StoredResponses(self.settings.max_stored)
        self.rules: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.tokens_in = 0
        self.tokens_out = 0
        self.traces = 0
        self.first_token_ms = Milliseconds()
        self.lateness_ms = Milliseconds()

    def new_id(self, prefix: str) -> str:
        """Give a new id such as `chatcmpl-…`."""
        return prefix + self.randomness.hex(f"openai {prefix}", ID_DIGITS.get(prefix, OTHER_ID_DIGITS))

    def authenticate(self, authorization: str) -> None:
        """Check `Authorization: Bearer <key>`; raises `MissingKey` or `WrongKey`."""
        scheme, _, key = authorization.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            self.refused["authentication"] += 1
            raise MissingKey
        if not hmac.compare_digest(key.encode("utf-8", "replace"), self._key):
            self.refused["authentication"] += 1
            raise WrongKey(key)

    def admit(self, model: str, cost: int, in_flight: int) -> dict[str, str]:
        """Count one request of about `cost` tokens against the limits, and give the headers that tell how they stand.

        Raises `Overloaded`, `QuotaExceeded` or `RateLimited`. `model` is one of the catalogue's.
        """
        settings = self.settings
        if in_flight > settings.max_in_flight:
            self.refused["overloaded"] += 1
            raise Overloaded
        if settings.quota_tokens and self.tokens_in + self.tokens_out >= settings.quota_tokens:
            self.refused["quota"] += 1
            raise QuotaExceeded
        if model not in self.limits:
            self.limits[model] = Limits(settings.requests_per_minute, settings.tokens_per_minute)
        try:
            return self.limits[model].admit(model, cost, time.monotonic())
        except RateLimited:
            self.refused["rate"] += 1
            raise

    def draw_s(self, delay: Delay) -> float:
        """Draw how long one answer takes, in seconds."""
        return delay.draw_s(self.randomness.stream("openai delays"))

    def chance(self, *about: str) -> Random:
        """Give a source of chance that is the same whenever it is asked for with the same texts."""
        digest = blake2b("\0".join(about).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return self.randomness.fresh(f"openai {digest}")

    def token_times(self) -> Iterator[float]:
        """Give when each token of one answer is written, in seconds after the request; the first is counted."""
        settings = self.settings
        first_s = self.draw_s(settings.first_token_ms)
        self.first_token_ms.add(first_s * 1000)
        random = self.randomness.stream("openai pace")
        return tokens.times(first_s, settings.tokens_per_second, settings.token_jitter, random)

    def count_tokens(self, given: int, written: int) -> None:
        """Count the tokens of one answered request."""
        self.tokens_in += given
        self.tokens_out += written

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`: the delays as they are set, and what was counted."""
        settings = self.settings
        return {
            "openai": {
                "seed": settings.seed,
                "delays": {
                    "first_token_ms": str(settings.first_token_ms),
                    "tokens_per_second": settings.tokens_per_second,
                    "token_jitter": settings.token_jitter,
                    "embeddings_ms": str(settings.embeddings_ms),
                    "lookup_ms": str(settings.lookup_ms),
                },
                "limits": {
                    "requests_per_minute": settings.requests_per_minute,
                    "tokens_per_minute": settings.tokens_per_minute,
                    "quota_tokens": settings.quota_tokens,
                    "max_in_flight": settings.max_in_flight,
                },
                "tokens_in": self.tokens_in,
                "tokens_out": self.tokens_out,
                "stored_responses": len(self.stored),
                "traces": self.traces,
                "refused": dict(self.refused),
                "rules": dict(self.rules),
                "first_token_ms": self.first_token_ms.summary(),
                "lateness_ms": self.lateness_ms.summary(),
            }
        }


class Limits:
    """What one model lets through a minute, in requests and in tokens."""

    def __init__(self, requests_per_minute: int, tokens_per_minute: int) -> None:
        self._buckets = {"requests": Bucket(requests_per_minute), "tokens": Bucket(tokens_per_minute)}

    def admit(self, model: str, tokens: int, now: float) -> dict[str, str]:
        """Use one request and `tokens` tokens, and give the headers; raises `RateLimited` and uses nothing."""
        for kind, amount in (("requests", 1), ("tokens", tokens)):
            bucket = self._buckets[kind]
            wait_s = bucket.wait_s(amount, now)
            if wait_s > 0:
                used = round(bucket.limit - bucket.level(now))
                raise RateLimited(kind, bucket.limit, amount, used, model, wait_s, self.headers(now))
        self._buckets["requests"].use(1, now)
        self._buckets["tokens"].use(tokens, now)
        return self.headers(now)

    def headers(self, now: float) -> dict[str, str]:
        """Give OpenAI's `x-ratelimit-*` headers; none for a limit that is lifted."""
        headers = {}
        for kind, bucket in self._buckets.items():
            if bucket.limit:
                headers[f"x-ratelimit-limit-{kind}"] = str(bucket.limit)
                headers[f"x-ratelimit-remaining-{kind}"] = str(int(bucket.level(now)))
                headers[f"x-ratelimit-reset-{kind}"] = duration(bucket.full_in_s(now))
        return headers


def duration(seconds: float) -> str:
    """Write a duration as OpenAI's headers do: `6ms`, `8.64s`, `1m12s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:.6g}s" if minutes else f"{rest:.6g}s"
