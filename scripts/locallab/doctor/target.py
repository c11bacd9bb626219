"""The target as it answers now: whether it is well, whose certificate it shows, its clock, and its rate limit."""

from __future__ import annotations

import ipaddress
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import create_connection
from urllib.parse import urlsplit

import certifi
import requests
import websocket

from locallab.doctor.findings import Finding, ok, problem, warning
from metrics.wording import counted, verb
from utils.capabilities import Capabilities
from utils.plain_http import CONNECT_S, PlainHttp, SetupError, certificates, new_session, reason
from utils.provisioning import read_capabilities

PATH = "/health"
"""The platform's cheapest answer; its limit counts it as every other."""
ANSWER_S = 10.0
SLOW_MS = 1_000.0
CLOCK_OFF_S = 2.0
CLOCK_WRONG_S = 60.0
DAYS_LEFT = 14
PLATFORM_LIMIT = 120
"""Requests a minute that the platform allows one client, without announcing it."""
CLIENTS = ipaddress.IPv4Network("198.19.0.0/16")
"""Whom the target is told that it talks to; the range is kept for benchmarks (RFC 2544), no user has one."""
AREAS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("POST /api/organizations/register", "POST /api/auth/register/token"),
    "CRM": ("GET /api/crm/contacts", "POST /api/crm/contacts"),
    "calendar": ("GET /api/calendar/events", "POST /api/calendar/events"),
    "telephony": ("POST /api/telephony/setup", "POST /api/telephony/webhook/incoming-call"),
    "conversations": ("POST /api/conversations/",),
}
"""Without these operations an area is skipped as a whole, or nearly."""
SOCKET = "/api/ws/notifications"
UPGRADE = (
    "have the proxy before the target pass on Upgrade and Connection, or set LOAD_TEST_WS_URL to where sockets are"
)
DOWN = "start it, or set LOAD_TEST_BASE_URL or --target to a platform that runs"


@dataclass(frozen=True, slots=True)
class Look:
    """One answer: its status and headers, when the request was sent and answered (seconds of the wall clock)."""

    status: int
    headers: Mapping[str, str]
    sent: float
    answered: float

    @property
    def took_ms(self) -> float:
        """Give how long the answer took."""
        return 1000 * (self.answered - self.sent)


class Asker:
    """Asks a target over one connection, as a client of one's choice; raises `SetupError` where none answers."""

    def __init__(self, base_url: str, run_id: str) -> None:
        """Take the target's origin, and an id that is new each time: from it follows which clients ask."""
        self._first = zlib.crc32(run_id.encode())
        self._url = base_url + PATH
        self._base_url = base_url
        self._session = new_session()

    def look(self, client: int = 0) -> Look:
        """Ask once, as a client of this number."""
        address = str(CLIENTS[(self._first + client) % CLIENTS.num_addresses])
        sent = time.time()
        try:
            answer = self._session.get(
                self._url,
                headers={"X-Forwarded-For": address},
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise SetupError(f"{self._base_url} does not answer ({reason(error)})") from error
        return Look(answer.status_code, answer.headers, sent, time.time())


def health(base_url: str, asker: Asker) -> tuple[list[Finding], Look | None]:
    """Ask the target how it is; without an answer nothing else can be asked of it."""
    try:
        asker.look()  # connects, so that the second answer's time is the target's alone
        seen = asker.look()
    except SetupError as error:
        return [problem("target", str(error), DOWN if "certificate" not in str(error) else _trust(base_url))], None
    says = f"{base_url}{PATH} answers {seen.status} in {seen.took_ms:.0f} ms"
    if seen.status == 429:
        return [_limited_now(base_url, seen)], None
    if seen.status != 200:
        return [problem("target", says, DOWN)], seen
    if seen.took_ms > SLOW_MS:
        return [warning("target", says, "let it come to rest first: it is busy before anybody loads it")], seen
    return [ok("target", says)], seen


def _trust(base_url: str) -> str:
    return (
        f"trust who signed {urlsplit(base_url).hostname}'s certificate: set SSL_CERT_FILE to the authority's PEM file"
    )


def _limited_now(base_url: str, seen: Look) -> Finding:
    wait = seen.headers.get("Retry-After", "60")
    return problem(
        "rate limit", f"{base_url} answers 429 already", f"wait {wait} s: the limit of this machine is used up"
    )


def offers(http: PlainHttp) -> tuple[Finding, Capabilities | None]:
    """Read what the target offers, and say which of the `AREAS` of a run it lacks."""
    try:
        capabilities = read_capabilities(http)
    except SetupError as error:
        return problem("target's operations", str(error).rstrip("."), DOWN), None
    without = [area for area, needs in AREAS.items() if capabilities.missing(needs)]
    if without:
        return (
            warning(
                "target's operations",
                f"{http.base_url} does not offer what {', '.join(without)} need",
                "nothing, if that is so: a run says what it skips, and calls the rest",
            ),
            capabilities,
        )
    return ok("target's operations", f"{http.base_url} offers what every area needs"), capabilities


def clock(seen: Look) -> Finding:
    """Hold the target's `Date` header, which has whole seconds, against this machine's clock."""
    given = seen.headers.get("Date")
    try:
        said = parsedate_to_datetime(given or "")
    except ValueError:
        return warning(
            "target's clock",
            "the target's answers carry no Date header",
            "hold its clock against this machine's by hand: tokens and signatures expire by it",
        )
    if said.tzinfo is None:
        said = said.replace(tzinfo=UTC)
    middle = (seen.sent + seen.answered) / 2
    unsure_s = 0.5 + (seen.answered - seen.sent) / 2
    apart_s = said.timestamp() + 0.5 - middle
    certain_s = max(0.0, abs(apart_s) - unsure_s)
    says = f"the target's clock is {apart_s:+.1f} s from this machine's (± {unsure_s:.1f} s)"
    todo = "set both by NTP (`timedatectl` shows whether this machine is): tokens and signatures expire by the clock"
    if certain_s > CLOCK_WRONG_S:
        return problem("target's clock", says, todo)
    return warning("target's clock", says, todo) if certain_s > CLOCK_OFF_S else ok("target's clock", says)


def rate_limit(seen: Look, asker: Asker) -> Finding:
    """Say what limit the target announces, and whether it counts by the client that X-Forwarded-For names."""
    limit, left = _number(seen.headers, "X-RateLimit-Limit"), _number(seen.headers, "X-RateLimit-Remaining")
    if limit is None or left is None:
        return ok(
            "rate limit",
            f"the target announces no limit; the platform's is {PLATFORM_LIMIT} a minute for each client that"
            " X-Forwarded-For names, and each user of a run is a client of its own (--burst tries it)",
        )
    other = asker.look(1)
    other_left = _number(other.headers, "X-RateLimit-Remaining")
    says = f"the target announces {counted(limit, 'request')}, {left} of them left"
    if other_left is not None and other_left < left:
        return _counted_together(f"{says}, and counts two clients together")
    if left * 10 < limit:
        return warning("rate limit", says, f"wait until it begins anew ({_reset(seen)}), or use another target")
    return ok("rate limit", f"{says}, for each client")


def burst(asker: Asker, most: int) -> Finding:
    """Ask as one client until the target refuses, `most` times at most, then as another."""
    for number in range(1, most + 1):
        if asker.look(2).status != 429:
            continue
        says = f"request {number} of one client was refused"
        if asker.look(3).status == 429:
            return _counted_together(f"{says}, and so was the first of another")
        return ok("rate limit", f"{says}; another client was answered: each user of a run has a limit of its own")
    return ok("rate limit", f"{counted(most, 'request')} of one client in a row {verb(most, 'was', 'were')} answered")


def lost(error: SetupError) -> Finding:
    """Give the finding of a target that stopped answering while its limit was looked at."""
    return problem("rate limit", str(error), "look at the target's log: it answered a moment ago")


def _counted_together(says: str) -> Finding:
    return problem(
        "rate limit",
        says,
        "have what stands before the target pass on X-Forwarded-For, or lift the limit for this machine:"
        " all users of a run would share it",
    )


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").partition(",")[0].strip()
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _reset(seen: Look) -> str:
    return f"X-RateLimit-Reset: {seen.headers.get('X-RateLimit-Reset', 'not said')}"


def sockets(ws_url: str) -> Finding:
    """Try to open a socket that the target refuses for want of a token; a proxy in between often refuses any."""
    url = ws_url + SOCKET
    try:
        websocket.create_connection(url, timeout=CONNECT_S, suppress_origin=True).close()
        status = 101
    except websocket.WebSocketBadStatusException as refused:
        status = refused.status_code
    except (OSError, websocket.WebSocketException) as error:
        return problem("sockets", f"{url} cannot be opened: {error}", UPGRADE)
    if status in {101, 401, 403}:
        return ok("sockets", f"{ws_url} opens sockets for who has a token")
    return problem("sockets", f"{url} answers {status} to the request for a socket", UPGRADE)


def certificate(base_url: str) -> Finding | None:
    """Say until when the certificate of an https target is good; None for another, and where none is trusted."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    verify = certificates()
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else certifi.where())
    try:
        with (
            create_connection((parts.hostname, parts.port or 443), CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as encrypted,
        ):
            shown = encrypted.getpeercert() or {}
    except OSError:
        return None  # `health` says why
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    says = f"{parts.hostname}'s certificate is trusted and good for {counted(days, 'day')}"
    if days < DAYS_LEFT:
        return warning("certificate", says, "renew it before a run meets its end")
    return ok("certificate", says)
