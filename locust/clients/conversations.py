"""Conversations over REST as one virtual user calls them; `clients.realtime` speaks on their sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients import checks
from clients.checks import Check, both, containing, fields, identified, plain_list, same
from clients.session import Body, Session

COLLECTION = "/api/conversations/"
"""With its last slash: without it the platform answers with a redirection."""
CONVERSATION: dict[str, checks.Kind] = {"id": str, "title": str, "status": str}
MESSAGE: dict[str, checks.Kind] = {"id": str, "content": str}


class ConversationsApi:
    """A user's conversations and what was written in them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, conversation: Mapping[str, str]) -> Body | None:
        """Open a conversation; its title must come back."""
        check = both(fields(CONVERSATION), identified, same(title=conversation["title"]))
        return self._session.send("POST", COLLECTION, body=dict(conversation), check=check).content

    def conversations(self, page: int = 1, page_size: int = 20) -> list[Body] | None:
        """A page of the user's conversations."""
        return self._list(COLLECTION, {"page": page, "page_size": page_size}, fields(CONVERSATION))

    def search(self, term: str) -> list[Body] | None:
        """The conversations whose title or description holds a term."""
        check = both(fields(CONVERSATION), containing(term, ("title", "description")))
        return self._list(COLLECTION + "search", {"q": term}, check)

    def messages(self, conversation_id: str) -> list[Body] | None:
        """All messages, oldest first."""
        answer = self._session.send(
            "GET",
            f"{COLLECTION}{conversation_id}/messages",
            name=COLLECTION + "{id}/messages",
            check=plain_list(fields(MESSAGE)),
        )
        return answer.rows

    def stats(self, conversation_id: str) -> Body | None:
        """How many messages a conversation has, and from which agents."""
        return self._of("GET", conversation_id, "/stats", fields({"message_count": int}))

    def archive(self, conversation_id: str) -> Body | None:
        """Put a conversation away."""
        check = both(fields(CONVERSATION), same(id=conversation_id, status="archived"))
        return self._of("PATCH", conversation_id, "", check, {"status": "archived"})

    def delete(self, conversation_id: str) -> bool:
        """Delete a conversation with its messages."""
        return self._of("DELETE", conversation_id, "", fields({"status": str})) is not None

    def _of(self, method: str, conversation_id: str, part: str, check: Check, body: Any = None) -> Body | None:
        path = f"{COLLECTION}{conversation_id}{part}"
        return self._session.send(method, path, name=COLLECTION + "{id}" + part, body=body, check=check).content

    def _list(self, path: str, params: Mapping[str, Any], each: Check) -> list[Body] | None:
        answer = self._session.send("GET", path, params=params, check=plain_list(each))
        return answer.rows
