"""Carries text messages to their recipients, at a network's pace, and tells the sender how far they have come."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from random import Random

from mock_services.core.latency import Delay
from mock_services.twilio.http import WebhookError
from mock_services.twilio.messages import Message
from mock_services.twilio.models import API_VERSION
from mock_services.twilio.network import Network

log = logging.getLogger(__name__)


class Carrier:
    """Takes each message through the statuses of `delays`, in their order; each delay runs from the status before it.

    Twilio posts the StatusCallback for every status but the first, which the answer to the request has told.
    """

    def __init__(self, network: Network, delays: Mapping[str, Delay], random: Random) -> None:
        self._network = network
        self._delays = delays
        self._random = random
        self._under_way: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def carry(self, message: Message) -> None:
        """Send a message on its way."""
        task = asyncio.create_task(self._carry(message), name=f"message {message.sid}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        self.counts["accepted"] += 1
        reckoning = self._network.reckoning
        reckoning.note(message.run_id, "sms", message.sid)
        reckoning.note(message.run_id, "sms to", message.recipient)

    def reset(self) -> None:
        """Let every message that is under way be lost, and forget all figures."""
        for task in self._under_way:
            task.cancel()
        self.counts.clear()

    async def close(self) -> None:
        """End with nothing under way."""
        self.reset()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _carry(self, message: Message) -> None:
        async with asyncio.TaskGroup() as callbacks:  # a slow StatusCallback does not hold the message up
            for status, delay in self._delays.items():
                await asyncio.sleep(delay.draw_s(self._random))
                if message.is_over:
                    return  # it was canceled
                message.advance(status)
                self.counts[status] += 1
                if message.status_callback:
                    callbacks.create_task(self._call_back(message, status))

    async def _call_back(self, message: Message, status: str) -> None:
        fields = [
            ("SmsSid", message.sid),
            ("SmsStatus", status),
            ("MessageStatus", status),
            ("To", message.recipient),
            ("MessageSid", message.sid),
            ("AccountSid", self._network.account_sid),
            ("From", message.sender),
            ("ApiVersion", API_VERSION),
        ]
        try:
            await self._network.call_webhook(
                "MessageStatusCallback", "POST", message.status_callback, fields, message.run_id, {}
            )
            self.counts["callbacks"] += 1
        except WebhookError as failure:
            self.counts["callbacks_failed"] += 1
            log.info("the status callback of message %s failed: %s", message.sid, failure)
