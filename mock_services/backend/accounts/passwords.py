"""Password hashes. bcrypt runs inside the event loop, as on the platform: while it does, nothing else is served."""

from __future__ import annotations

import bcrypt

BCRYPT_BYTES = 72  # bcrypt never looked further; its library now wants to be told so


def hash_password(password: str, rounds: int) -> bytes:
    """Hash a password with 2 to the power of `rounds` iterations."""
    return bcrypt.hashpw(password.encode()[:BCRYPT_BYTES], bcrypt.gensalt(rounds))


def password_fits(password: str, password_hash: bytes) -> bool:
    """Say whether a password is the one that was hashed."""
    return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], password_hash)
