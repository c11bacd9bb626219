"""What the environment sets of the SendGrid stub: its key, its pace, its limits, and how much it keeps."""

from __future__ import annotations

from pydantic import Field

from mock_services.core.environment import EnvironmentSettings, prefixed
from mock_services.core.latency import DelaySetting, Uniform


class SendGridSettings(EnvironmentSettings, alias_generator=prefixed("SENDGRID_")):
    """Read from `SENDGRID_*`; `docs/sendgrid.md` lists each with what it does."""

    api_key: str = Field(
        default="SG.1ab0000000000000000000.00000000000000000000000000000000000sendgrid",
        pattern=r"^SG\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
    )
    latency_ms: DelaySetting = Uniform(50, 200)
    requests_per_second: int = Field(default=10_000, ge=0)
    max_messages: int = Field(default=10_000, ge=1)
    max_kept_mib: int = Field(default=64, ge=1, le=65_536)
    max_body_mib: int = Field(default=30, ge=1, le=1_024)
    seed: str = Field(default="lab", alias="LAB_SEED")
