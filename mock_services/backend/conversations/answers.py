"""An agent's answer to a message: one chat completion chooses the agent, one response is what it says."""

from __future__ import annotations

import logging
from typing import Final

from mock_services.backend.agents.state import MODERATOR, Agent, AgentStore
from mock_services.backend.conversations.state import Conversation
from mock_services.backend.vendors.openai import OpenAI, OpenAIFailed, Said

log = logging.getLogger(__name__)

REMEMBERED: Final = 20  # messages of the conversation that the agent is told
LONGEST_TOLD: Final = 4_000  # characters of each
SELECTION: Final = """\
Select the agent who answers the user's message best. The agents are:
{agents}
Answer with the name of one agent in capital letters, and nothing else."""
INSTRUCTIONS: Final = """\
You are part of the team of {organization}, a cemetery and funeral home, and write with its customers and staff.
Your field: {field}.
Be calm, warm and brief. Say what you know for certain, ask for what you need, and offer a call by a person where you \
cannot help. Do not name a price, a date or a law that you are not sure of."""


class Answers:
    """Asks OpenAI for an agent's words. That it cannot be asked is what the agent then says."""

    def __init__(self, agents: AgentStore, openai: OpenAI) -> None:
        self._agents = agents
        self._openai = openai

    async def to(self, conversation: Conversation, content: str, run_id: str) -> tuple[str, str]:
        """Answer the last message of a conversation; give the agent's type and its words."""
        agents = {agent.agent_type: agent for agent in self._agents.available(conversation.owner.tenant)}
        chosen = await self._choose(agents, content, run_id)
        organization = conversation.owner.tenant.name
        field = agents[chosen].description or agents[chosen].name if chosen in agents else "whatever is asked"
        instructions = INSTRUCTIONS.format(organization=organization, field=field)
        try:
            words = await self._openai.respond(instructions, _told(conversation, content), run_id=run_id)
        except OpenAIFailed as failure:
            log.info("an agent has no answer in conversation %s: %s", conversation.id, failure)
            words = f"I encountered an error: {failure}"
        return chosen, words

    async def _choose(self, agents: dict[str, Agent], content: str, run_id: str) -> str:
        lines = "\n".join(f"{name}: {agent.description or agent.name}" for name, agent in agents.items())
        question = [Said("system", SELECTION.format(agents=lines)), Said("user", content[:LONGEST_TOLD])]
        try:
            answer = await self._openai.complete(question, run_id=run_id)
        except OpenAIFailed as failure:
            log.info("no agent can be chosen, so that %s answers: %s", MODERATOR, failure)
            return MODERATOR
        chosen = answer.strip().strip(".\"'").upper()
        return chosen if chosen in agents else MODERATOR


def _told(conversation: Conversation, content: str) -> list[Said]:
    newest = list(conversation.messages.values())[-REMEMBERED:]
    told = [
        Said("assistant" if message.agent_type else "user", message.content[:LONGEST_TOLD])
        for message in newest
        if message.content
    ]
    return told or [Said("user", content[:LONGEST_TOLD])]
