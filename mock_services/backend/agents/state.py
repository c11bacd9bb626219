"""The table of agents: those that come with the platform, free for all, and those that a tenant made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mock_services.backend.accounts.state import Tenant, User
from mock_services.backend.errors import AccessDenied, BadRequest, ResourceNotFound
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.randomness import Randomness

MODERATOR = "MODERATOR"
BUILT_IN: tuple[tuple[str, str, str], ...] = (
    (MODERATOR, "Moderator", "Receives every matter and hands it to whoever knows most of it"),
    ("ASSISTANT", "Assistant", "Answers general questions about the house and its services"),
    ("GRIEF_SUPPORT", "Grief support", "Listens to the bereaved and names people who can help"),
    ("FUNERAL_PLANNING", "Funeral planning", "Goes through what a funeral needs, and in which order"),
    ("MEMORIAL_SERVICE", "Memorial service", "Helps to arrange a service, its music and its speakers"),
    ("CEREMONIES", "Ceremonies", "Knows the customs of faiths and of people without one"),
    ("CREMATION", "Cremation", "Explains cremation, urns and what happens when"),
    ("BURIAL", "Burial", "Explains burials, coffins and the rules of the grounds"),
    ("PLOTS", "Plots", "Knows which plots are free and how two can lie side by side"),
    ("MONUMENTS", "Monuments", "Helps to choose a stone and its inscription"),
    ("FLOWERS", "Flowers", "Takes orders for flowers and for the upkeep of a grave"),
    ("OBITUARY", "Obituary", "Helps to write an obituary"),
    ("GENEALOGY", "Genealogy", "Finds graves and family ties in the registers"),
    ("RECORDS", "Records", "Knows the registers, certificates and who may have a copy"),
    ("REGULATIONS", "Regulations", "Knows the rules of the grounds and of the authorities"),
    ("ESTATE", "Estate", "Explains which papers the family of a deceased needs"),
    ("PRE_NEED", "Arrangements in advance", "Helps people to arrange their own funeral"),
    ("VETERANS", "Veterans", "Knows the honours and benefits for veterans"),
    ("PRICES", "Prices", "Names what things cost in general terms"),
    ("BILLING", "Billing", "Answers questions about bills and payments by instalment"),
    ("SCHEDULING", "Scheduling", "Finds a day for a visit, a meeting or a service"),
    ("INVENTORY", "Inventory", "Knows what is in store: coffins, urns, vases"),
    ("GROUNDS", "Grounds", "Knows the paths, gates, gardens and who looks after them"),
    ("TRANSPORT", "Transport", "Arranges transfers, hearses and cars for the family"),
    ("TRANSLATION", "Translation", "Speaks with people in their own language"),
    ("COMPLAINTS", "Complaints", "Takes complaints and sees that somebody answers them"),
)


@dataclass(slots=True, eq=False)
class Agent:
    """An agent. `owner` is the tenant that made it; None for those that come with the platform."""

    id: uuid.UUID
    agent_type: str
    name: str
    description: str | None
    is_free_agent: bool
    owner: Tenant | None
    configuration_template: dict[str, Any] | None
    capabilities: list[str] | None
    created_at: datetime
    updated_at: datetime | None = None
    is_enabled: bool = True
    is_active: bool = True


class AgentStore:
    """All agents, by id and by type."""

    def __init__(self, rows: Rows, randomness: Randomness) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self.clear()

    def clear(self) -> None:
        """Forget every agent but those that come with the platform, which get new ids."""
        self._agents: dict[uuid.UUID, Agent] = {}
        self._types: set[str] = set()
        for agent_type, name, description in BUILT_IN:
            self._add(Agent(self._ids.new("agents"), agent_type, name, description, True, None, {}, [], now()))

    def add(
        self,
        owner: Tenant,
        *,
        agent_type: str,
        name: str,
        description: str | None,
        is_free_agent: bool,
        configuration_template: dict[str, Any] | None,
        capabilities: list[str] | None,
    ) -> Agent:
        """Add a tenant's agent; raise `BadRequest` if there is one of this type, whoever made it."""
        if agent_type in self._types:
            raise BadRequest(f"there is an agent of the type {agent_type!r}")
        self._rows.take()
        agent = Agent(
            self._ids.new("agents"),
            agent_type,
            name,
            description,
            is_free_agent,
            owner,
            configuration_template,
            capabilities,
            now(),
        )
        self._add(agent)
        return agent

    def available(self, tenant: Tenant) -> list[Agent]:
        """Give the active agents that a tenant may use: its own and the free ones."""
        return [agent for agent in self._agents.values() if agent.is_active and _may_use(tenant, agent)]

    def find(self, tenant: Tenant, agent_id: uuid.UUID) -> Agent:
        """Find an agent that a tenant may use, active or not; raise `ResourceNotFound`."""
        agent = self._agents.get(agent_id)
        if agent is None or not _may_use(tenant, agent):
            raise ResourceNotFound(f"the tenant has no agent {agent_id}")
        return agent

    def to_change(self, user: User, agent_id: uuid.UUID) -> Agent:
        """Find an agent that a user may change; raise `ResourceNotFound` or `AccessDenied`."""
        if user.role == "super_admin" and agent_id in self._agents:
            return self._agents[agent_id]
        agent = self.find(user.tenant, agent_id)
        if agent.owner is not user.tenant:
            raise AccessDenied(f"agent {agent_id} belongs to another")
        return agent

    def _add(self, agent: Agent) -> None:
        self._agents[agent.id] = agent
        self._types.add(agent.agent_type)


def _may_use(tenant: Tenant, agent: Agent) -> bool:
    return agent.is_free_agent or agent.owner is tenant
