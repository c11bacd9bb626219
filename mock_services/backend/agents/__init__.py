"""The agents that take part in conversations."""
