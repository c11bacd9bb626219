"""Makes `tests/mock_services/backend/contract.json` from the platform's observed contract: facts only, no wording.

    python tests/support/contract_facts.py platform-openapi.json platform-api.md > contract.json

The OpenAPI document gives paths, methods, parameters and bodies. What it leaves out stands in the tables of the page:
the statuses of refusals (first column the calls, last column the failures) and two successes that are not 200.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PREFIXES = {1: "", 2: "/api/crm", 3: "/api/calendar", 4: "/api/telephony", 5: "/api/conversations"}
"""Sections of the page whose tables have the form `| calls | … | failures |`, and what their paths begin with."""
SUCCESSES = {"GET /favicon.ico": 204, "GET /api/crm/email-tracking/click/{tracking_id}": 302}
FORM = {"type": "application/x-www-form-urlencoded", "fields": None}
FORMS = {f"POST /api/telephony/webhook/{name}": FORM for name in ("incoming-call", "call-status")}
"""Bodies that the document leaves out."""
UNLISTED = ("GET /docs", "GET /openapi.json", "GET /redoc")
"""Pages that the platform serves without listing them in its document."""
METHODS = "GET|POST|PUT|PATCH|DELETE"
CALLS = re.compile(rf"((?:{METHODS})(?:(?: ?[/,] ?| or )(?:{METHODS}))*) `(/[^`?]*)")


def main(openapi: Path, page: Path) -> None:
    """Write the facts to standard output."""
    document = json.loads(openapi.read_text(encoding="utf-8"))
    refusals = refused(page.read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    operations = {}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            name = f"{method.upper()} {path}"
            statuses = {SUCCESSES.get(name, 200), *refusals.get(nameless(name), ())}
            statuses |= {int(status) for status in described["responses"]} - {200}
            if "security" in described:
                statuses |= {401, 403}
            operations[name] = {
                "parameters": parameters(described),
                "body": FORMS.get(name) or body(described, schemas),
                "statuses": sorted(statuses),
            }
    facts = {"operations": dict(sorted(operations.items())), "unlisted": UNLISTED}
    lines = json.dumps(facts, indent=1, sort_keys=True)
    # One line an operation: what changes between two contracts is then seen at a glance.
    print(re.sub(r"\n {3,}", " ", lines).replace("\n  }", " }"))  # noqa: T201


def parameters(described: dict[str, Any]) -> dict[str, str]:
    """Give the parameters: `query page` or `path id`, and whether each is `required` or `optional`."""
    return {
        f"{each['in']} {each['name']}": "required" if each.get("required") else "optional"
        for each in described.get("parameters", ())
    }


def body(described: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any] | None:
    """Give the body's media type and its fields; None are those of an object that may have any."""
    content = described.get("requestBody", {}).get("content", {})
    for kind, each in content.items():
        schema = each["schema"]
        while "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        needed = set(schema.get("required", ()))
        fields = {name: "required" if name in needed else "optional" for name in schema.get("properties", {})}
        return {"type": kind, "fields": fields or None}
    return None


def refused(page: str) -> dict[str, set[int]]:
    """Give the statuses of refusals by operation, whose path has its parameters without their names."""
    found: dict[str, set[int]] = {}
    for calls, failures in rows(page):
        deepest = max(call.count("{}") for call in calls)
        for call in calls:
            statuses = {int(status) for status in re.findall(r"\b4\d\d\b", failures)}
            if len(calls) > 1:  # what is said of several calls holds for those that it can hold for
                statuses -= set() if call.count("{}") == deepest > 0 else {404}
                statuses -= set() if call.startswith(("POST", "PUT", "PATCH")) else {400}
            found.setdefault(call, set()).update(statuses)
    return found


def rows(page: str) -> Iterator[tuple[list[str], str]]:
    """Give the calls of each row of the tables, and its failures."""
    prefix = None
    for line in page.splitlines():
        if line.startswith("## "):
            number = re.match(r"## (\d+)\.", line)
            prefix = PREFIXES.get(int(number[1])) if number else None
        elif prefix is not None and line.startswith("| ") and line.count("|") > 3:
            cells = line.strip("|").split("|")
            calls = [
                nameless(f"{method} {prefix}{path}")
                for methods, path in CALLS.findall(cells[0])
                for method in re.findall(METHODS, methods)
            ]
            if calls:
                yield calls, cells[-1]


def nameless(operation: str) -> str:
    """Take the names out of an operation's parameters: the page and the document name them differently."""
    return re.sub(r"{\w+}", "{}", operation)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
