"""Tells a target what becomes of a call: its progress, its streams and its recordings."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mock_services.twilio.http import WebhookError
from mock_services.twilio.models import CallRecord, date
from mock_services.twilio.network import Network
from mock_services.twilio.protocol.urls import joined
from mock_services.twilio.protocol.verbs import Callback
from mock_services.twilio.protocol.webhook import Fields, final_fields, progress_fields
from mock_services.twilio.recordings import Recording

log = logging.getLogger(__name__)

ANSWER_SHOWN = 200  # characters of a callback's answer that the last event carries


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed: step, a word from a bounded set, a sentence, Twilio's error code if any; `at`: monotonic."""

    step: str
    reason: str
    detail: str
    error_code: int | None = None
    at: float = field(default_factory=time.monotonic)

    @classmethod
    def of_the_double(cls, step: str, error: Exception) -> Failure:
        """Give the failure of a call that the double's own code failed at."""
        return cls(step, "double-failed", f"the double failed: {type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Webhook:
    """What is requested, and how."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which events are told to whom; `webhook` None: to nobody."""

    webhook: Webhook | None = None
    events: frozenset[str] = frozenset({"completed"})

    @classmethod
    def of(cls, callback: Callback, document_url: str) -> Subscription:
        """Read what a document at `document_url` asks for."""
        if callback.url is None:
            return NOBODY
        return cls(Webhook(joined(document_url, callback.url), callback.method), callback.events)


NOBODY = Subscription()


class Callbacks:
    """Posts one call's callbacks in their order, each when the one before is answered, and never holds the call up."""

    def __init__(self, network: Network, run_id: str) -> None:
        self.failure: Failure | None = None  # of the first one that failed
        self.summary: dict[str, Any] = {"sent": 0, "failed": 0, "answers": []}
        self._network = network
        self._run_id = run_id
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    def post(self, kind: str, webhook: Webhook, fields: Fields) -> None:
        """Post one more."""
        task = asyncio.create_task(self._post(kind, webhook, fields))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Wait until all have been answered, or have failed."""
        await asyncio.gather(*self._under_way)

    async def _post(self, kind: str, webhook: Webhook, fields: Fields) -> None:
        async with self._turn:
            sent_at = time.monotonic()
            try:
                answer = await self._network.call_webhook(kind, webhook.method, webhook.url, fields, self._run_id, {})
            except WebhookError as failure:
                self._failed(Failure("callback", failure.reason, str(failure), failure.code))
                return
            except Exception as error:  # nobody waits for this task before the call's end, which must come all the same
                log.exception("a %s failed", kind)
                self._failed(Failure.of_the_double("callback", error))
                return
        self.summary["sent"] += 1
        body = answer.body.decode("utf-8", "replace")[:ANSWER_SHOWN]
        latency_ms = round((time.monotonic() - sent_at) * 1000, 3)
        self.summary["answers"].append({"status": answer.status, "body": body, "latency_ms": latency_ms})

    def _failed(self, failure: Failure) -> None:
        self.summary["failed"] += 1
        self.failure = self.failure or failure


class Progress:
    """The status callbacks of one call: `initiated`, `ringing`, `answered`, `completed`, as far as they are asked for.

    `fields` gives the voice fields at a moment. Events are numbered as they are sent.
    """

    def __init__(
        self,
        callbacks: Callbacks,
        record: CallRecord,
        fields: Callable[[], Fields],
        subscription: Subscription,
    ) -> None:
        self.subscription = subscription
        self._callbacks = callbacks
        self._record = record
        self._fields = fields
        self._sequence = 0

    def tell(self, event: str, more: Fields | None = None) -> None:
        """Tell of `event`, which is now, with `more` fields of its own."""
        webhook = self.subscription.webhook
        if webhook is None or event not in self.subscription.events:
            return
        record = self._record
        fields = [*self._fields(), *progress_fields(date(datetime.now(UTC)) or "", self._sequence)]
        if record.is_over:
            fields += final_fields(record.status, record.duration)
        self._callbacks.post("StatusCallback", webhook, [*fields, *(more or ())])
        self._sequence += 1


def recording_fields(account_sid: str, recording: Recording) -> Fields:
    """Give what the status callback of a recording tells."""
    return [
        ("AccountSid", account_sid),
        ("CallSid", recording.call_sid),
        ("RecordingStatus", recording.status),
        ("RecordingChannels", str(recording.channels)),
        ("RecordingSource", recording.source),
        ("RecordingStartTime", date(recording.start_time) or ""),
        ("RecordingTrack", recording.track),
        ("ErrorCode", "0"),
        *recording.fields(account_sid),
    ]
