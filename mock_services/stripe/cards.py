"""Stripe's test cards: names that stand for a card in test mode, and how payments with it end.

Source: https://docs.stripe.com/testing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from mock_services.stripe.errors import CardError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bank says no."""

    code: str
    message: str
    decline_code: str | None = None

    def error(self) -> CardError:
        """Give the answer that the client gets."""
        return CardError(self.message, self.code, self.decline_code)


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. `attach` refuses when a customer gets it, `charge` when it is to pay."""

    brand: str
    last4: str
    attach: Refusal | None = None
    charge: Refusal | None = None


def _declined(decline_code: str, message: str = "Your card was declined.") -> Refusal:
    return Refusal("card_declined", message, decline_code)


_GENERIC = _declined("generic_decline")
_CARDS = {
    "visa": Card("visa", "4242"),
    "visa_debit": Card("visa", "5556"),
    "mastercard": Card("mastercard", "4444"),
    "amex": Card("amex", "0005"),
    "discover": Card("discover", "1117"),
    "chargeCustomerFail": Card("visa", "0341", charge=_GENERIC),
    "chargeDeclined": Card("visa", "0002", attach=_GENERIC),
    "chargeDeclinedInsufficientFunds": Card(
        "visa", "9995", attach=_declined("insufficient_funds", "Your card has insufficient funds.")
    ),
    "chargeDeclinedLostCard": Card("visa", "9987", attach=_declined("lost_card")),
    "chargeDeclinedStolenCard": Card("visa", "9979", attach=_declined("stolen_card")),
    "chargeDeclinedExpiredCard": Card("visa", "0069", attach=Refusal("expired_card", "Your card has expired.")),
    "chargeDeclinedIncorrectCvc": Card(
        "visa", "0127", attach=Refusal("incorrect_cvc", "Your card's security code is incorrect.")
    ),
    "chargeDeclinedProcessingError": Card(
        "visa",
        "0119",
        attach=Refusal("processing_error", "An error occurred while processing your card. Try again in a little bit."),
    ),
}
TEST_CARDS = MappingProxyType(
    {f"{prefix}_{name}": card for name, card in _CARDS.items() for prefix in ("pm_card", "tok")}
    | {f"pm_card_visa_{name}": card for name, card in _CARDS.items() if name.startswith("chargeDeclined")}
)
"""The cards by the names that parameters take: `pm_card_visa`, `tok_visa`, `pm_card_visa_chargeDeclined`…"""
