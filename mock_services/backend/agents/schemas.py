"""Requests and answers of the agent endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from mock_services.backend.agents.state import Agent
from mock_services.backend.schemas import JsonObject


class AgentPath(BaseModel):
    """The path of an agent."""

    agent_id: UUID


class AgentCreate(BaseModel):
    """A new agent."""

    agent_type: str
    name: str
    description: str | None = None
    is_free_agent: bool = False
    configuration_template: JsonObject | None = Field(default_factory=dict)
    capabilities: list[str] | None = Field(default_factory=list)


class AgentUpdate(BaseModel):
    """Any subset of what may change of an agent; null changes nothing."""

    name: str | None = None
    description: str | None = None
    capabilities: list[str] | None = None
    is_enabled: bool | None = None
    is_active: bool | None = None


class AgentView(BaseModel):
    """An agent."""

    id: UUID
    agent_type: str
    name: str
    description: str | None
    is_free_agent: bool
    owner_tenant_id: UUID | None
    owner_domain: str | None
    is_enabled: bool
    capabilities: list[str] | None
    is_active: bool
    created_at: datetime
    updated_at: datetime | None


class AvailableAgents(BaseModel):
    """The agents that a tenant may use."""

    agents: list[AgentView]


def agent_view(agent: Agent) -> dict[str, Any]:
    """Give an `AgentView`."""
    return {
        "id": agent.id,
        "agent_type": agent.agent_type,
        "name": agent.name,
        "description": agent.description,
        "is_free_agent": agent.is_free_agent,
        "owner_tenant_id": agent.owner.id if agent.owner else None,
        "owner_domain": agent.owner.subdomain if agent.owner else None,
        "is_enabled": agent.is_enabled,
        "capabilities": agent.capabilities,
        "is_active": agent.is_active,
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
    }
