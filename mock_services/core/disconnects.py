"""A client that went away amid an answer, as the server tells it: mostly in its own words, sometimes by an accident.

uvicorn raises `ClientDisconnected` or says nothing where it knows that a client has gone. For a moment it does not: the
connection is closed already, by the client or by uvicorn after a frame that broke the protocol, and writing to it is
a `RuntimeError` (uvicorn 0.54 with uvloop 0.23). Nothing has failed inside the double then.
"""

from __future__ import annotations

from starlette.types import Message, Receive, Send
from uvicorn.protocols.utils import ClientDisconnected

CLOSED = ("the handler is closed", "after sending 'websocket.close'")
"""How uvloop words a write to a closed connection, and uvicorn one to a socket that it closed itself."""


def is_disconnect(error: RuntimeError) -> bool:
    """Whether an error of sending means no more than that the client has gone."""
    return any(words in str(error) for words in CLOSED)


async def until_gone(receive: Receive) -> None:
    """Wait until the server knows that the client has gone; what it still sends is passed over."""
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass


def to_whoever_is_there(send: Send) -> Send:
    """Give a `send` of a socket that raises `ClientDisconnected` for every client that has gone."""

    async def send_or_tell(message: Message) -> None:
        try:
            await send(message)
        except RuntimeError as error:
            if is_disconnect(error):
                raise ClientDisconnected from error
            raise

    return send_or_tell
