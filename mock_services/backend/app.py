"""Assembles the reference backend: its state, its areas, and the chain that requests pass."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.administrator import SuperAdministrator
from mock_services.backend.accounts.organizations import Organizations
from mock_services.backend.accounts.sessions import Sessions
from mock_services.backend.accounts.state import Accounts
from mock_services.backend.accounts.tokens import AccessTokens, StoredTokens
from mock_services.backend.accounts.users import Users
from mock_services.backend.admin.assembly import AdminAreas
from mock_services.backend.admin.system import Sources
from mock_services.backend.billing.assembly import BillingAreas
from mock_services.backend.calendar.attendees import Attendees
from mock_services.backend.calendar.events import Events
from mock_services.backend.calendar.invitations import Letters
from mock_services.backend.calendar.public import PublicCalendar
from mock_services.backend.calendar.state import Calendar
from mock_services.backend.calendar.views import Views
from mock_services.backend.conversations.assembly import ConversationAreas
from mock_services.backend.crm.contacts import Contacts
from mock_services.backend.crm.custom_fields import CustomFields
from mock_services.backend.crm.dashboard import DashboardPage
from mock_services.backend.crm.imports import Imports
from mock_services.backend.crm.interactions import Interactions
from mock_services.backend.crm.state import Crm
from mock_services.backend.errors import PlatformErrors
from mock_services.backend.guards import Guards
from mock_services.backend.issues.issues import Issues
from mock_services.backend.issues.state import IssueStore
from mock_services.backend.mailing.campaigns import Campaigns
from mock_services.backend.mailing.letters import CampaignLetters
from mock_services.backend.mailing.reading import Reading
from mock_services.backend.mailing.sending import Sending
from mock_services.backend.mailing.state import Mailing
from mock_services.backend.mailing.templates import Templates
from mock_services.backend.pages import Pages
from mock_services.backend.settings import Settings
from mock_services.backend.speech_to_text.assembly import SpeechToText
from mock_services.backend.store import Rows
from mock_services.backend.telephony.analytics import CallAnalytics
from mock_services.backend.telephony.attempts import Attempts
from mock_services.backend.telephony.calls import Calls
from mock_services.backend.telephony.configuration import TelephonyConfiguration
from mock_services.backend.telephony.messages import CallMessages
from mock_services.backend.telephony.purchases import Purchases
from mock_services.backend.telephony.simulation import Simulation
from mock_services.backend.telephony.state import Telephony
from mock_services.backend.telephony.summaries import Summaries, SummaryEndpoint
from mock_services.backend.telephony.twiml import STREAM_PATH
from mock_services.backend.telephony.verification import Verification
from mock_services.backend.telephony.webhooks import Webhooks
from mock_services.backend.text_to_speech.assembly import TextToSpeech
from mock_services.backend.usage.state import Usage
from mock_services.backend.vendors.mail import Mailer
from mock_services.backend.vendors.openai import OpenAI
from mock_services.backend.vendors.twilio import TwilioRest
from mock_services.backend.voice_agent.closing import Closing
from mock_services.backend.voice_agent.stream import VoiceAgentStream
from mock_services.core.randomness import Randomness
from mock_services.core.reckoning import Reckoning
from mock_services.core.service import Service


class Backend(Service):
    """The reference backend as one ASGI application, with its state at hand."""

    def __init__(self, settings: Settings) -> None:
        randomness = Randomness(settings.seed)
        reckoning = Reckoning()
        self.settings = settings
        self.rows = Rows(settings.max_rows)
        self.accounts = Accounts(self.rows, randomness, dialable=settings.dialable_tenants)
        self._administrator: SuperAdministrator | None = None
        if settings.super_admin_email:
            self._administrator = SuperAdministrator(
                settings.super_admin_email, settings.super_admin_password, settings.bcrypt_rounds
            )
        self.crm = Crm(self.rows, randomness, settings.defects)
        self.mailing = Mailing(self.rows, randomness)
        self.calendar = Calendar(self.rows, randomness, self.crm, settings.defects)
        self.mailer = Mailer(
            str(settings.sendgrid_api_url),
            settings.sendgrid_api_key,
            settings.mail_from,
            settings.vendor_timeout_s,
            reckoning,
            settings.defects,
        )
        self.telephony = Telephony(
            randomness,
            max_calls=settings.max_calls,
            max_messages=settings.max_call_messages,
            stale_s=settings.stale_call_s,
        )
        self.attempts = Attempts(randomness, life_s=settings.verification_code_s, tries=settings.verification_tries)
        self.usage = Usage(randomness, settings.max_usage_records)
        self.twilio = TwilioRest(
            str(settings.twilio_api_url),
            settings.twilio_account_sid,
            settings.twilio_auth_token,
            settings.vendor_timeout_s,
            reckoning,
            settings.defects,
        )
        self.openai = OpenAI(
            str(settings.openai_base_url),
            settings.openai_api_key,
            settings.openai_timeout_s,
            settings.openai_retries,
            randomness.stream("openai retries"),
        )
        summaries = Summaries(self.telephony, self.openai)
        closing = Closing(self.telephony, self.usage, summaries)
        self.voice_agent = VoiceAgentStream(settings, self.accounts, self.telephony, closing)
        self.access_tokens = AccessTokens(settings.jwt_secret, settings.access_token_s, settings.max_tokens)
        self.refresh_tokens = StoredTokens(settings.refresh_token_s, settings.max_tokens)
        self.reset_tokens = StoredTokens(settings.reset_token_s, settings.max_tokens)
        self.guards = Guards(settings)

        access = Access(self.accounts, self.access_tokens)
        self.issues = IssueStore(self.rows, randomness)
        self.speech_to_text = SpeechToText(settings, randomness, access)
        self.conversations = ConversationAreas(
            settings,
            self.rows,
            randomness,
            access,
            self.openai,
            lambda: {"voice_agent": self.voice_agent.open, "speech_to_text": self.speech_to_text.open},
        )
        self.text_to_speech = TextToSpeech(settings, access)
        self.billing = BillingAreas(settings, self.accounts, access, self.usage, reckoning)
        self.admin_areas = AdminAreas(
            settings,
            randomness,
            self.accounts,
            access,
            self.telephony,
            self.billing.billing,
            self.usage,
            Sources(
                self.telephony.calls_by_tenant, self.conversations.count_by_tenant, self.conversations.open_sockets
            ),
        )
        sessions = Sessions(
            self.accounts, access, self.access_tokens, self.refresh_tokens, self.reset_tokens, settings.bcrypt_rounds
        )
        pages = Pages()
        views = Views(self.calendar, settings.defects)
        letters = Letters(str(settings.frontend_url))
        areas = (
            pages,
            sessions,
            Organizations(self.accounts, access, sessions, settings.bcrypt_rounds),
            Users(self.accounts, access, self.refresh_tokens),
            Contacts(self.crm, access, settings.defects),
            Interactions(self.crm, access),
            DashboardPage(self.crm, access),
            CustomFields(self.crm, access),
            Imports(self.crm, access, settings.defects, settings.max_import_rows),
            Templates(self.mailing, access),
            Sending(self.mailing, self.crm, access, self.mailer, CampaignLetters(str(settings.frontend_url))),
            Campaigns(self.mailing, access, settings.defects),
            Reading(self.mailing, self.crm, access, settings.defects),
            Events(self.calendar, views, access, settings.defects, extensions=settings.extensions),
            Attendees(self.calendar, views, access, settings.defects, self.mailer, letters),
            PublicCalendar(self.calendar, views, self.mailer, letters),
            TelephonyConfiguration(self.telephony, self.attempts, access, settings.defects),
            Verification(
                self.telephony, self.attempts, access, settings.defects, self.twilio, settings.twilio_phone_number
            ),
            Calls(self.telephony, access),
            CallMessages(self.telephony, access),
            SummaryEndpoint(self.telephony, summaries, access),
            CallAnalytics(self.telephony, access),
            Simulation(self.telephony, access, settings.defects, randomness),
            Purchases(access, settings.defects, self.twilio),
            Webhooks(self.telephony, settings.twilio_auth_token, reckoning),
            *self.conversations.areas,
            *self.speech_to_text.areas,
            *self.text_to_speech.areas,
            *self.billing.areas,
            *self.admin_areas.areas,
            Issues(self.issues, access, settings.defects),
        )
        operations = tuple(
            operation
            for area in areas
            for operation in area.operations()
            if settings.extensions or not operation.extension
        )
        pages.described = operations
        super().__init__(
            "backend",
            operations,
            PlatformErrors(operations),
            sockets=((STREAM_PATH, self.voice_agent), *self.conversations.sockets, *self.speech_to_text.sockets),
            before=(self.guards.limit_rate, self.guards.limit_size),
            decorate=(self.guards.secure,),
            lifespan=self._lifespan,
            reset=(self.clear,),
            gauges=self.gauges,
            reckoning=reckoning,
        )
        self._begin()

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        yield
        await self.mailer.close()
        await self.speech_to_text.close()
        await self.twilio.close()
        await self.openai.close()
        await self.text_to_speech.close()
        await self.billing.close()

    def clear(self) -> None:
        """Forget everything that was stored, and every client's count."""
        self.accounts.clear()
        self.crm.clear()
        self.mailing.clear()
        self.calendar.clear()
        self.telephony.clear()
        self.attempts.clear()
        self.usage.clear()
        self.voice_agent.counts.clear()
        self.conversations.clear()
        self.speech_to_text.clear()
        self.issues.clear()
        self.billing.clear()
        self.admin_areas.clear()
        self.rows.used = 0
        self.access_tokens.clear()
        self.refresh_tokens.clear()
        self.reset_tokens.clear()
        self.guards.limiter.clear()
        self._begin()

    def _begin(self) -> None:
        """Put in what is there from the start."""
        if self._administrator is not None:
            self._administrator.join(self.accounts)

    def gauges(self) -> dict[str, Any]:
        """Say how full the store is."""
        return {
            "seed": self.settings.seed,
            "rows": self.rows.used,
            "tenants": len(self.accounts.tenants),
            "users": len(self.accounts.users),
            "events": len(self.calendar),
            "calls": len(self.telephony),
            "call_conversations": self.telephony.conversations(),
            "usage_records": len(self.usage),
            "refresh_tokens": len(self.refresh_tokens),
            "rate_limited_clients": len(self.guards.limiter),
            "voice_sockets": self.voice_agent.open,
            "voice_agent": dict(self.voice_agent.counts),
            **self.conversations.gauges(),
            **self.speech_to_text.gauges(),
        }


def build() -> ASGIApp:
    """Build the backend from the environment, behind the platform's CORS layer."""
    settings = Settings()
    return CORSMiddleware(
        Backend(settings),
        allow_origins=settings.cors_origins,
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
