"""Which double stands in for each host name of the vendors: what interception sends where, and certificates name."""

from __future__ import annotations

from collections.abc import Mapping

VENDOR_HOSTS: Mapping[str, str] = {
    "api.twilio.com": "twilio",
    "agent.deepgram.com": "vendors",
    "api.deepgram.com": "vendors",
    "api.elevenlabs.io": "vendors",
    "api.openai.com": "vendors",
    "api.sendgrid.com": "vendors",
    "api.stripe.com": "vendors",
}
"""By the vendor's host name, the service of the lab that answers for it."""
