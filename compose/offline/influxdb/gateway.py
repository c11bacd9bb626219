"""The slice of InfluxDB 2's HTTP API that the lab uses, served in front of a real InfluxDB 1.x engine.

Debian packages InfluxDB 1.6, which has the same InfluxQL and line protocol but no `/api/v2`. This gateway adds what
`influxdb-client`, Grafana and `influx auth create` call, and answers errors as 2.x does. Standard library only: it
also runs in a container that holds nothing but Python and Debian's influxdb.

Two things are simpler than the real server: `/query` refuses a token without read permission with a plain 403, and a
statement that 2.x lacks (CREATE DATABASE, SELECT INTO, …) is recognised by its first words.
"""

from __future__ import annotations

import gzip
import http.client
import io
import json
import re
import sys
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from compose.offline.influxdb.influx2 import ApiError, Bucket, Grant, Influx2

VERSION = "v2.9.1+debian-1.6-engine"
MAX_BODY = 50_000_000
# What 2.x calls a precision and what 1.x calls it. 1.x reads "us" as ns and silently drops the points.
PRECISIONS = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}
ABSENT_IN_V2 = re.compile(
    r"(?:^|;)\s*(create|alter|grant|revoke|kill|set\s+password|drop\s+(?!measurement\b|series\b)\w+|select\b[^;]*\sinto)\b",
    re.IGNORECASE,
)

Answer = tuple[int, Any]


class Gateway(ThreadingHTTPServer):
    """Serves an `Influx2` on `address`; port 0 takes a free one, which `server_port` then tells."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], influx: Influx2) -> None:
        self.influx = influx
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a client that left before its answer, as a master does that is stopped; report anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Routes one request; each route is a method that returns (status, JSON or bytes or None)."""

    protocol_version = "HTTP/1.1"
    server_version = f"InfluxDB/{VERSION}"
    server: Gateway

    def log_message(self, format: str, *args: object) -> None:
        """A line for each write would drown the container's log."""

    def do_GET(self) -> None:
        """Routes a GET."""
        self._answer("GET")

    def do_HEAD(self) -> None:
        """Routes a HEAD, as the GET of the same path without its body."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Routes a POST."""
        self._answer("POST")

    def _answer(self, method: str) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = {name: values[-1] for name, values in urllib.parse.parse_qs(url.query).items()}
        routes: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", "/ping"): lambda: (204, None),
            ("GET", "/health"): lambda: self._health("pass"),
            ("GET", "/ready"): lambda: self._health("ready"),
            ("POST", "/api/v2/write"): lambda: self._write(query),
            ("GET", "/api/v2/buckets"): lambda: self._list_buckets(query),
            ("POST", "/api/v2/buckets"): self._create_bucket,
            ("GET", "/api/v2/orgs"): self._list_organisations,
            ("POST", "/api/v2/authorizations"): self._create_token,
            ("GET", "/query"): lambda: self._query(query),
            ("POST", "/query"): lambda: self._query(query),
        }
        try:
            self.body = self._read_body()
            status, content = routes.get((method, url.path), self._unknown_path)()
        except ApiError as error:
            status, content = error.status, error.body
        except (OSError, http.client.HTTPException) as error:
            status, content = 500, {"code": "internal error", "message": f"the engine does not answer: {error}"}
        self._send(status, content)

    def _unknown_path(self) -> Answer:
        raise ApiError(404, "not found", "path not found")

    def _send(self, status: int, content: Any) -> None:
        encoded = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("X-Influxdb-Build", "OSS")
        self.send_header("X-Influxdb-Version", VERSION)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(encoded)

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        too_large = ApiError(413, "request too large", f"points batch is too large: the limit is {MAX_BODY} bytes")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True  # what follows on it cannot be told from the next request
            raise too_large
        raw = self.rfile.read(int(length))
        if self.headers.get("Content-Encoding") != "gzip":
            return raw
        try:
            body = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_BODY + 1)
        except (OSError, EOFError) as error:
            raise ApiError(400, "invalid", f"body is not gzip: {error}") from error
        if len(body) > MAX_BODY:
            raise too_large
        return body

    def _grant(self, *, basic: bool = False) -> Grant:
        return self.server.influx.grant_of(self.headers.get("Authorization", ""), basic=basic)

    def _json(self) -> dict[str, Any]:
        try:
            content = json.loads(self.body)
        except ValueError as error:
            raise ApiError(400, "invalid", f"body is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise ApiError(400, "invalid", "body is not a JSON object")
        return content

    def _health(self, status: str) -> Answer:
        code, _ = self.server.influx.call("GET", "/ping")
        if code != http.client.NO_CONTENT:
            raise ApiError(503, "unavailable", f"the engine answered {code} to a ping")
        return 200, {
            "name": "influxdb",
            "message": "ready for queries and writes",
            "status": status,
            "checks": [],
            "version": VERSION,
        }

    def _write(self, query: dict[str, str]) -> Answer:
        influx, grant = self.server.influx, self._grant()
        org = query.get("org", query.get("orgID", ""))
        if org not in (influx.org, influx.org_id):
            raise ApiError(404, "not found", f'organization name "{org}" not found')
        bucket = influx.bucket(query.get("bucket", ""))
        if not grant.admin and bucket.id not in grant.write:
            raise ApiError(403, "forbidden", "insufficient permissions for write")
        precision = PRECISIONS.get(query.get("precision", "ns"))
        if precision is None:
            raise ApiError(400, "invalid", "invalid precision; valid precision units are ns, us, ms, and s")
        where = urllib.parse.urlencode({"db": bucket.database, "rp": bucket.policy, "precision": precision})
        status, answer = influx.call("POST", f"/write?{where}", self.body, "text/plain; charset=utf-8")
        if status == http.client.NO_CONTENT:
            return 204, None
        message = str(json.loads(answer).get("error", answer)) if answer else f"the engine answered {status}"
        if message.startswith(("partial write", "field type conflict")):
            raise ApiError(422, "unprocessable entity", f"failure writing points to database: {message}")
        if status == http.client.BAD_REQUEST:
            raise ApiError(400, "invalid", message)
        raise ApiError(500, "internal error", message)

    def _query(self, query: dict[str, str]) -> Answer:
        influx, grant = self.server.influx, self._grant(basic=True)
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            form = urllib.parse.parse_qs(self.body.decode("utf-8", "replace"))
            query |= {name: values[-1] for name, values in form.items()}
        if absent := ABSENT_IN_V2.search(query.get("q", "")):
            words = " ".join(absent[1].split()[:2]).upper()
            return 200, {"results": [{"statement_id": 0, "error": f"not implemented: {words}"}]}
        readable = {b.database for b in influx.buckets.values() if grant.admin or b.id in grant.read}
        if not readable or ("db" in query and query["db"] not in readable):
            raise ApiError(403, "forbidden", "insufficient permissions for read")
        passed = {name: value for name, value in query.items() if name in ("q", "db", "rp", "epoch", "pretty")}
        form_type = "application/x-www-form-urlencoded"
        return influx.call("POST", "/query", urllib.parse.urlencode(passed).encode(), form_type)

    def _list_buckets(self, query: dict[str, str]) -> Answer:
        self._grant()
        name = query.get("name")
        found = [b for b in self.server.influx.buckets.values() if name in (None, b.name)]
        return 200, {"buckets": [self._bucket_json(bucket) for bucket in found]}

    def _list_organisations(self) -> Answer:
        self._grant()
        return 200, {"orgs": [{"id": self.server.influx.org_id, "name": self.server.influx.org}]}

    def _create_bucket(self) -> Answer:
        if not self._grant().admin:
            raise ApiError(401, "unauthorized", "write:orgs is unauthorized")
        content = self._json()
        name, rules = content.get("name"), content.get("retentionRules") or [{}]
        if not isinstance(name, str) or not name:
            raise ApiError(400, "invalid", "bucket name is required")
        seconds = rules[0].get("everySeconds", 0)
        return 201, self._bucket_json(self.server.influx.create_bucket(name, int(seconds)))

    def _bucket_json(self, bucket: Bucket) -> dict[str, Any]:
        return {
            "id": bucket.id,
            "orgID": self.server.influx.org_id,
            "type": "user",
            "name": bucket.name,
            "retentionRules": [{"type": "expire", "everySeconds": bucket.retention_seconds}],
        }

    def _create_token(self) -> Answer:
        if not self._grant().admin:
            raise ApiError(401, "unauthorized", "write:authorizations is unauthorized")
        content = self._json()
        allowed: dict[str, list[str]] = {"read": [], "write": []}
        for permission in content.get("permissions", []):
            resource = permission.get("resource", {})
            if permission.get("action") not in allowed or resource.get("type") != "buckets" or "id" not in resource:
                raise ApiError(400, "invalid", "a permission here is read or write on one bucket by its id")
            allowed[permission["action"]].append(resource["id"])
        token, grant = self.server.influx.create_token(str(content.get("description", "")), **allowed)
        return 201, {"id": grant.id, "token": token, "status": "active", "description": grant.description}
