"""Conversations: over REST, and over the sockets on which they happen."""
