"""Reads TwiML: a response's body as a list of verbs, to be executed from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mock_services.twilio.protocol.attributes import (
    TwimlError,
    choice,
    events,
    flag,
    invalid,
    keys,
    loops,
    method,
    number,
    shown,
    text,
    tones,
)
from mock_services.twilio.protocol.verbs import (
    Callback,
    Connect,
    Dial,
    Dialled,
    Gather,
    Hangup,
    Noun,
    Pause,
    Play,
    Prompt,
    Record,
    Redirect,
    Reject,
    Say,
    Start,
    Stop,
    Stream,
    Verb,
)

MAX_BYTES: Final = 64 * 1024  # Twilio refuses larger documents
MAX_DIALLED: Final = 10  # parties that one <Dial> rings at a time
UNSIMULATED_NOUNS: Final = ("Conference", "Queue", "Application", "Sim", "WhatsApp")
TWIML_TYPES: Final = frozenset({"text/xml", "application/xml", "text/html"})
TRACKS: Final = frozenset({"inbound_track", "outbound_track", "both_tracks"})
RECORDING_EVENTS: Final = frozenset({"in-progress", "completed", "absent"})
DIAL_RECORDS: Final = frozenset(
    {
        "do-not-record",
        "record-from-answer",
        "record-from-ringing",
        "record-from-answer-dual",
        "record-from-ringing-dual",
        "true",
        "false",
    }
)


def read(body: bytes, content_type: str) -> tuple[Verb, ...]:
    """Read a webhook's answer as Twilio does, by its content type.

    XML types must hold a `<Response>`. `text/plain` is TwiML where it parses and is spoken where it does not; audio is
    played. Raises `TwimlError`: 12300 for another content type, 12100 for what cannot be parsed or executed.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in TWIML_TYPES:
        return parse(body)
    if media_type == "text/plain":
        try:
            return parse(body)
        except TwimlError:
            return (Say(body[:MAX_BYTES].decode("utf-8", "replace"), 1),)
    if media_type.startswith("audio/"):
        return (Play(""),)
    raise TwimlError(f"the answer has the content type {media_type[:80]!r}, which is not TwiML", 12300)


def parse(document: bytes) -> tuple[Verb, ...]:
    """Parse one TwiML document; raise `TwimlError` 12100 where Twilio could not."""
    if len(document) > MAX_BYTES:
        raise TwimlError(f"the document has {len(document)} bytes; Twilio takes at most {MAX_BYTES}", 12100)
    try:
        root = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as unreadable:
        sentence = str(unreadable)[:200] or type(unreadable).__name__
        raise TwimlError(f"the document is not XML that Twilio reads: {sentence}", 12100) from unreadable
    if root.tag != "Response":
        raise TwimlError(f"the document's root is <{shown(root.tag)}>, not <Response>", 12100)
    return tuple(_verb(element) for element in root)


def _verb(element: Element) -> Verb:
    make = _VERBS.get(element.tag)
    if make is None:
        raise TwimlError(f"<{shown(element.tag)}> is not a verb that can be executed", 12100)
    return make(element)


def _say(element: Element) -> Say:
    return Say("".join(element.itertext()).strip(), loops(element))


def _play(element: Element) -> Play:
    return Play(text(element), loops(element), tones(element, "digits"))


def _pause(element: Element) -> Pause:
    return Pause(number(element, "length", 1))


def _hangup(_element: Element) -> Hangup:
    return Hangup()


def _reject(element: Element) -> Reject:
    reason = element.get("reason", "rejected")
    if reason not in {"rejected", "busy"}:
        raise TwimlError(f"<Reject> has the reason {shown(reason)!r}; it takes rejected or busy", 12100)
    return Reject(reason)


def _redirect(element: Element) -> Redirect:
    return Redirect(text(element), method(element))


def _connect(element: Element) -> Connect:
    return Connect(_stream(_only_stream(element)), element.get("action"), method(element))


def _start(element: Element) -> Start:
    return Start(_stream(_only_stream(element)))


def _stop(element: Element) -> Stop:
    return Stop(_only_stream(element).get("name", ""))


def _only_stream(element: Element) -> Element:
    if [child.tag for child in element] != ["Stream"]:
        raise TwimlError(f"<{element.tag}> must hold one <Stream>, and holds {_nested(element)}", 12100)
    return element[0]


def _stream(element: Element) -> Stream:
    parameters: dict[str, str] = {}
    for child in element:
        if child.tag != "Parameter" or not child.get("name"):
            raise TwimlError(f"<Stream> holds <{shown(child.tag)}>; it takes <Parameter name value> only", 12100)
        name, value = child.get("name", ""), child.get("value", "")
        if len(name) + len(value) >= 500:
            raise TwimlError(f"the parameter {shown(name)!r} has 500 characters or more with its value", 12100)
        parameters[name] = value
    return Stream(
        element.get("url", "").strip(),
        parameters,
        element.get("name", ""),
        choice(element, "track", TRACKS, "inbound_track"),
        Callback(element.get("statusCallback") or None, method(element, "statusCallbackMethod")),
    )


def _gather(element: Element) -> Gather:
    kinds = element.get("input", "dtmf").split()
    if not kinds or not {"dtmf", "speech"}.issuperset(kinds):
        raise invalid(element, "input", element.get("input", ""), "dtmf, speech, or both")
    digits = number(element, "numDigits", 0)
    if "numDigits" in element.attrib and digits < 1:
        raise invalid(element, "numDigits", element.get("numDigits", ""), "a whole number from 1")
    timeout = 5.0 if element.get("timeout") == "auto" else number(element, "timeout", 5)
    automatic = element.get("speechTimeout") == "auto"
    return Gather(
        action=element.get("action"),
        method=method(element),
        dtmf="dtmf" in kinds,
        speech="speech" in kinds,
        timeout=timeout,
        speech_timeout=None if automatic else number(element, "speechTimeout", int(timeout)),
        finish_on_key=keys(element, "finishOnKey", "#"),
        num_digits=int(digits) or None,
        action_on_empty_result=flag(element, "actionOnEmptyResult", default=False),
        prompts=tuple(_prompt(child) for child in element),
    )


def _prompt(element: Element) -> Prompt:
    verb = _PROMPTS.get(element.tag)
    if verb is None:
        raise TwimlError(f"<Gather> holds <{shown(element.tag)}>; it takes <Say>, <Play> and <Pause>", 12100)
    return verb(element)


def _record(element: Element) -> Record:
    return Record(
        action=element.get("action"),
        method=method(element),
        timeout=number(element, "timeout", 5),
        max_length=number(element, "maxLength", 3600) or 1.0,
        finish_on_key=keys(element, "finishOnKey", "1234567890*#"),
        play_beep=flag(element, "playBeep", default=True),
        trim=choice(element, "trim", {"trim-silence", "do-not-trim"}, "trim-silence") == "trim-silence",
        status=_recording_status(element),
    )


def _dial(element: Element) -> Dial:
    nouns = [child.tag for child in element]
    if unknown := [noun for noun in nouns if noun not in {*Noun, *UNSIMULATED_NOUNS}]:
        takes = ", ".join(f"<{noun}>" for noun in (*Noun, *UNSIMULATED_NOUNS))
        raise TwimlError(f"<Dial> holds <{shown(unknown[0])}>; it takes a number, or {takes}", 12100)
    if len(nouns) > MAX_DIALLED:
        raise TwimlError(f"<Dial> holds {len(nouns)} parties; it takes at most {MAX_DIALLED}", 12100)
    unsimulated = next((noun for noun in nouns if noun in UNSIMULATED_NOUNS), "")
    dialled = tuple(_dialled(child) for child in element) if not unsimulated else ()
    return Dial(
        parties=dialled or (Dialled(text(element)),),
        action=element.get("action"),
        method=method(element),
        timeout=number(element, "timeout", 30),
        time_limit=number(element, "timeLimit", 14_400),
        caller_id=element.get("callerId"),
        record=choice(element, "record", DIAL_RECORDS, "do-not-record"),
        recording_status=_recording_status(element),
        unsimulated=unsimulated,
    )


def _dialled(element: Element) -> Dialled:
    noun = Noun(element.tag)
    named = text(element)
    if noun is Noun.CLIENT:
        named = f"client:{named or (element.findtext('Identity') or '').strip()}"
    return Dialled(
        address=named.partition("?")[0] if noun is Noun.SIP else named,  # what follows are headers of the SIP request
        noun=noun,
        url=element.get("url"),
        method=method(element),
        send_digits=tones(element, "sendDigits"),
        status=Callback(
            element.get("statusCallback") or None,
            method(element, "statusCallbackMethod"),
            events(element, "statusCallbackEvent"),
        ),
    )


def _recording_status(element: Element) -> Callback:
    return Callback(
        element.get("recordingStatusCallback") or None,
        method(element, "recordingStatusCallbackMethod"),
        events(element, "recordingStatusCallbackEvent", RECORDING_EVENTS),
    )


def _nested(element: Element) -> str:
    return ", ".join(f"<{shown(child.tag)}>" for child in list(element)[:5]) or "nothing"


_PROMPTS: Final[Mapping[str, Callable[[Element], Prompt]]] = {"Say": _say, "Play": _play, "Pause": _pause}
_VERBS: Final[Mapping[str, Callable[[Element], Verb]]] = {
    **_PROMPTS,
    "Hangup": _hangup,
    "Reject": _reject,
    "Redirect": _redirect,
    "Connect": _connect,
    "Start": _start,
    "Stop": _stop,
    "Gather": _gather,
    "Record": _record,
    "Dial": _dial,
}
