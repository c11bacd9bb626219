"""Organisations, users, logins and tokens: who may do what."""
