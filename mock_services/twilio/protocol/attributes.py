"""Reads the attributes of TwiML's elements; what does not fit is refused with Twilio's code and in one sentence."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from xml.etree.ElementTree import Element

CALL_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})


class TwimlError(Exception):
    """A response that Twilio cannot execute; `code` is Twilio's error code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def invalid(element: Element, name: str, given: str, takes: str) -> TwimlError:
    """Make the error of an attribute that does not fit."""
    return TwimlError(f"<{element.tag}> has {name}={shown(given)!r}; it takes {takes}", 12100)


def method(element: Element, name: str = "method") -> str:
    """Read an HTTP method; POST where there is none."""
    given = element.get(name, "POST").upper()
    if given not in {"GET", "POST"}:
        raise TwimlError(f"<{element.tag}> has the {name} {shown(given)!r}; it takes GET or POST", 12100)
    return given


def number(element: Element, name: str, default: int) -> float:
    """Read a whole number of at most six digits."""
    given = element.get(name, str(default))
    if not given.isdecimal() or len(given) > 6:
        raise invalid(element, name, given, "a whole number")
    return float(given)


def loops(element: Element) -> int:
    """Read `loop`: 0 is for ever, which ends after a thousand times."""
    loop = number(element, "loop", 1)
    return 1000 if loop == 0 else min(int(loop), 1000)


def flag(element: Element, name: str, *, default: bool) -> bool:
    """Read `true` or `false`."""
    return choice(element, name, {"true", "false"}, "true" if default else "false") == "true"


def choice(element: Element, name: str, values: AbstractSet[str], default: str) -> str:
    """Read one of `values`."""
    given = element.get(name, default)
    if given not in values:
        raise invalid(element, name, given, " or ".join(sorted(values)))
    return given


def keys(element: Element, name: str, default: str) -> str:
    """Read a set of telephone keys; empty is none."""
    given = element.get(name, default)
    if any(key not in "0123456789*#" for key in given):
        raise invalid(element, name, given, "keys of a telephone")
    return given


def tones(element: Element, name: str) -> str:
    """Read keys to be played, with `w` for half a second of silence and `W` for a whole one."""
    given = element.get(name, "")
    if any(key not in "0123456789*#wW" for key in given):
        raise invalid(element, name, given, "keys of a telephone and w")
    return given


def events(element: Element, name: str, known: AbstractSet[str] = CALL_EVENTS) -> frozenset[str]:
    """Read the events that a callback is told of, separated by spaces; `completed` where none is named.

    An unknown one is passed over, as Twilio does with a warning (21626).
    """
    return frozenset(element.get(name, "").split()) & known or frozenset({"completed"})


def text(element: Element) -> str:
    """Give an element's own text."""
    return (element.text or "").strip()


def shown(given: object) -> str:
    """Shorten what is shown in a sentence."""
    return str(given)[:50]
