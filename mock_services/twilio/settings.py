"""What the Twilio double can be told through the environment."""

from __future__ import annotations

import secrets
from pathlib import Path
from random import Random
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from mock_services.core.environment import EnvironmentSettings, prefixed
from mock_services.core.latency import DelaySetting, Lognormal
from mock_services.core.speech import load_recordings
from mock_services.twilio.protocol.stream_url import parse_map
from mock_services.twilio.scripts import load_scripts


def _hold_scripts(file: Path) -> Path:
    load_scripts({recording.id for recording in load_recordings("caller")}, file)
    return file


class Settings(EnvironmentSettings, alias_generator=prefixed("TWILIO_")):
    """One field a setting: `TWILIO_<NAME>` in the environment, or the shared variable that the field names."""

    account_sid: str = Field(default="AC1ab00000000000000000000000000001", pattern=r"^AC[0-9a-f]{32}$")
    auth_token: str = Field(default="1ab0000000000000000000000000abcd", min_length=1)
    api_secret: str = Field(default="", description="the secret of TWILIO_API_KEY")
    api_key: str = Field(
        default="",
        pattern=r"^(SK[0-9a-f]{32})?$",
        description="an API key whose holder may do what the token's may, with TWILIO_API_SECRET",
    )
    phone_number: str = Field(
        default="+15005550006",
        pattern=r"^\+[1-9][0-9]{1,14}$",
        description="a number that the account may always send messages from, beside those it has bought",
    )
    seed: str = Field(
        default_factory=lambda: secrets.token_hex(8),
        validation_alias="LAB_SEED",
        description="what callers do by chance",
    )
    stream_map: Annotated[dict[str, str], NoDecode] = Field(
        default={}, validation_alias="LAB_STREAM_MAP", description="wss://host:port=ws://host:port, comma-separated"
    )
    stream_signature: Literal["twiml", "opened"] = Field(
        default="twiml",
        description="which URL a stream's upgrade is signed over: the TwiML's, or the one really opened",
    )
    max_calls: int = Field(default=2_000, ge=1, description="calls at a time; the next one is refused")
    max_calls_kept: int = Field(default=20_000, ge=1, description="calls listed over REST; older ended ones go")
    max_numbers: int = Field(default=10_000, ge=1)
    max_parties: int = Field(default=10_000, ge=1, description="parties entered over the control socket")
    max_messages: int = Field(default=20_000, ge=1, description="text messages kept; the oldest go")
    scripts_file: Annotated[Path, AfterValidator(_hold_scripts)] | None = Field(
        default=None, description="a JSON file of scripts that callers can be given by name, beside those shipped"
    )
    callee_script: str = Field(default="default", description="what those do who are called, by a script's name")
    tape_dir: Path | None = Field(default=None, description="where recorded calls are written; unset: until the end")
    max_tapes: int = Field(default=10, ge=1, le=1000, description="calls recorded at a time, and recordings kept")
    tape_s: float = Field(default=180.0, gt=0, le=14_400, description="how much of a call is recorded")
    webhook_connect_s: float = Field(default=5.0, gt=0, le=60, description="Twilio's limit to connect to a webhook")
    webhook_total_s: float = Field(default=15.0, gt=0, le=60, description="Twilio's limit for a webhook's whole answer")
    calls_per_second: float = Field(default=1.0, gt=0, le=10_000, description="calls that the account begins itself")
    ring_ms: DelaySetting = Field(default=Lognormal(6000, 20_000), description="until somebody answers who is called")
    api_url: str = Field(default="https://api.twilio.com", description="where recordings are, as webhooks tell it")
    max_recordings: int = Field(default=50, ge=1, description="recordings kept; the oldest go")
    sms_sent_ms: DelaySetting = Field(default=Lognormal(150, 500), description="from queued to sent")
    sms_delivered_ms: DelaySetting = Field(default=Lognormal(800, 3000), description="from sent to delivered")
    speech_rate: float = Field(default=15.0, gt=0, description="characters a second that <Say> speaks")

    @property
    def credentials(self) -> dict[str, str]:
        """What the account's REST API is used with: by SID, the token or the API key's secret."""
        own = {self.account_sid: self.auth_token}
        return own | {self.api_key: self.api_secret} if self.api_key else own

    @field_validator("callee_script")
    @classmethod
    def _hold_callee_script(cls, name: str, others: ValidationInfo) -> str:
        if "scripts_file" in others.data:  # else that is what is wrong
            lines = {recording.id for recording in load_recordings("caller")}
            load_scripts(lines, others.data["scripts_file"]).choose(name, Random(0))
        return name

    @field_validator("api_key")
    @classmethod
    def _hold_secret(cls, key: str, others: ValidationInfo) -> str:
        if bool(key) != bool(others.data["api_secret"]):
            raise ValueError("set both TWILIO_API_KEY and TWILIO_API_SECRET, or neither")
        return key

    @field_validator("stream_map", mode="before")
    @classmethod
    def _read_stream_map(cls, value: object) -> object:
        return parse_map(value) if isinstance(value, str) else value
