"""The state of the stub: the newest mails that were taken, by whom and for which run, and exact counts of all."""

from __future__ import annotations

import string
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from mock_services.core.randomness import Randomness

ID_LETTERS = string.ascii_letters + string.digits + "-_"
CONTENT_KEPT = 1 << 16  # characters of one part of a mail
RUNS_COUNTED = 100
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One mail: what one personalization of a request makes. `at` is Unix time, `size` what it counts for in memory."""

    id: str
    at: float
    run_id: str
    recipients: tuple[str, ...]
    content: JsonObject
    size: int

    def holds(self, text: str) -> bool:
        """Whether the subject or a part of the mail contains `text`."""
        return text in self.content["subject"] or any(text in part["value"] for part in self.content["content"])

    def shown(self) -> JsonObject:
        """Give the mail as `/__lab/messages` shows it."""
        return {"id": self.id, "at": self.at, "run_id": self.run_id, **self.content}


class Mailbox:
    """Keeps at most `max_messages` mails and `max_bytes` of them, the newest."""

    def __init__(self, max_messages: int, max_bytes: int, seed: str) -> None:
        self.requests = 0
        self.sandboxed = 0
        self.accepted = 0
        self.recipients = 0
        self.dropped = 0
        self.bytes = 0
        self.by_run: OrderedDict[str, Counter[str]] = OrderedDict()
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._seed = seed
        self._random = Randomness(seed)
        self._messages: OrderedDict[str, Message] = OrderedDict()

    def __len__(self) -> int:
        return len(self._messages)

    def accept(self, mail: JsonObject, run_id: str, at: float) -> str:
        """Take a checked request: one mail for each personalization. Give the request's message id."""
        message_id = "".join(self._random.stream("sendgrid message").choices(ID_LETTERS, k=22))
        self.requests += 1
        for index, personalization in enumerate(mail["personalizations"]):
            content = _content(mail, personalization)
            size = len(orjson.dumps(content))
            recipients = tuple(each["email"] for kind in ("to", "cc", "bcc") for each in content[kind])
            self._keep(Message(f"{message_id}.{index}", at, run_id, recipients, content, size))
            self._count(run_id, "mails", 1)
            self._count(run_id, "recipients", len(recipients))
        return message_id

    def sandbox(self) -> None:
        """Count a request that was only to be checked."""
        self.sandboxed += 1

    def find(self, to: str = "", contains: str = "", run_id: str = "", limit: int = 100) -> list[JsonObject]:
        """Give the newest mails to an address (in any case), with a text, of a run."""
        return [
            message.shown()
            for message, _ in zip(self._matching(to.lower(), contains, run_id), range(limit), strict=False)
        ]

    def totals(self, run_id: str = "") -> dict[str, int]:
        """Give how many mails and recipients there were, of one run or of all, also of those not kept any more."""
        if run_id:
            counts = self.by_run.get(run_id, Counter())
            return {"mails": counts["mails"], "recipients": counts["recipients"]}
        return {"mails": self.accepted, "recipients": self.recipients}

    def clear(self) -> None:
        """Forget everything, and draw ids from the beginning again."""
        self.requests = self.sandboxed = self.accepted = self.recipients = self.dropped = self.bytes = 0
        self.by_run.clear()
        self._messages.clear()
        self._random = Randomness(self._seed)

    def _keep(self, message: Message) -> None:
        self._messages[message.id] = message
        self.bytes += message.size
        while len(self._messages) > self._max_messages or (self.bytes > self._max_bytes and len(self._messages) > 1):
            _, oldest = self._messages.popitem(last=False)
            self.bytes -= oldest.size
            self.dropped += 1

    def _count(self, run_id: str, what: str, number: int) -> None:
        if what == "mails":
            self.accepted += number
        else:
            self.recipients += number
        if run_id:
            if run_id not in self.by_run and len(self.by_run) >= RUNS_COUNTED:
                self.by_run.popitem(last=False)
            self.by_run.setdefault(run_id, Counter())[what] += number

    def _matching(self, to: str, contains: str, run_id: str) -> Iterator[Message]:
        for message in reversed(self._messages.values()):
            if run_id and message.run_id != run_id:
                continue
            if to and not any(to == address.lower() for address in message.recipients):
                continue
            if contains and not message.holds(contains):
                continue
            yield message


def _content(mail: JsonObject, personalization: JsonObject) -> JsonObject:
    """What is kept of a mail: everything but what attachments hold."""
    return {
        "from": personalization.get("from") or mail["from"],
        **{kind: personalization.get(kind, []) for kind in ("to", "cc", "bcc")},
        "subject": personalization.get("subject") or mail.get("subject", ""),
        "content": [{**part, "value": part["value"][:CONTENT_KEPT]} for part in mail.get("content", [])],
        "template_id": mail.get("template_id"),
        "substitutions": personalization.get("substitutions", {}),
        "dynamic_template_data": personalization.get("dynamic_template_data", {}),
        "categories": mail.get("categories", []),
        "custom_args": {**mail.get("custom_args", {}), **personalization.get("custom_args", {})},
        "send_at": personalization.get("send_at", mail.get("send_at")),
        "attachments": [
            {"filename": each["filename"], "type": each.get("type"), "base64_length": len(each["content"])}
            for each in mail.get("attachments", [])
        ],
    }
