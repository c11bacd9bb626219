"""Conditions as data: which faults come over whom and when, what else takes time, and what is limited.

The document is the same in a file (`LAB_FAULTS`, JSON or TOML), over `/__lab/faults`, and for every double.
`docs/faults.md` has an example of each kind.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from mock_services.core.latency import DelayField, LatencyField

Service = Literal["backend", "twilio", "deepgram", "elevenlabs", "openai", "stripe", "sendgrid"]
Place = Literal["request", "socket", "opened", "webhook"]
"""What a fault may come over: a request to a double, a WebSocket to it or opened by it, or a webhook that it sends."""

LONGEST_S = 86_400.0
MOST_RULES = 200


HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=200)]
"""RFC 9110, section 5.1: a token."""
HeaderValue = Annotated[str, Field(pattern=r"^[\t\x20-\x7e\x80-\xff]*$", max_length=8_000)]
"""RFC 9110, section 5.5: what is visible, spaces and tabs, one octet a character, and so no line's end."""
FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where a body ends, which the server itself says; `truncate` is the fault that lies about it."""
UNSENDABLE: Final = frozenset({1004, 1005, 1006, *range(1015, 3000)})
"""RFC 6455, section 7.4: close codes that no frame may carry, or that nobody has defined."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Filter(_Data):
    """Whom a rule is for; what is unset is not asked. `path` and `operation` may hold `*` for anything at all."""

    service: Service | None = None
    path: str | None = Field(default=None, min_length=1, max_length=500)
    operation: str | None = Field(default=None, min_length=1, max_length=500)

    def fits(self, operation: str, path: str) -> bool:
        """Say whether a request to `path`, counted under the name `operation`, is one that the rule is for."""
        return (self._path is None or self._path.fullmatch(path) is not None) and (
            self._operation is None or self._operation.fullmatch(operation) is not None
        )

    @cached_property
    def _path(self) -> re.Pattern[str] | None:
        return _pattern(self.path)

    @cached_property
    def _operation(self) -> re.Pattern[str] | None:
        return _pattern(self.operation)


class _Fault(Filter):
    """What every fault has: a name and a reason, whom it is for, when it is in force, and whom of those it hits.

    `call` is found wherever the request names it: in path, query or body. Times are seconds from the schedule's start.
    Of `probability`, `every` and `first` at most one is given; with none, everyone is hit.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"request"})

    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")
    description: str = Field(min_length=1, max_length=500)
    call: str | None = Field(default=None, min_length=1, max_length=100)
    run: str | None = Field(default=None, min_length=1, max_length=200)
    from_s: float = Field(default=0.0, ge=0, le=LONGEST_S)
    for_s: float | None = Field(default=None, gt=0, le=LONGEST_S)
    probability: float | None = Field(default=None, gt=0, le=1)
    every: int | None = Field(default=None, ge=1)
    first: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_choice(self) -> _Fault:
        given = [name for name in ("probability", "every", "first") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"it takes one of probability, every and first, not {' and '.join(given)}")
        return self

    @property
    def until_s(self) -> float:
        """Give when it is in force no longer."""
        return float("inf") if self.for_s is None else self.from_s + self.for_s


class _Refusing(_Fault):
    """A fault in place of an answer; with `carried_out` the request is carried out, and only its answer is lost."""

    places = frozenset({"request", "socket"})
    carried_out: bool = False


class StatusFault(_Refusing):
    """The vendor refuses: with its own words for the status, or with `body`."""

    kind: Literal["status"]
    status: int = Field(ge=400, le=599)
    body: Any = None
    headers: dict[HeaderName, HeaderValue] = {}

    @field_validator("headers")
    @classmethod
    def _leave_framing(cls, headers: dict[str, str]) -> dict[str, str]:
        framing = next((name for name in headers if name.lower() in FRAMING), None)
        if framing is not None:
            raise ValueError(f"{framing} follows from the body and is not to be set; the kind truncate cuts one off")
        return headers


class TimeoutFault(_Refusing):
    """The request is never answered; the connection stays open until the client gives up."""

    kind: Literal["timeout"]


class ResetFault(_Refusing):
    """The connection ends with a TCP RST instead of an answer."""

    kind: Literal["reset"]


class DelayFault(_Fault):
    """The request waits before it is carried out."""

    places = frozenset({"request", "socket"})
    kind: Literal["delay"]
    delay: DelayField


class TruncateFault(_Fault):
    """The answer's body ends early, though more was announced: after `bytes`, or half of what was."""

    kind: Literal["truncate"]
    bytes: int | None = Field(default=None, ge=0)


class GarbageFault(_Fault):
    """The answer's body is random bytes, of the length and the type that the true one has."""

    kind: Literal["garbage"]


class SlowBodyFault(_Fault):
    """The answer's body comes slowly, ten pieces a second."""

    kind: Literal["slow-body"]
    bytes_per_s: float = Field(gt=0, le=1e9)


class DropFault(_Fault):
    """A WebSocket is lost after so many messages (either way) or so long; with `code` it is closed in order."""

    places = frozenset({"socket", "opened"})
    kind: Literal["drop"]
    after_messages: int | None = Field(default=None, ge=0)
    after_s: float | None = Field(default=None, ge=0, le=LONGEST_S)
    code: int | None = Field(default=None, ge=1000, le=4999)

    @field_validator("code")
    @classmethod
    def _can_be_sent(cls, code: int | None) -> int | None:
        if code in UNSENDABLE:
            raise ValueError(
                f"no frame may carry the close code {code}; take 1000 to 1003, 1007 to 1014, or 3000 to 4999"
            )
        return code

    @model_validator(mode="after")
    def _some_end(self) -> DropFault:
        if self.after_messages is None and self.after_s is None:
            raise ValueError("it takes after_messages, after_s or both")
        return self


class WebhookDelayFault(_Fault):
    """A webhook leaves later than it would."""

    places = frozenset({"webhook"})
    kind: Literal["webhook-delay"]
    delay: DelayField


class WebhookDuplicateFault(_Fault):
    """A webhook is sent `copies` times more."""

    places = frozenset({"webhook"})
    kind: Literal["webhook-duplicate"]
    copies: int = Field(default=1, ge=1, le=10)


Fault = Annotated[
    StatusFault
    | TimeoutFault
    | ResetFault
    | DelayFault
    | TruncateFault
    | GarbageFault
    | SlowBodyFault
    | DropFault
    | WebhookDelayFault
    | WebhookDuplicateFault,
    Field(discriminator="kind"),
]


class Latency(Filter):
    """How long requests take before they are carried out, beside what the double itself takes."""

    delay: LatencyField


class Limit(_Data):
    """What one service allows: requests a second, and WebSockets at a time; 0 is no limit."""

    service: Service | None = None
    requests_per_second: int = Field(default=0, ge=0, le=1_000_000)
    concurrent_streams: int = Field(default=0, ge=0, le=1_000_000)


class Conditions(_Data):
    """All that is put upon doubles from outside. `seed` is the process's own where it is unset.

    Times count from when the conditions were set or begun anew; with `starts = "run"` also from the first request or
    webhook of each run (`X-Lab-Run-Id`). The first fault that hits is the one that happens: those below are not asked.
    """

    seed: str | None = Field(default=None, min_length=1, max_length=200)
    starts: Literal["set", "run"] = "set"
    faults: tuple[Fault, ...] = Field(default=(), max_length=MOST_RULES)
    latency: tuple[Latency, ...] = Field(default=(), max_length=MOST_RULES)
    limits: tuple[Limit, ...] = Field(default=(), max_length=MOST_RULES)

    @model_validator(mode="after")
    def _names_differ(self) -> Conditions:
        names = [fault.name for fault in self.faults]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two faults are named {twice!r}")
        return self

    def of(self, service: str) -> Conditions:
        """Give what of it is for one service."""
        return self.model_copy(
            update={
                name: tuple(rule for rule in getattr(self, name) if rule.service in (None, service))
                for name in ("faults", "latency", "limits")
            }
        )


def read_conditions(content: bytes, *, toml: bool) -> Conditions:
    """Read the document, which is TOML or JSON. Raises `ValueError` with one sentence."""
    try:
        text = content.decode("utf-8")
        document = tomllib.loads(text) if toml else json.loads(text)
    except (ValueError, RecursionError) as broken:
        raise ValueError(f"the schedule is no {'TOML' if toml else 'JSON'}: {broken}") from None
    try:
        return _CONDITIONS.validate_python(document)
    except ValidationError as misfit:
        raise ValueError(_sentence(misfit, document)) from None


_CONDITIONS = TypeAdapter(Conditions)


def _sentence(misfit: ValidationError, document: Any) -> str:
    """Say what is wrong first in the document, and in which rule."""
    error = misfit.errors(include_url=False)[0]
    place = list(error["loc"])
    where = "the schedule"
    if len(place) >= 2 and isinstance(place[1], int):
        rule = document[place[0]][place[1]]
        named = rule.get("name") if isinstance(rule, dict) else None
        where = f"{place[0]}[{place[1]}]" + (f" ({str(named)[:80]})" if named else "")
        place = place[2:]
        if place and isinstance(rule, dict) and place[0] == rule.get("kind"):
            place = place[1:]
    elif place:
        where, place = str(place[0]), place[1:]
    field = ".".join(str(part) for part in place)
    message = str(error["msg"]).removeprefix("Value error, ")
    given = "" if error["type"] in ("missing", "value_error", "model_type") else f", not {str(error['input'])[:80]!r}"
    return f"{where}{': ' + field if field else ''}: {message}{given}"


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
