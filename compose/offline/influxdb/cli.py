"""The commands of InfluxDB's `influx` that the lab calls: `ping`, `bucket create` and `auth create`."""

# ruff: noqa: T201 - a command speaks by printing

from __future__ import annotations

import argparse
import json
import os
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from compose.offline.influxdb.retention import seconds_of


def profile() -> dict[str, str]:
    """The active profile (url, token, org) of `INFLUX_CONFIGS_PATH`; empty when there is none yet."""
    path = Path(os.environ.get("INFLUX_CONFIGS_PATH", "/etc/influxdb2/influx-configs"))
    if not path.exists():
        return {}
    profiles: dict[str, dict[str, str]] = tomllib.loads(path.read_text())
    return profiles["default"]


def call(host: str, path: str, token: str = "", content: dict[str, Any] | None = None) -> Any:
    """One call of the API: its JSON, or None for an empty answer."""
    body = None if content is None else json.dumps(content).encode()
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(host + path, body, headers)  # noqa: S310 - the host is the user's own choice
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


def main(arguments: list[str] | None = None) -> int:
    """Runs `influx` with these arguments; its exit code."""
    saved = profile()
    host = os.environ.get("INFLUX_HOST", saved.get("url", "http://localhost:8086"))
    parser = argparse.ArgumentParser(prog="influx", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ping")
    create = commands.add_parser("auth").add_subparsers(dest="auth", required=True).add_parser("create")
    create.add_argument("--org", "-o", default=saved.get("org"))
    create.add_argument("--description", "-d", default="")
    create.add_argument("--read-bucket", action="append", default=[])
    create.add_argument("--write-bucket", action="append", default=[])
    create.add_argument("--json", action="store_true", required=True)
    make = commands.add_parser("bucket").add_subparsers(dest="bucket", required=True).add_parser("create")
    make.add_argument("--org", "-o", default=saved.get("org"))
    make.add_argument("--name", "-n", required=True)
    make.add_argument("--retention", "-r", type=seconds_of, default=0)
    make.add_argument("--json", action="store_true", required=True)
    options = parser.parse_args(arguments)
    try:
        if options.command == "ping":
            call(host, "/health")
            print("OK")
            return 0
        token = os.environ.get("INFLUX_TOKEN", saved.get("token", ""))
        if options.command == "bucket":
            rules = [{"type": "expire", "everySeconds": options.retention}]
            bucket = {"org": options.org, "name": options.name, "retentionRules": rules}
            print(json.dumps(call(host, "/api/v2/buckets", token, bucket), indent="\t"))
            return 0
        permissions = [
            {"action": action, "resource": {"type": "buckets", "id": bucket}}
            for action, buckets in (("read", options.read_bucket), ("write", options.write_bucket))
            for bucket in buckets
        ]
        wish = {"org": options.org, "description": options.description, "permissions": permissions}
        print(json.dumps(call(host, "/api/v2/authorizations", token, wish), indent="\t"))
    except urllib.error.HTTPError as error:
        print(f"Error: {error.read().decode()}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Error: {host} does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
