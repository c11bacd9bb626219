"""Whether calls would come through: the Twilio double's account, and the URL that the target checks signatures over."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

import requests

from configs.settings import Settings
from locallab.doctor.findings import Finding, ok, problem, warning
from mock_services.twilio.protocol.signature import sign
from utils.numbers import WEBHOOK, NumberInventory
from utils.plain_http import CONNECT_S, SetupError, new_session, reason

PATH = f"{WEBHOOK}call-status"
ANSWER_S = 10.0
REFUSED = "403"
"""The platform answers 200 whatever it thinks of a signature, and says in the body that this was the reason."""


class OtherAnswer(SetupError):
    """What answers a webhook does not answer as the platform does."""


def double(settings: Settings, twilio_url: str) -> Finding:
    """Say whether the Twilio double at a URL takes the suite's credentials."""
    try:
        NumberInventory(twilio_url, settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()).check()
    except SetupError as error:
        said, _, todo = str(error).rstrip(".").partition(": ")
        return problem("Twilio double", said, todo or "start it, or set LAB_TWILIO_URL to one that runs")
    return ok("Twilio double", f"the Twilio double at {twilio_url} takes the suite's credentials")


def signature_url(base_url: str, auth_token: str) -> Finding:
    """Find the URL over which the target checks a webhook's signature, with status callbacks of a call that never was.

    They make no call and change none: the target looks at the signature first, and then knows no call of that SID.
    """
    posted = base_url + PATH
    try:
        if _accepts(posted, posted, auth_token):
            return ok(
                "signature URL", f"the target checks webhooks' signatures over {posted}, as the Twilio double signs"
            )
        for other in _others(posted):
            if _accepts(posted, other, auth_token):
                return problem(
                    "signature URL", f"the target checks signatures over {other}, not over {posted}", _fix(other)
                )
    except OtherAnswer as error:
        return warning("signature URL", str(error), "look at its log: without webhooks there are no calls")
    except SetupError as error:
        return problem("signature URL", str(error), "look at the target's log, and try again")
    return problem(
        "signature URL",
        f"the target refuses a webhook that is signed over {posted}, and over each other URL that it may see",
        "give target, double and suite the same TWILIO_AUTH_TOKEN; where they have, the target sees another host name"
        " than LOAD_TEST_BASE_URL holds: set that to the target's own",
    )


def _others(posted: str) -> list[str]:
    """Give what a target behind a proxy may take the URL for: the other scheme, and no port or the scheme's own."""
    parts = urlsplit(posted)
    swapped = parts._replace(scheme="http" if parts.scheme == "https" else "https")
    port = f":{parts.port}" if parts.port else ""
    hosts = [parts.netloc, parts.netloc.removesuffix(port), f"localhost{port}", f"127.0.0.1{port}"]
    return [each._replace(netloc=host).geturl() for host in dict.fromkeys(hosts) for each in (swapped, parts)]


def _fix(other: str) -> str:
    origin = other.removesuffix(PATH)
    return (
        f"set LOAD_TEST_BASE_URL={origin} if it answers there; otherwise have its proxy pass on Host and"
        " X-Forwarded-Proto as they come"
    )


def _accepts(posted: str, signed: str, auth_token: str) -> bool:
    form = {"CallSid": f"CA{secrets.token_hex(16)}", "CallStatus": "completed"}
    with new_session() as session:
        try:
            answer = session.post(
                posted,
                data=form,
                headers={"X-Twilio-Signature": sign(auth_token, signed, form.items())},
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise SetupError(f"{posted} does not answer ({reason(error)})") from error
    if answer.status_code == int(REFUSED):
        return False
    try:
        said = answer.json()
        message = str(said.get("message") or "")
    except (ValueError, AttributeError):
        said, message = None, ""
    if answer.status_code != 200 or said is None:
        raise OtherAnswer(f"{posted} answers a webhook with {answer.status_code}, and not as the platform does")
    return not message.startswith(REFUSED)
