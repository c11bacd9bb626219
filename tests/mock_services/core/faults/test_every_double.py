"""Every double has faults and limits from the same file, in its own words, and has no code for it."""

import base64
from pathlib import Path

import httpx
import pytest

from mock_services.stripe.settings import LAB_KEY
from mock_services.twilio.settings import Settings as TwilioSettings
from tests.support.doubles import serving

SID = TwilioSettings.model_fields["account_sid"].default
BASIC = base64.b64encode(f"{SID}:{TwilioSettings.model_fields['auth_token'].default}".encode()).decode()
SENDGRID_KEY = "SG.1ab0000000000000000000.00000000000000000000000000000000000sendgrid"
ASKED = {
    "backend": ("GET", "/health", {}, '{"detail":"Rate limit exceeded","retry_after":60}'),
    "twilio": ("GET", f"/2010-04-01/Accounts/{SID}/Calls.json", {"Authorization": f"Basic {BASIC}"}, '"code":20429'),
    "deepgram": (
        "POST",
        "/v1/listen",
        {"Authorization": "Token 1ab0000000000000000000000000000000deeb9a"},
        '"err_code":"TOO_MANY_REQUESTS"',
    ),
    "elevenlabs": (
        "GET",
        "/v1/voices",
        {"xi-api-key": "sk_1ab000000000000000000000000000000000000000e1e7e1"},
        '"status":"system_busy"',
    ),
    "openai": (
        "GET",
        "/v1/models",
        {"Authorization": "Bearer sk-1ab0000000000000000000000000000000000000000penai"},
        '"code":"rate_limit_exceeded"',
    ),
    "stripe": ("GET", "/v1/customers", {"Authorization": f"Bearer {LAB_KEY}"}, '"code":"rate_limit"'),
    "sendgrid": ("GET", "/v3/scopes", {"Authorization": f"Bearer {SENDGRID_KEY}"}, '"message":"too many requests"'),
}
SCHEDULE = """
limits = [{ requests_per_second = 1 }]

[[faults]]
name = "unavailable"
description = "Each service fails its first request."
kind = "status"
status = 503
first = 1
"""


@pytest.mark.parametrize("double", ASKED)
def test_it_fails_and_refuses_as_the_file_says(tmp_path: Path, double: str) -> None:
    method, path, headers, words = ASKED[double]
    schedule = tmp_path / "faults.toml"
    schedule.write_text(SCHEDULE, encoding="utf-8")
    with (
        serving(double, LAB_FAULTS=str(schedule)) as address,
        httpx.Client(base_url=f"http://{address}", headers=headers) as client,
    ):
        failed, refused = client.request(method, path), client.request(method, path)
        metrics = client.get("/__lab/metrics").json()["faults"]
        shown = client.get("/__lab/faults").json()["services"]
    assert failed.status_code == 503
    assert failed.text
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert words in refused.text
    assert (metrics["injected"], metrics["limited"]) == ({"status": 1}, {"requests": 1})
    assert shown[double]["counts"] == {"unavailable": {"seen": 1, "hits": 1}}
