"""Which double stands in for each host name of the vendors: what interception sends where, and certificates name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

STUB_HOSTS: Mapping[str, Sequence[str]] = {
    "deepgram": ("agent.deepgram.com", "api.deepgram.com"),
    "elevenlabs": ("api.elevenlabs.io",),
    "openai": ("api.openai.com",),
    "sendgrid": ("api.sendgrid.com",),
    "stripe": ("api.stripe.com",),
}
"""The host names of each vendor that `mock_services.vendors` serves."""
VENDOR_HOSTS: Mapping[str, str] = {
    "api.twilio.com": "twilio",
    **{host: "vendors" for hosts in STUB_HOSTS.values() for host in hosts},
}
"""By the vendor's host name, the service of the lab that answers for it."""
