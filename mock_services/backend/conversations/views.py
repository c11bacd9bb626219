"""Conversations and messages as the API answers them."""

from __future__ import annotations

from typing import Any

from mock_services.backend.accounts.schemas import user_view
from mock_services.backend.conversations.state import Conversation, Message, Participant


def conversation_view(conversation: Conversation) -> dict[str, Any]:
    """Give a `ConversationView`."""
    return {
        "id": conversation.id,
        "tenant_id": conversation.owner.tenant.id,
        "title": conversation.title,
        "description": conversation.description,
        "status": conversation.status,
        "created_by_user_id": conversation.owner.id,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "users": [user_view(user) for user in conversation.users.values()],
        "participants": [_participant_view(conversation, each) for each in conversation.participants],
        "recent_messages": [message_view(message) for message in conversation.messages.values()],
        "owner_id": conversation.owner.id,
    }


def list_item(conversation: Conversation) -> dict[str, Any]:
    """Give a `ConversationListItem`."""
    last = conversation.last_message
    return {
        "id": conversation.id,
        "title": conversation.title,
        "description": conversation.description,
        "status": conversation.status,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "last_message": message_view(last) if last else None,
        "participant_count": len(conversation.users) + len(conversation.participants),
        "message_count": len(conversation.messages),
    }


def message_view(message: Message) -> dict[str, Any]:
    """Give a `MessageView`."""
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "message_type": message.message_type,
        "content": message.content,
        "user_id": message.user.id if message.user else None,
        "agent_type": message.agent_type,
        "participant_id": None,
        "metadata": message.metadata,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
        "sender_name": message.sender_name,
        "sender_type": message.sender_type,
    }


def _participant_view(conversation: Conversation, participant: Participant) -> dict[str, Any]:
    return {
        "id": participant.id,
        "conversation_id": conversation.id,
        "participant_type": "email",
        "identifier": participant.email,
        "display_name": participant.email.partition("@")[0],
        "is_active": True,
        "joined_at": participant.joined_at,
        "left_at": None,
    }
