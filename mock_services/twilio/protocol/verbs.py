"""The verbs of TwiML, as the double executes them, with Twilio's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Say:
    """Speak `text`, `loop` times."""

    text: str
    loop: int


@dataclass(frozen=True, slots=True)
class Play:
    """Play the recording at `url`, `loop` times, or the keys in `digits`."""

    url: str
    loop: int = 1
    digits: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for `length` seconds."""

    length: float


Prompt = Say | Play | Pause


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call without answering it; `reason` is `rejected` or `busy`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at `url`, relative to the present one."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a target wants to be told of `events`, relative to its document; `url` None: nowhere."""

    url: str | None = None
    method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Stream:
    """A media stream to `url`, with the parameters that its `start` message carries.

    `track` is `inbound_track`, `outbound_track` or `both_tracks`; `status` is told of its start and end.
    """

    url: str
    parameters: Mapping[str, str]
    name: str = ""
    track: str = "inbound_track"
    status: Callback = Callback()


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the caller to `stream` until the server closes it; then go on with `action`, if it is set."""

    stream: Stream
    action: str | None
    method: str


@dataclass(frozen=True, slots=True)
class Start:
    """Begin to send the call's audio to `stream`, and go on at once."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Stop:
    """End the stream that was started under `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Gather:
    """Collect keys or speech, while and after `prompts` are played. `action` None: the present document's URL.

    `speech_timeout` is the silence in seconds after which speech is over; None is `auto`.
    """

    action: str | None = None
    method: str = "POST"
    dtmf: bool = True
    speech: bool = False
    timeout: float = 5.0
    speech_timeout: float | None = None
    finish_on_key: str = "#"
    num_digits: int | None = None
    action_on_empty_result: bool = False
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Record what the caller says until silence, a key, or the greatest length. `action` None: the document's URL."""

    action: str | None = None
    method: str = "POST"
    timeout: float = 5.0
    max_length: float = 3600.0
    finish_on_key: str = "1234567890*#"
    play_beep: bool = True
    trim: bool = True
    status: Callback = Callback()


class Noun(StrEnum):
    """What `<Dial>` rings, by the element that names it."""

    NUMBER = "Number"
    CLIENT = "Client"
    SIP = "Sip"


@dataclass(frozen=True, slots=True)
class Dialled:
    """Whom `<Dial>` rings: a phone number, `client:NAME`, or `sip:` and an address.

    `url`: TwiML that the called party hears before it is connected.
    """

    address: str
    noun: Noun = Noun.NUMBER
    url: str | None = None
    method: str = "POST"
    send_digits: str = ""
    status: Callback = Callback()


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring `parties`, all at once, and connect the caller to the first that answers.

    `unsimulated` names an element that Twilio would connect the caller to, and the lab does not have.
    """

    parties: tuple[Dialled, ...]
    action: str | None = None
    method: str = "POST"
    timeout: float = 30.0
    time_limit: float = 14_400.0
    caller_id: str | None = None
    record: str = "do-not-record"
    recording_status: Callback = Callback()
    unsimulated: str = ""


Verb = Say | Play | Pause | Hangup | Reject | Redirect | Connect | Start | Stop | Gather | Record | Dial
