"""The three TwiML documents that the platform answers an incoming call with."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

STREAM_PATH = "/api/ws/telephony/voice-agent/stream"


def connect(host: str, parameters: Mapping[str, str]) -> str:
    """Connect the call to the media stream on `host`, always by `wss`."""
    url = quoteattr(f"wss://{host}{STREAM_PATH}")
    lines = "\n".join(
        f"            <Parameter name={quoteattr(name)} value={quoteattr(value)} />"
        for name, value in parameters.items()
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Response>
    <Connect>
        <Stream url={url}>
{lines}
        </Stream>
    </Connect>
</Response>"""


ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Say>'
    "We are sorry, there was an error with your call. Please try again later."
    "</Say><Hangup/></Response>"
)

UNAVAILABLE = """<?xml version="1.0" encoding="UTF-8"?>
<Response>
    <Say>We are sorry, this service is not available.</Say>
    <Hangup />
</Response>"""
