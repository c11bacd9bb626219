"""Section 7 of the contract: the pages that need no token."""

from __future__ import annotations

import httpx
import pytest

from mock_services.backend.app import Backend

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "status", "media_type"),
    [
        *((path, 200, "application/json") for path in ("/health", "/status", "/ping", "/", "/api", "/debug/routes")),
        ("/openapi.json", 200, "application/json"),
        ("/docs", 200, "text/html; charset=utf-8"),
        ("/redoc", 200, "text/html; charset=utf-8"),
        ("/robots.txt", 200, "text/plain; charset=utf-8"),
        ("/favicon.ico", 204, None),
    ],
)
async def test_each_page_is_open_to_all(
    client: httpx.AsyncClient, path: str, status: int, media_type: str | None
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers.get("content-type")) == (status, media_type)


async def test_the_lists_of_operations_are_whole(client: httpx.AsyncClient, backend: Backend) -> None:
    served = {(operation.path, operation.method) for operation in backend.operations}
    listed = (await client.get("/debug/routes")).json()
    assert {(each["path"], method) for each in listed["routes"] for method in each["methods"]} == served
    assert listed["total"] == len(served)
    page = (await client.get("/docs")).text
    assert all(f"<code>{operation.name}</code>" in page for operation in backend.operations)
