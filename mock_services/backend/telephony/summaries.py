"""Summaries of calls, written by a model: at a call's end, or at `/api/telephony/calls/{call_id}/generate-summary`."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.telephony.schemas import CallPath, SummaryMade, of_type, transcript_text
from mock_services.backend.telephony.state import Call, CallMessage, Telephony
from mock_services.backend.vendors.openai import OpenAI, OpenAIFailed, Said
from mock_services.core.operations import Exchange, Operation, json_response

log = logging.getLogger(__name__)

TEMPERATURE = 0.3
MAX_TOKENS = 300
TRANSCRIPT_CHARS = 40_000  # what a model reads of a call; more would not fit its window
INSTRUCTIONS = (
    "You write notes for the staff of a cemetery and funeral home. Say in two to four plain sentences what the caller "
    "wanted, what was agreed, and who has to do what. Add nothing that was not said."
)
WITHOUT_A_MODEL = "There is no summary of this call: the model that writes them could not be reached."
WRITER = {"identifier": "call_summary", "name": "Call summary", "type": "system", "phone_number": None}


class Summaries:
    """Has calls summarised, each once."""

    def __init__(self, telephony: Telephony, openai: OpenAI) -> None:
        self._telephony = telephony
        self._openai = openai
        self._being_written: set[uuid.UUID] = set()

    async def write(self, call: Call, run_id: str = "") -> CallMessage:
        """Summarise a call and store the summary with it; a fixed text, if no model answers.

        Raise `BadRequest` if the call has a summary or nothing was said in it, `StorageFull` if it takes no message.
        """
        transcript = transcript_text(call)
        if transcript is None:
            raise BadRequest(f"call {call.id} has no transcript")
        if of_type(call, "summary") or call.id in self._being_written:
            raise BadRequest(f"call {call.id} has a summary")
        question = f"Summarize this telephone call:\n\n{transcript[:TRANSCRIPT_CHARS]}"
        self._being_written.add(call.id)
        try:
            content = await self._openai.complete(
                [Said("system", INSTRUCTIONS), Said("user", question)],
                temperature=TEMPERATURE,
                max_tokens=MAX_TOKENS,
                run_id=run_id,
            )
        except OpenAIFailed as failure:
            log.warning("call %s is not summarised: %s", call.call_sid, failure)
            content = ""
        finally:
            self._being_written.discard(call.id)
        return self._telephony.add_message(
            call,
            content=content.strip() or WITHOUT_A_MODEL,
            sender=WRITER,
            timestamp=now(),
            message_type="summary",
            metadata={"is_automated": True},
        )


class SummaryEndpoint:
    """The endpoint for calls that ended without a summary."""

    def __init__(self, telephony: Telephony, summaries: Summaries, access: Access) -> None:
        self._telephony = telephony
        self._summaries = summaries
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony/calls", self._access.one_of(ORGANIZATION_ADMINS))
        return (
            area(
                "POST",
                "/{call_id}/generate-summary",
                self.generate,
                path_params=CallPath,
                gives=SummaryMade,
                refuses=(404,),
            ),
        )

    async def generate(self, exchange: Exchange) -> Response:
        """Summarise a call that has a transcript and no summary."""
        call = self._telephony.call(exchange.principal.tenant.id, exchange.path.call_id)
        summary = await self._summaries.write(call, exchange.run_id)
        return json_response(
            {
                "success": True,
                "call_id": call.id,
                "summary": summary.content,
                "message_id": summary.id,
                "created_at": summary.created_at,
            }
        )
