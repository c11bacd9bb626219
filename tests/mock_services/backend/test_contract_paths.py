"""The backend's OpenAPI document holds all that the platform's contract holds, and marks what it adds.

`contract.json` is made by `tests/support/contract_facts.py`. A load test can reach every operation in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import SECRET

CONTRACT = json.loads(Path(__file__).with_name("contract.json").read_text(encoding="utf-8"))
EXTENSION = "x-lab-extension"

Document = dict[str, Any]


@pytest.fixture(params=[True, False], ids=["with extensions", "the platform alone"])
def document(request: pytest.FixtureRequest) -> Document:
    backend = Backend(Settings(bcrypt_rounds=4, jwt_secret=SECRET, extensions=request.param))
    return asyncio.run(served_by(backend))


async def served_by(backend: Backend) -> Document:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        served: Document = (await client.get("/openapi.json")).json()
    return served


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield f"{method.upper()} {path}", described


def both(document: Document) -> Iterator[tuple[str, Document, Document]]:
    """Give each operation that both have: its name, the contract's facts, the backend's own description."""
    served = dict(operations(document))
    for name, facts in CONTRACT["operations"].items():
        if name in served:
            yield name, facts, served[name]


def differences(wanted: dict[str, str], served: dict[str, tuple[str, bool]]) -> list[str]:
    """Name what is missing, what is of another mind about being required, and what is extra without being marked."""
    found = [f"{name} is missing" for name in wanted.keys() - served.keys()]
    found += [f"{name} is extra" for name, (_, marked) in served.items() if name not in wanted and not marked]
    found += [
        f"{name} is {served[name][0]}, not {need}"
        for name, need in wanted.items()
        if name in served and served[name][0] != need
    ]
    return sorted(found)


def need(required: object) -> str:
    return "required" if required else "optional"


def test_no_operation_is_missing_and_none_is_extra_without_a_mark(document: Document) -> None:
    served = dict(operations(document))
    missing = CONTRACT["operations"].keys() - served.keys() | {*CONTRACT["unlisted"]} - served.keys()
    known = {*CONTRACT["operations"], *CONTRACT["unlisted"]}
    extra = {name for name, described in served.items() if name not in known and EXTENSION not in described}
    assert (sorted(missing), sorted(extra)) == ([], [])
    assert not [name for name in known & served.keys() if EXTENSION in served[name]]


def test_parameters_are_the_platforms(document: Document) -> None:
    found = {
        name: differences(
            facts["parameters"],
            {
                f"{each['in']} {each['name']}": (need(each["required"]), EXTENSION in each["schema"])
                for each in described["parameters"]
            },
        )
        for name, facts, described in both(document)
    }
    assert {name: each for name, each in found.items() if each} == {}


def test_bodies_have_the_platforms_fields(document: Document) -> None:
    schemas = document["components"]["schemas"]
    found = {}
    for name, facts, described in both(document):
        content = described.get("requestBody", {}).get("content", {})
        wanted = facts["body"]
        if wanted is None or not content:
            found[name] = [] if (wanted is None) is (not content) else ["one has a body and the other has none"]
            continue
        ((kind, body),) = content.items()
        schema = body["schema"]
        while "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        fields = {
            field: (need(field in schema.get("required", ())), EXTENSION in each)
            for field, each in schema.get("properties", {}).items()
        }
        found[name] = [] if wanted["fields"] is None else differences(wanted["fields"], fields)
        if kind != wanted["type"]:
            found[name].append(f"it is {kind}, not {wanted['type']}")
    assert {name: each for name, each in found.items() if each} == {}


def test_statuses_are_documented(document: Document) -> None:
    """The backend may document more refusals than the contract names; of successes it has exactly the contract's."""
    found = {}
    for name, facts, described in both(document):
        wanted, served = set(facts["statuses"]), {int(status) for status in described["responses"]}
        odd = sorted(wanted - served) + sorted(status for status in served - wanted if status < 400)
        if odd:
            found[name] = odd
    assert found == {}


def test_extensions_are_served_only_where_they_are_wanted(document: Document, request: pytest.FixtureRequest) -> None:
    wanted = "with extensions" in request.node.name
    assert (EXTENSION in json.dumps(document)) is wanted
