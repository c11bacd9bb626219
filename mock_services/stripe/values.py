"""The kinds of values that Stripe's parameters take, as they come out of a form: every one begins as a string."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
MOST_ELEMENTS = 250
LARGEST_AMOUNT = 99_999_999
LATEST = 32_503_680_000  # the year 3000, in Unix seconds
T = TypeVar("T")


def names(text: str) -> tuple[str, ...]:
    """Split names that stand in one text."""
    return tuple(text.split())


CURRENCIES = names(
    "usd aed aud brl cad chf cny czk dkk eur gbp hkd huf ils inr jpy krw mxn myr nok nzd php pln ron sek sgd thb twd "
    "zar"
)


def _refuse(kind: str, message: str, **context: Any) -> PydanticCustomError:
    return PydanticCustomError(kind, message, context)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise _refuse("invalid", "Invalid string: {given}", given=str(value)[:200])
    return value


def _text(value: object) -> str:
    if value == "":
        raise _refuse("parameter_invalid_empty", "empty")
    return _string(value)


def _clearable(value: object) -> str | None:
    return None if value == "" else _string(value)


def _integer(value: object) -> int:
    text = _text(value)
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise _refuse("parameter_invalid_integer", "Invalid integer: {given}", given=text[:200])
    return int(text)


def _count(value: object) -> int:
    return _within(_integer(value), 0, 10**12)


def _amount(value: object) -> int:
    return _within(_integer(value), -LARGEST_AMOUNT, LARGEST_AMOUNT)


def _limit(value: object) -> int:
    return _within(_integer(value), 1, 100)


def _within(number: int, least: int, most: int) -> int:
    if number < least:
        raise _refuse("parameter_invalid_integer", "This value must be greater than or equal to {least}.", least=least)
    if number > most:
        raise _refuse("parameter_invalid_integer", "This value must be less than or equal to {most}.", most=most)
    return number


def _decimal(value: object) -> Decimal:
    text = _text(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _refuse("invalid", "Invalid decimal: {given}", given=text[:200]) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not -12 <= exponent <= 0 or abs(number) > LARGEST_AMOUNT:
        raise _refuse(
            "invalid", "Invalid decimal: {given}; must contain at maximum 12 decimal places.", given=text[:200]
        )
    return number


def _moment(value: object) -> int | str | None:
    if value == "":
        return None
    return "now" if value == "now" else _within(_integer(value), 0, LATEST)


def _boolean(value: object) -> bool:
    """Stripe's own SDKs write `true`; that for Python wrote `True` up to version 11, and Stripe takes it."""
    text = _text(value)
    if text.lower() not in ("true", "false"):
        raise _refuse("invalid", "Invalid boolean: {given}", given=text[:200])
    return text.lower() == "true"


def _array(value: object) -> list[Any]:
    if value == "":
        return []
    if not isinstance(value, dict) or not all(re.fullmatch(r"[0-9]{1,9}", key) for key in value):
        raise _refuse("invalid", "Invalid array")
    if len(value) > MOST_ELEMENTS:
        raise _refuse("invalid", "Array too long: at most {most} elements", most=MOST_ELEMENTS)
    return [value[key] for key in sorted(value, key=int)]


def _email(value: object) -> str | None:
    text = _clearable(value)
    if text is not None and not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", text):
        raise _refuse("email_invalid", "Invalid email address: {given}", given=text[:200])
    return text


def _url(value: object) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or len(text) > 5_000:
        raise _refuse("url_invalid", "Not a valid URL")
    return text


def _currency(value: object) -> str:
    text = _text(value).lower()
    if text not in CURRENCIES:
        raise _refuse(
            "invalid",
            "Invalid currency: {given}. Stripe currently supports these currencies: {known}",
            given=text[:50],
            known=", ".join(CURRENCIES),
        )
    return text


def _metadata(value: object) -> dict[str, str]:
    """What is to change: a value of `""` takes its key away; `metadata=""` takes all away, and is `{"": ""}` here."""
    if value == "":
        return {"": ""}
    if not isinstance(value, dict):
        raise _refuse("invalid", "Invalid object")
    if len(value) > METADATA_KEYS:
        raise _refuse("invalid", "Metadata can have up to {most} keys.", most=METADATA_KEYS)
    for key, text in value.items():
        for what, given, most in (
            ("key", key, METADATA_KEY_LENGTH),
            ("value", _string(text), METADATA_VALUE_LENGTH),
        ):
            if len(given) > most:
                message = (
                    "Metadata {what}s can have up to {most} characters, but you passed in a {what} that is {length}."
                )
                raise _refuse("invalid", message, what=what, most=most, length=len(given))
    return value


def merge_metadata(held: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Give an object's metadata after a change, in `Metadata`'s terms; None changes nothing."""
    if change is None:
        return held
    if change == {"": ""}:
        return {}
    return {key: text for key, text in {**held, **change}.items() if text != ""}


def _erasable(value: object) -> object:
    return None if value == "" else value


def _range(value: object) -> object:
    """A time, or its bounds: `created=1` is `created[gte]=1&created[lte]=1`."""
    return {"gte": value, "lte": value} if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Clearable = Annotated[str | None, BeforeValidator(_clearable)]
Integer = Annotated[int, BeforeValidator(_integer)]
Count = Annotated[int, BeforeValidator(_count)]
Amount = Annotated[int, BeforeValidator(_amount)]
Limit = Annotated[int, BeforeValidator(_limit)]
Number = Annotated[Decimal, BeforeValidator(_decimal)]
Flag = Annotated[bool, BeforeValidator(_boolean)]
Array = Annotated[list[T], BeforeValidator(_array)]
Email = Annotated[str | None, BeforeValidator(_email)]
WebUrl = Annotated[str, BeforeValidator(_url)]
Currency = Annotated[str, BeforeValidator(_currency)]
Erasable = Annotated[T | None, BeforeValidator(_erasable)]
Metadata = Annotated[dict[str, str], BeforeValidator(_metadata)]
Moment = Annotated[int | Literal["now"] | None, BeforeValidator(_moment)]


class Part(BaseModel):
    """An object within a request's parameters.

    `unused` names what Stripe takes and has no effect here, `unserved` what is refused; any other name is unknown.
    """

    model_config = ConfigDict(extra="forbid")
    unused: ClassVar[tuple[str, ...]] = ()
    unserved: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _sort_out(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for name in cls.unserved:
            if name in given:
                raise _refuse("not_served", name)
        return {name: value for name, value in given.items() if name not in cls.unused}

    def given(self, *names: str) -> dict[str, Any]:
        """Give the named fields that the request has, and no others; without names, all that it has."""
        wanted = names or tuple(type(self).model_fields)
        return {name: getattr(self, name) for name in wanted if name in self.model_fields_set}


class Bounds(Part):
    """The bounds of a time in a list's parameters, in Unix seconds."""

    gt: Integer | None = None
    gte: Integer | None = None
    lt: Integer | None = None
    lte: Integer | None = None

    def hold(self, value: int) -> bool:
        """Whether `value` lies within."""
        return (
            (self.gt is None or value > self.gt)
            and (self.gte is None or value >= self.gte)
            and (self.lt is None or value < self.lt)
            and (self.lte is None or value <= self.lte)
        )


Range = Annotated[Bounds, BeforeValidator(_range)]
