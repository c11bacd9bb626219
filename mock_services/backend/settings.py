"""What the reference backend can be told through the environment; what is left unsaid is as on the platform."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, EmailStr, Field, HttpUrl, UrlConstraints, model_validator
from pydantic_core import Url
from pydantic_settings import NoDecode

from mock_services.backend.defects import Defect, read_defects
from mock_services.core.environment import EnvironmentSettings, prefixed

WebSocketUrl = Annotated[Url, UrlConstraints(allowed_schemes=["ws", "wss"], host_required=True)]


def _json_list(given: object) -> object:
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError:
        raise ValueError('it takes a JSON list, such as ["https://app.example.org"]') from None


class Settings(EnvironmentSettings, alias_generator=prefixed("BACKEND_")):
    """One field a setting: `BACKEND_<NAME>` in the environment, or the shared variable that the field names.

    Times are in seconds. Limits that exist only because everything is in memory say so; the others are the platform's.
    """

    seed: str = Field(
        default_factory=lambda: secrets.token_hex(8), validation_alias="LAB_SEED", description="what ids are drawn from"
    )
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_json_list)] = Field(
        default=[], validation_alias="CORS_ORIGINS", description="a JSON list"
    )

    jwt_secret: str = Field(default_factory=lambda: secrets.token_urlsafe(48), min_length=32)
    bcrypt_rounds: int = Field(default=12, ge=4, le=16)
    access_token_s: int = Field(default=900, gt=0)
    refresh_token_s: int = Field(default=7 * 86_400, gt=0)
    reset_token_s: int = Field(default=3_600, gt=0)

    super_admin_email: EmailStr | Literal[""] = Field(
        default="", description="who a super administrator is made for at start and at each reset; unset, there is none"
    )
    super_admin_password: str = Field(default="", validate_default=True)

    rate_limit_requests: int = Field(default=120, ge=0, description="requests a window and client; 0 lifts the limit")
    rate_limit_window_s: int = Field(default=60, gt=0)
    rate_limit_clients: int = Field(default=100_000, gt=0, description="client keys remembered (memory)")
    max_body_mib: int = Field(default=10, gt=0, description="by the announced length")
    max_chunked_body_mib: int = Field(default=64, gt=0, description="of a body that announces no length (memory)")

    max_rows: int = Field(
        default=500_000, gt=0, description="organisations, users, contacts, interactions, events… in all (memory)"
    )
    max_metrics: int = Field(
        default=10_000, gt=0, description="metrics that administrators wrote down; the oldest goes first (memory)"
    )
    max_tokens: int = Field(
        default=200_000, gt=0, description="refresh tokens, and access tokens known as valid (memory)"
    )
    max_calls: int = Field(default=20_000, gt=0, description="calls kept; the oldest ended one goes first (memory)")
    max_call_messages: int = Field(default=2_000, gt=0, description="messages kept of one call (memory)")

    max_import_rows: int = Field(default=10_000, gt=0, description="lines of an imported file (memory)")

    dialable_tenants: bool = Field(default=False, description="give every tenant an id that begins with seven digits")
    stale_call_s: int = Field(default=1_800, gt=0, description="an unfinished call older than this is failed")
    max_usage_records: int = Field(
        default=100_000, gt=0, description="records of what was used; the oldest goes first (memory)"
    )
    verification_code_s: float = Field(default=600.0, gt=0, description="how long a code is good")
    verification_tries: int = Field(default=3, gt=0, description="wrong codes that end an attempt")

    twilio_api_url: HttpUrl = Field(default=HttpUrl("http://127.0.0.1:8010"), validation_alias="TWILIO_API_URL")
    twilio_account_sid: str = Field(
        default="AC1ab00000000000000000000000000001", pattern="^[A-Za-z0-9]+$", validation_alias="TWILIO_ACCOUNT_SID"
    )
    twilio_auth_token: str = Field(default="1ab0000000000000000000000000abcd", validation_alias="TWILIO_AUTH_TOKEN")
    twilio_phone_number: str = Field(
        default="+15005550006", validation_alias="TWILIO_PHONE_NUMBER", description="what text messages come from"
    )

    voice_sockets: int = Field(default=50, ge=0, description="media streams at a time; the next one is refused")
    media_packets_per_s: int = Field(default=100, gt=0)
    media_payload_chars: int = Field(default=4_000, gt=0)
    media_audio_bytes: int = Field(default=2_048, gt=0)

    deepgram_agent_url: WebSocketUrl = Field(
        default=Url("ws://127.0.0.1:8020/deepgram/v1/agent/converse"), validation_alias="DEEPGRAM_AGENT_URL"
    )
    deepgram_api_key: str = Field(
        default="1ab0000000000000000000000000000000deeb9a", validation_alias="DEEPGRAM_API_KEY"
    )
    agent_connect_s: float = Field(default=10.0, gt=0)
    agent_keep_alive_after_s: float = Field(default=10.0, gt=0)
    agent_keep_alive_every_s: float = Field(default=5.0, gt=0)
    agent_backlog_bytes: int = Field(
        default=64 * 1024, gt=0, description="caller audio that may wait for a slow agent (memory)"
    )

    sendgrid_api_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8020/sendgrid"), validation_alias="SENDGRID_API_URL"
    )
    sendgrid_api_key: str = Field(
        default="SG.1ab0000000000000000000.00000000000000000000000000000000000sendgrid",
        validation_alias="SENDGRID_API_KEY",
    )
    mail_from: EmailStr = "pete@cyberiad.ai"
    vendor_timeout_s: float = Field(default=10.0, gt=0, description="a vendor that has not answered by then has failed")
    frontend_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8001"),
        validation_alias="FRONTEND_URL",
        description="what links in mails name",
    )

    deepgram_listen_url: WebSocketUrl = Field(
        default=Url("ws://127.0.0.1:8020/deepgram/v1/listen"), validation_alias="DEEPGRAM_LISTEN_URL"
    )
    stt_connect_s: float = Field(default=2.0, gt=0, description="patience with the handshake of live transcription")
    stt_backlog_bytes: int = Field(
        default=256 * 1024, gt=0, description="audio that may wait for a slow transcription (memory)"
    )

    conversations_per_user: int = Field(default=10, ge=0, description="that a user is connected to at a time")
    conversation_ping_s: float = Field(default=300.0, gt=0, description="a client that silent is pinged")
    conversation_silent_s: float = Field(
        default=300.0, gt=0, description="until the defect conversation-socket-falls-silent shows"
    )
    conversation_unread: int = Field(
        default=1_000, gt=0, description="messages that may wait for a client that does not read (memory)"
    )

    openai_base_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8020/openai/v1"), validation_alias="OPENAI_BASE_URL"
    )
    openai_api_key: str = Field(
        default="sk-1ab0000000000000000000000000000000000000000penai", validation_alias="OPENAI_API_KEY"
    )
    openai_timeout_s: float = Field(default=60.0, gt=0, description="of one try")
    openai_retries: int = Field(default=2, ge=0, le=10)

    stripe_api_url: HttpUrl = Field(default=HttpUrl("http://127.0.0.1:8020/stripe"), validation_alias="STRIPE_API_URL")
    stripe_secret_key: str = Field(default=f"sk_test_1ab{'0' * 90}stripe", validation_alias="STRIPE_SECRET_KEY")
    stripe_webhook_secret: str = Field(default="whsec_lab_secret", validation_alias="STRIPE_WEBHOOK_SECRET")
    stripe_price_id: str = Field(
        default="price_lab_basic", validation_alias="STRIPE_PRICE_ID", description="what a subscription costs"
    )

    elevenlabs_api_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8020/elevenlabs"), validation_alias="ELEVENLABS_API_URL"
    )
    elevenlabs_api_key: str = Field(
        default="sk_1ab000000000000000000000000000000000000000e1e7e1", validation_alias="ELEVENLABS_API_KEY"
    )
    speech_timeout_s: float = Field(default=120.0, gt=0, description="for a whole text that is spoken")

    extensions: bool = Field(default=True, description="offer what the lab adds; false is the platform and no more")
    defects: Annotated[frozenset[Defect], NoDecode, BeforeValidator(read_defects)] = Field(
        default=frozenset(), description="the platform's own defects to show, a comma list of names (defects.py)"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.super_admin_password) != bool(self.super_admin_email):
            raise ValueError(
                "BACKEND_SUPER_ADMIN_EMAIL and BACKEND_SUPER_ADMIN_PASSWORD go together: set both, or none"
            )
        return self
