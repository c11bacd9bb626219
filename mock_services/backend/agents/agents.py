"""Agents: `/api/agents/`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.accounts.state import User
from mock_services.backend.agents.schemas import (
    AgentCreate,
    AgentPath,
    AgentUpdate,
    AgentView,
    AvailableAgents,
    agent_view,
)
from mock_services.backend.agents.state import AgentStore
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Message
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, Operation, json_response


class Agents:
    """The agent endpoints. A tenant changes its own agents only."""

    def __init__(self, agents: AgentStore, access: Access) -> None:
        self._agents = agents
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("agents", "/api/agents")
        active, admin = area.by(self._access.active), area.by(self._access.one_of(ORGANIZATION_ADMINS))
        return (
            active("GET", "/", self.all, gives=AvailableAgents),
            admin("POST", "/", self.create, body=AgentCreate, gives=AgentView),
            active("GET", "/{agent_id}", self.show, path_params=AgentPath, gives=AgentView, refuses=(404,)),
            admin(
                "PATCH",
                "/{agent_id}",
                self.update,
                path_params=AgentPath,
                body=AgentUpdate,
                gives=AgentView,
                refuses=(404,),
            ),
            admin("DELETE", "/{agent_id}", self.deactivate, path_params=AgentPath, gives=Message, refuses=(404,)),
        )

    async def all(self, exchange: Exchange) -> Response:
        """List the agents that the caller's tenant may use."""
        agents = self._agents.available(exchange.principal.tenant)
        return json_response({"agents": [agent_view(agent) for agent in agents]})

    async def create(self, exchange: Exchange) -> Response:
        """Add an agent of the caller's tenant."""
        user: User = exchange.principal
        return json_response(agent_view(self._agents.add(user.tenant, **exchange.body.model_dump())))

    async def show(self, exchange: Exchange) -> Response:
        """Show an agent."""
        return json_response(agent_view(self._agents.find(exchange.principal.tenant, exchange.path.agent_id)))

    async def update(self, exchange: Exchange) -> Response:
        """Change an agent."""
        agent = self._agents.to_change(exchange.principal, exchange.path.agent_id)
        for name, value in exchange.body.model_dump(exclude_none=True).items():
            setattr(agent, name, value)
        agent.updated_at = now()
        return json_response(agent_view(agent))

    async def deactivate(self, exchange: Exchange) -> Response:
        """Deactivate an agent; it stays, but is not listed any more."""
        agent = self._agents.to_change(exchange.principal, exchange.path.agent_id)
        agent.is_active = False
        agent.updated_at = now()
        return json_response({"message": "Agent deactivated successfully"})
