"""Puts the double together: account, REST, switchboard, control socket, and the chain in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mock_services.core.randomness import Randomness
from mock_services.core.reckoning import Reckoning
from mock_services.core.service import Service
from mock_services.twilio.available import AvailableNumbers
from mock_services.twilio.carrier import Carrier
from mock_services.twilio.control import Control
from mock_services.twilio.errors import ErrorWords
from mock_services.twilio.garbage import collect, collecting_amid_silence, collections
from mock_services.twilio.http import HttpClient
from mock_services.twilio.leg import CentralOffice
from mock_services.twilio.messages import MessageLog
from mock_services.twilio.models import Account
from mock_services.twilio.network import Network
from mock_services.twilio.pacer import Pacer
from mock_services.twilio.parties import Directory
from mock_services.twilio.protocol.audio import load_voice
from mock_services.twilio.protocol.overrides import Limits
from mock_services.twilio.protocol.signature import sign
from mock_services.twilio.recordings import RecordingLog
from mock_services.twilio.rest import Rest
from mock_services.twilio.rest_calls import RestCalls
from mock_services.twilio.rest_messages import RestMessages
from mock_services.twilio.rest_recordings import RestRecordings
from mock_services.twilio.scripts import load_scripts
from mock_services.twilio.settings import Settings
from mock_services.twilio.switchboard import Switchboard
from mock_services.twilio.tapes import Tapes


def build() -> Service:
    """Build the double from the environment; raise pydantic's `ValidationError` for a setting that does not fit."""
    settings = Settings()
    randomness = Randomness(settings.seed)
    account = Account(settings.account_sid, settings.max_numbers, settings.max_calls_kept)
    rest = Rest(account, settings.credentials, randomness.stream("phone numbers"))
    reckoning = Reckoning()
    limits = Limits(settings.webhook_connect_s, settings.webhook_total_s)
    network = Network(
        account_sid=settings.account_sid,
        auth_token=settings.auth_token,
        http=HttpClient(lambda url, params: sign(settings.auth_token, url, params), limits),
        pacer=Pacer(),
        voice=load_voice(randomness.fresh("line noise")),
        randomness=randomness,
        stream_map=settings.stream_map,
        signs_opened=settings.stream_signature == "opened",
        speech_rate=settings.speech_rate,
        record=lambda *entry: service.journal.add(*entry),  # noqa: PLW0108 - the service is made below
        fault=lambda *webhook: service.injector.webhook(*webhook),  # noqa: PLW0108
        opened=lambda *stream: service.injector.opened(*stream),  # noqa: PLW0108
        reckoning=reckoning,
    )
    scripts = load_scripts({line.id for line in network.voice.lines}, settings.scripts_file)
    tapes = Tapes(settings.tape_dir, settings.max_tapes, settings.tape_s)
    recordings = RecordingLog(settings.max_recordings, settings.tape_s, settings.api_url.rstrip("/"))
    directory = Directory(
        lambda number: scripts.choose(settings.callee_script, randomness.fresh(f"script {number}")),
        settings.ring_ms,
        settings.max_parties,
    )
    office = CentralOffice(network, account, directory, recordings)
    switchboard = Switchboard(office, scripts, settings.max_calls, settings.calls_per_second, tapes)
    messages = MessageLog(settings.max_messages)
    delays = {"sent": settings.sms_sent_ms, "delivered": settings.sms_delivered_ms}
    carrier = Carrier(network, delays, randomness.stream("messages"))
    areas = (
        rest,
        RestCalls(account, rest.authenticate, switchboard, settings.phone_number),
        RestRecordings(account, rest.authenticate, recordings, switchboard),
        RestMessages(account, rest.authenticate, messages, carrier, settings.phone_number),
        AvailableNumbers(account, rest.authenticate, randomness),
    )

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with collecting_amid_silence(network.pacer):
            yield
        await carrier.close()
        await switchboard.close()
        tapes.close()

    service = Service(
        "twilio",
        [operation for area in areas for operation in area.operations()],
        ErrorWords(),
        admin_operations=(*tapes.operations(), *scripts.operations()),
        admin_sockets=[("/__lab/control", Control(switchboard, directory, rest).serve)],
        lifespan=lifespan,
        reset=[
            collect,
            switchboard.reset,
            tapes.clear,
            recordings.clear,
            directory.clear,
            account.clear,
            carrier.reset,
            messages.clear,
        ],
        gauges=lambda: (
            switchboard.gauges()
            | {
                "messages": {"kept": len(messages), **carrier.counts},
                "parties": directory.gauges(),
                "garbage": collections(),
            }
        ),
        reckoning=reckoning,
    )
    return service
