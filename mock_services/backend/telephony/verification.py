"""Proves that an organisation's number is its own, by a code in a text message: `/api/telephony/verify/*`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import BadRequest, ResourceNotFound, VendorFailed
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.telephony.attempts import Attempts
from mock_services.backend.telephony.schemas import VerificationAnswer, VerificationCode
from mock_services.backend.telephony.state import Telephony
from mock_services.backend.vendors.twilio import TwilioFailed, TwilioRest
from mock_services.core.operations import Exchange, Operation, json_response


class Verification:
    """The verification endpoints. `sender` is the number that the messages come from."""

    def __init__(
        self,
        telephony: Telephony,
        attempts: Attempts,
        access: Access,
        defects: Defects,
        twilio: TwilioRest,
        sender: str,
    ) -> None:
        self._telephony = telephony
        self._attempts = attempts
        self._access = access
        self._defects = defects
        self._twilio = twilio
        self._sender = sender

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony/verify", self._access.one_of(ORGANIZATION_ADMINS))
        view = VerificationAnswer
        return (
            area("POST", "/initiate", self.initiate, gives=view),
            area("POST", "/confirm", self.confirm, body=VerificationCode, gives=view),
        )

    async def initiate(self, exchange: Exchange) -> Response:
        """Send a code to the organisation's number. It takes the place of one that was sent before."""
        tenant_id = exchange.principal.tenant.id
        try:
            configuration = self._telephony.configuration(tenant_id)
        except ResourceNotFound as missing:
            raise BadRequest(str(missing)) from None
        code, minutes = self._attempts.new_code(), self._attempts.life_minutes
        try:
            await self._twilio.send_message(
                to=configuration.organization_phone_number,
                sender=self._sender,
                body=f"Your verification code is {code}. It is valid for {minutes:g} minutes.",
                run_id=exchange.run_id,
            )
        except TwilioFailed as failure:
            raise VendorFailed(f"the code was not sent: {failure}") from failure
        if Defect.TELEPHONY_TWO_ATTEMPTS not in self._defects:
            self._attempts.end(tenant_id)
        attempt = self._attempts.begin(tenant_id, code, now())
        return json_response(
            {
                "success": True,
                "message": f"A verification code was sent to {configuration.organization_phone_number}",
                "verification_id": attempt.id,
            }
        )

    async def confirm(self, exchange: Exchange) -> Response:
        """Take a code; a wrong one is a success of the request, but not of the verification."""
        tenant_id = exchange.principal.tenant.id
        pending = self._attempts.pending(tenant_id, now())
        if not pending:
            raise BadRequest("no code that was sent can still be confirmed")
        if len(pending) > 1:  # only with the defect on
            raise DefectShown(Defect.TELEPHONY_TWO_ATTEMPTS, f"{len(pending)} attempts are pending")
        (attempt,) = pending
        if attempt.fits(exchange.body.verification_code):
            self._attempts.end(tenant_id)
            self._telephony.change(self._telephony.configuration(tenant_id), {"verified": True})
            return _answer(True, "Your telephone number is verified")
        if not attempt.tries_left:
            return _answer(False, "The code is wrong, and it is worth nothing any more: ask for a new one")
        return _answer(False, f"The code is wrong; tries left: {attempt.tries_left}")


def _answer(success: bool, message: str) -> Response:
    return json_response({"success": success, "message": message, "verification_id": None})
