"""Calls every vendor with its official library as a program does that knows of no lab: default address, HTTP, sockets.

    calls.py              one line a call; 0 when all were answered, 1 when one was not
    calls.py leave HOST   tries to call a host that is nobody's in the lab; 0 when it is refused, 1 when it is answered

Nothing here points a library anywhere: where the calls go is decided by the name server that this machine was given,
and whom they trust by SSL_CERT_FILE and its like. With the lab's authority alone in there, a call that is answered was
answered by a double, over TLS.
"""

# mypy: allow-untyped-calls
# Twilio's and SendGrid's libraries have few annotations.

from __future__ import annotations

import io
import os
import signal
import sys
import urllib.error
import urllib.request
import wave
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import stripe
from deepgram import DeepgramClient
from elevenlabs.client import ElevenLabs
from openai import OpenAI
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from sendgrid.helpers.mail import Mail  # type: ignore[import-untyped]
from twilio.rest import Client as Twilio

DEFAULT_KEYS = {
    "TWILIO_ACCOUNT_SID": "AC1ab00000000000000000000000000001",
    "TWILIO_AUTH_TOKEN": "1ab0000000000000000000000000abcd",
    "DEEPGRAM_API_KEY": "1ab0000000000000000000000000000000deeb9a",
    "ELEVENLABS_API_KEY": "sk_1ab000000000000000000000000000000000000000e1e7e1",
    "OPENAI_API_KEY": "sk-1ab0000000000000000000000000000000000000000penai",
    "STRIPE_SECRET_KEY": f"sk_test_1ab{'0' * 90}stripe",
    "SENDGRID_API_KEY": f"SG.1ab{'0' * 19}.{'0' * 35}sendgrid",
}
"""What the doubles accept when nobody says otherwise."""
VOICE = "21m00Tcm4TlvDq8ikWAM"
WITHIN_S = 15


def say(line: str) -> None:
    """Report one call."""
    sys.stdout.write(line + "\n")


def key(name: str) -> str:
    """A credential: the environment's, or the lab's."""
    return os.environ.get(name) or DEFAULT_KEYS[name]


def silence(seconds: float = 1.0) -> bytes:
    """A WAV file in which nobody speaks, mono, 16 bits at 16 kHz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(int(32_000 * seconds)))
    return buffer.getvalue()


def twilio_message() -> str:
    """Send a text message."""
    client = Twilio(key("TWILIO_ACCOUNT_SID"), key("TWILIO_AUTH_TOKEN"))
    sent = client.messages.create(to="+15555550101", from_="+15005550006", body="Your visit is tomorrow at ten.")
    return f"message {sent.sid} {sent.status}"


def twilio_numbers() -> str:
    """List the account's numbers."""
    client = Twilio(key("TWILIO_ACCOUNT_SID"), key("TWILIO_AUTH_TOKEN"))
    return f"{len(client.incoming_phone_numbers.list(limit=5))} numbers"


def openai_chat() -> str:
    """Ask for one answer."""
    with OpenAI(api_key=key("OPENAI_API_KEY"), timeout=WITHIN_S, max_retries=0) as client:
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "thanks"}])
    return repr(answer.choices[0].message.content)


def openai_stream() -> str:
    """Have a response streamed."""
    with OpenAI(api_key=key("OPENAI_API_KEY"), timeout=WITHIN_S, max_retries=0) as client:
        stream = client.responses.create(model="gpt-4o-mini", input="thanks", stream=True)
        events = [event.type for event in stream]
    if events[-1] != "response.completed":
        raise RuntimeError(f"the stream ended with {events[-1]}")
    return f"{len(events)} events"


def deepgram_file() -> str:
    """Have a recording transcribed."""
    client = DeepgramClient(api_key=key("DEEPGRAM_API_KEY"))
    answer = client.listen.v1.media.transcribe_file(request=silence(), model="nova-3")
    return f"request {getattr(answer, 'metadata').request_id}"  # noqa: B009 - the answer may be of two kinds


def deepgram_live() -> str:
    """Have audio transcribed as it comes, over a socket."""
    client = DeepgramClient(api_key=key("DEEPGRAM_API_KEY"))
    options = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}
    with client.listen.v1.connect(**options) as socket:
        socket.send_media(silence()[44:])
        socket.send_close_stream()
        kinds = [type(message).__name__ for message in socket]
    return f"socket, {len(kinds)} messages, the last {kinds[-1]}"


def deepgram_agent() -> str:
    """Open a conversation with a voice agent, over a socket."""
    client = DeepgramClient(api_key=key("DEEPGRAM_API_KEY"))
    with client.agent.v1.connect() as socket:
        return f"socket, {type(socket.recv()).__name__}"


def elevenlabs_speech() -> str:
    """Have a sentence spoken."""
    client = ElevenLabs(api_key=key("ELEVENLABS_API_KEY"), timeout=WITHIN_S)
    audio = b"".join(client.text_to_speech.convert(VOICE, text="Good morning."))
    return f"{len(audio)} bytes of speech"


def elevenlabs_socket() -> str:
    """Have sentences spoken as they are written, over a socket."""
    client = ElevenLabs(api_key=key("ELEVENLABS_API_KEY"), timeout=WITHIN_S)
    audio = b"".join(client.text_to_speech.convert_realtime(VOICE, text=iter(["Good morning. ", "How can I help? "])))
    if not audio:
        raise RuntimeError("no speech came")
    return f"socket, {len(audio)} bytes of speech"


def stripe_customer() -> str:
    """Make a customer, by the client and by the module's functions, as older programs do."""
    made = stripe.StripeClient(key("STRIPE_SECRET_KEY")).v1.customers.create({"email": "family@example.com"})
    stripe.api_key = key("STRIPE_SECRET_KEY")
    return f"customer {stripe.Customer.retrieve(made.id).id}"


def sendgrid_mail() -> str:
    """Send a mail."""
    mail = Mail("office@example.com", "family@example.com", "Your visit", "Tomorrow at ten.")
    return f"status {SendGridAPIClient(key('SENDGRID_API_KEY')).send(mail).status_code}"


CALLS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("https://api.twilio.com messages", twilio_message),
    ("https://api.twilio.com numbers", twilio_numbers),
    ("https://api.openai.com chat", openai_chat),
    ("https://api.openai.com streamed response", openai_stream),
    ("https://api.deepgram.com file", deepgram_file),
    ("wss://api.deepgram.com live", deepgram_live),
    ("wss://agent.deepgram.com voice agent", deepgram_agent),
    ("https://api.elevenlabs.io speech", elevenlabs_speech),
    ("wss://api.elevenlabs.io speech", elevenlabs_socket),
    ("https://api.stripe.com customer", stripe_customer),
    ("https://api.sendgrid.com mail", sendgrid_mail),
)


def too_late(_number: int, _frame: FrameType | None) -> NoReturn:
    """End a call that is not answered in time: sockets wait for ever."""
    raise TimeoutError(f"no answer within {WITHIN_S} s")


def call_everyone() -> int:
    """Make every call; the number of those that failed, one that takes too long among them."""
    signal.signal(signal.SIGALRM, too_late)
    failed = 0
    for name, call in CALLS:
        signal.setitimer(signal.ITIMER_REAL, WITHIN_S)
        try:
            outcome = f"ok    {name}: {call()}"
        except Exception as failure:  # noqa: BLE001 - each library raises its own, and every one is reported and counted
            failed += 1
            outcome = f"fail  {name}: {type(failure).__name__}: {failure}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        say(outcome)
    return failed


def leave(host: str) -> int:
    """Try to call a host outside; 0 when that was refused."""
    try:
        with urllib.request.urlopen(f"https://{host}/", timeout=WITHIN_S) as answer:
            say(f"https://{host} answered {answer.status}: it should have been refused")
    except (urllib.error.URLError, ConnectionError) as refusal:
        say(f"https://{host} was refused: {getattr(refusal, 'reason', refusal)}")
        return 0
    return 1


def main(arguments: list[str]) -> int:
    """0 when all is as it should be, 1 when not, 3 for wrong usage."""
    match arguments:
        case []:
            return 1 if call_everyone() else 0
        case ["leave", host]:
            return leave(host)
    sys.stderr.write("usage: calls.py [leave HOST]\n")
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
