"""HTTP that no statistics count: for checking a target, making accounts before a run, and removing what it made."""

from __future__ import annotations

import ipaddress
import logging
import os
import time
import zlib
from collections.abc import Mapping
from typing import Any

import requests
from urllib3.exceptions import ProtocolError

logger = logging.getLogger(__name__)

REQUESTS_PER_ADDRESS = 100
"""Fewer than the 120 a minute that the platform allows one address."""
PATIENCE = 3
"""How often a request that was told to wait is sent again."""
LONG_WAIT_S = 1.0
"""A wait from this on is said: without a word it would look like a hang."""
CONNECT_S = 5.0
ANSWER_S = 60.0
"""A platform that hashes many passwords at once answers each of them late."""


MALFORMED = (KeyError, TypeError, AttributeError)
"""What an answer of another shape than the platform's raises when it is read."""


class SetupError(RuntimeError):
    """Something before or after the load itself could not be done; the text is one sentence for a person."""


class Refused(SetupError):
    """The target answered, with another status than the one that was needed."""

    def __init__(self, method: str, url: str, status: int) -> None:
        super().__init__(f"{method} {url} was answered with {status}")
        self.status = status


class NoJson(SetupError):
    """The target answered with something that is no JSON."""


class NoAnswer(SetupError):
    """The target did not answer: `timed_out_after` so many seconds, or None when there is no connection to it.

    `broke` says that there was one, which ended before the answer did.
    """

    def __init__(self, sentence: str, timed_out_after: float | None, *, broke: bool = False) -> None:
        super().__init__(sentence)
        self.timed_out_after = timed_out_after
        self.broke = broke


class PlainHttp:
    """Sends JSON requests to one target; its `X-Forwarded-For` changes before the platform's limit is reached."""

    def __init__(self, base_url: str, run_id: str) -> None:
        """Take the target's origin and the run, from whose id the first address follows."""
        self.base_url = base_url
        self._session = new_session()
        self._offset = zlib.crc32(run_id.encode())
        self._sent = 0

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        token: str | None = None,
        within_s: float = ANSWER_S,
    ) -> Any:
        """The JSON of a 200. A 429 is waited out and the request sent again; everything else raises SetupError.

        The answer, and with it each wait, must come `within_s` seconds.
        """
        for _ in range(PATIENCE):
            response = self._send(method, path, body, params, token, within_s)
            logger.debug("Not counted: %s %s, status %d", method, path, response.status_code)
            if response.status_code != 429:
                break
            wait_s = _seconds(response.headers.get("Retry-After"))
            if wait_s > within_s:
                break
            if wait_s >= LONG_WAIT_S:
                logger.info("%s%s asks to wait (429): %s is sent again in %.0f s.", self.base_url, path, method, wait_s)
            time.sleep(wait_s)
        if response.status_code != 200:
            raise Refused(method, self.base_url + path, response.status_code)
        try:
            return response.json()
        except ValueError:
            raise NoJson(f"{method} {self.base_url}{path} was answered with something that is no JSON") from None

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, Any] | None,
        token: str | None,
        within_s: float,
    ) -> requests.Response:
        headers = {"X-Forwarded-For": self._address()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            return self._session.request(
                method,
                self.base_url + path,
                json=body,
                params=dict(params or {}),
                headers=headers,
                timeout=(min(CONNECT_S, within_s), within_s),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            timed_out_after = within_s if isinstance(error, requests.Timeout) else None
            sentence = f"{self.base_url} does not answer ({reason(error)})"
            raise NoAnswer(sentence, timed_out_after, broke=_broke(error)) from error

    def _address(self) -> str:
        # 198.18.0.0/15 is kept for benchmarks: no user of a run has such an address.
        number = (self._offset + self._sent // REQUESTS_PER_ADDRESS) % (1 << 17)
        self._sent += 1
        return str(ipaddress.IPv4Address("198.18.0.0") + number)


def new_session() -> requests.Session:
    """A session that no variable leads to a proxy, and that trusts `certificates`."""
    session = requests.Session()
    session.trust_env = False
    session.verify = certificates()
    return session


def certificates() -> str | bool:
    """Whose certificates are good: the PEM file that SSL_CERT_FILE names, as for a run's other connections, or True.

    requests has a list of authorities of its own and would look at nothing else; True means that list.
    """
    return os.environ.get("SSL_CERT_FILE") or True


def reason(error: requests.RequestException) -> str:
    """Why no answer came, in a few words."""
    text = str(error)
    if isinstance(error, requests.Timeout):
        return "timed out"
    for sign, words in (
        ("Connection refused", "connection refused"),
        ("NameResolution", "its name cannot be resolved"),
        ("Name or service not known", "its name cannot be resolved"),
        ("CERTIFICATE", "its certificate cannot be verified"),
        ("SSL", "no TLS there"),
        ("Network is unreachable", "network unreachable"),
    ):
        if sign in text:
            return words
    return "the connection broke" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _broke(error: requests.RequestException) -> bool:
    """Whether there was a connection, and it ended before the answer did."""
    return bool(error.args) and isinstance(error.args[0], ProtocolError)


def _seconds(retry_after: str | None) -> float:
    try:
        return min(60.0, max(0.0, float(retry_after or "")))
    except ValueError:
        return 60.0
