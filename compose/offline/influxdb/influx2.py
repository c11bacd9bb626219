"""What an InfluxDB 2 knows beside its points (organisation, buckets, tokens), over an InfluxDB 1.x engine."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import threading
import urllib.parse
from dataclasses import asdict, dataclass, field
from pathlib import Path

DAY = 86_400


class ApiError(Exception):
    """An answer of InfluxDB 2 that is not a success: its HTTP status, its `code` and its `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message}


@dataclass
class Grant:
    """What one token may do: everything (`admin`), or read and write the named bucket ids."""

    id: str
    description: str = ""
    admin: bool = False
    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)


@dataclass
class Bucket:
    """A bucket `db` or `db/rp`: database `db`, retention policy `autogen` or `rp`."""

    id: str
    name: str
    retention_seconds: int = 0

    @property
    def database(self) -> str:
        """The 1.x database that holds the bucket."""
        return self.name.partition("/")[0]

    @property
    def policy(self) -> str:
        """The 1.x retention policy that holds the bucket."""
        return self.name.partition("/")[2] or "autogen"


def new_id() -> str:
    """An id as InfluxDB 2 makes them: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def shard_duration(retention_seconds: int) -> str:
    """The shard duration that InfluxDB itself gives a bucket with this retention (0: for ever).

    It is always named, since that of a new database (7 days) may not exceed a short retention.
    """
    if 0 < retention_seconds < 2 * DAY:
        return "1h"
    return "1d" if 0 < retention_seconds <= 180 * DAY else "7d"


class Influx2:
    """Organisation, buckets and tokens of one InfluxDB 2, kept over an InfluxDB 1.x at `host:port`.

    `state` is a JSON file that keeps them over a restart; None keeps them in memory.
    """

    def __init__(self, host: str, port: int, state: Path | None = None) -> None:
        self.upstream = (host, port)
        self.state = state
        self.lock = threading.RLock()
        self.org, self.org_id = "", ""
        self.buckets: dict[str, Bucket] = {}
        self.tokens: dict[str, Grant] = {}
        if state and state.exists():
            saved = json.loads(state.read_text())
            self.org, self.org_id = saved["org"], saved["org_id"]
            self.buckets = {name: Bucket(**bucket) for name, bucket in saved["buckets"].items()}
            self.tokens = {token: Grant(**grant) for token, grant in saved["tokens"].items()}

    def setup(self, org: str, bucket: str, token: str, retention_seconds: int = 0) -> None:
        """Does what `influx setup` does: one organisation, its first bucket and an operator token."""
        with self.lock:
            self.org, self.org_id = org, new_id()
            self.tokens[token] = Grant(id=new_id(), description="operator", admin=True)
            self.create_bucket(bucket, retention_seconds)

    def create_bucket(self, name: str, retention_seconds: int = 0) -> Bucket:
        """Makes a bucket and the database and retention policy behind it; 422 if there is one of that name."""
        with self.lock:
            if name in self.buckets:
                raise ApiError(422, "conflict", f"bucket with name {name} already exists")
            bucket = Bucket(new_id(), name, retention_seconds)
            duration = f"{retention_seconds}s" if retention_seconds else "INF"
            policy = f'"{bucket.policy}" ON "{bucket.database}" DURATION {duration} REPLICATION 1'
            self.statement(f'CREATE DATABASE "{bucket.database}"')
            verb = "ALTER" if bucket.policy == "autogen" else "CREATE"
            self.statement(f"{verb} RETENTION POLICY {policy} SHARD DURATION {shard_duration(retention_seconds)}")
            self.buckets[name] = bucket
            self._save()
            return bucket

    def create_token(self, description: str, read: list[str], write: list[str]) -> tuple[str, Grant]:
        """Makes a token that may read and write the buckets with these ids."""
        with self.lock:
            known = {bucket.id for bucket in self.buckets.values()}
            if unknown := sorted({*read, *write} - known):
                raise ApiError(404, "not found", f"bucket {unknown[0]} not found")
            token = base64.urlsafe_b64encode(secrets.token_bytes(64)).decode()
            grant = Grant(new_id(), description, read=read, write=write)
            self.tokens[token] = grant
            self._save()
            return token, grant

    def grant_of(self, authorization: str, *, basic: bool = False) -> Grant:
        """Who an `Authorization` header speaks for; `basic` also takes Basic with the token as password."""
        scheme, _, value = authorization.partition(" ")
        token = value.strip() if scheme == "Token" else ""
        if basic and scheme == "Basic":
            try:
                token = base64.b64decode(value, validate=True).decode().partition(":")[2]
            except ValueError:  # not base64, or not UTF-8: as unauthorised as no token
                token = ""
        if grant := self.tokens.get(token):
            return grant
        raise ApiError(401, "unauthorized", "unauthorized access")

    def bucket(self, name_or_id: str) -> Bucket:
        """The bucket of that name or id; 404 if there is none."""
        for bucket in self.buckets.values():
            if name_or_id in (bucket.name, bucket.id):
                return bucket
        raise ApiError(404, "not found", f'bucket "{name_or_id}" not found')

    def statement(self, query: str) -> None:
        """Runs one InfluxQL statement on the engine for its effect; raises what the engine says went wrong."""
        status, answer = self.call("POST", "/query?" + urllib.parse.urlencode({"q": query}))
        result = json.loads(answer)
        error = result.get("error") or next((one["error"] for one in result["results"] if "error" in one), None)
        if error:
            raise ApiError(500, "internal error", f"{query}: {error} ({status})")

    def call(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> tuple[int, bytes]:
        """One request to the engine: its status and body."""
        connection = http.client.HTTPConnection(*self.upstream, timeout=60)
        try:
            connection.request(method, path, body or None, {"Content-Type": content_type} if content_type else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _save(self) -> None:
        if self.state is None:
            return
        saved = {
            "org": self.org,
            "org_id": self.org_id,
            "buckets": {name: asdict(bucket) for name, bucket in self.buckets.items()},
            "tokens": {token: asdict(grant) for token, grant in self.tokens.items()},
        }
        fresh = self.state.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(saved))
        fresh.replace(self.state)
