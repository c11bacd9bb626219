"""What the environment sets of the Stripe stub: its key, its catalogue, its webhooks, its delays and its bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, UrlConstraints
from pydantic_core import Url

from mock_services.core.environment import EnvironmentSettings, prefixed
from mock_services.core.latency import DelaySetting, Fixed, Uniform

LAB_KEY = f"sk_test_1ab{'0' * 90}stripe"
"""The documented key of the lab: of the shape that Stripe issues and that the platform checks at its start."""

WebUrl = Annotated[Url, UrlConstraints(allowed_schemes=["http", "https"], host_required=True)]


class StripeSettings(EnvironmentSettings, alias_generator=prefixed("STRIPE_")):
    """Read from `STRIPE_*`; `docs/stripe.md` lists each with what it does."""

    secret_key: str = Field(default=LAB_KEY, pattern=r"^(sk|rk)_test_[A-Za-z0-9]+$")
    api_version: str = Field(default="2025-02-24.acacia", pattern=r"^\d{4}-\d{2}-\d{2}(\.[a-z_]+)?$")
    seed_catalog: bool = True
    latency_ms: DelaySetting = Uniform(200, 600)
    requests_per_second: int = Field(default=100, ge=0)

    webhook_url: WebUrl | None = None
    webhook_secret: str = Field(default="whsec_lab_secret", pattern=r"^whsec_\w+$")
    webhook_delay_ms: DelaySetting = Fixed(0)
    webhook_retries: int = Field(default=3, ge=0, le=100)
    webhook_retry_ms: float = Field(default=1_000.0, ge=0, le=86_400_000)
    webhook_timeout_ms: float = Field(default=10_000.0, gt=0, le=600_000)
    webhook_workers: int = Field(default=4, ge=1, le=256)
    webhook_queue: int = Field(default=10_000, ge=1, le=1_000_000)

    max_objects: int = Field(default=50_000, ge=1)
    max_events: int = Field(default=10_000, ge=1)
    max_idempotency_keys: int = Field(default=10_000, ge=1)
    max_body_bytes: int = Field(default=1 << 20, ge=1)

    seed: str = Field(default="lab", alias="LAB_SEED")
