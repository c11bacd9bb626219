"""A service answers through its chain: unknown paths, bad input, refusals, crashes, journal and admin API."""

import logging
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field
from starlette.responses import Response

from mock_services.core.operations import Exchange, Operation, ServiceError, json_response
from mock_services.core.service import Service


class Refused(ServiceError):
    status = 403


class Item(BaseModel):
    name: str
    size: int = 1


class Filter(BaseModel):
    page: int = 1


class Errors:
    def not_found(self, exchange: Exchange) -> Response:
        return json_response({"error": "not found"}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        return json_response({"error": "method", "allowed": allowed}, 405)

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        return json_response([".".join(map(str, error["loc"])) for error in errors], 422)

    def unhandled(self, exchange: Exchange) -> Response:
        return json_response({"error": "crash"}, 500)

    def failing(self, status: int) -> Response:
        return json_response({"error": "failing"}, status)


async def make(exchange: Exchange) -> Response:
    return json_response({"name": exchange.body.name, "page": exchange.query.page})


async def repeat(exchange: Exchange) -> Response:
    return json_response(exchange.body)


async def refuse(exchange: Exchange) -> Response:
    raise Refused("not yours")


async def crash(exchange: Exchange) -> Response:
    raise KeyError("a defect")


def service() -> Service:
    return Service(
        "example",
        [
            Operation(method="POST", path="/items", handler=make, body=Item, query=Filter),
            Operation(method="PUT", path="/items", handler=repeat, body=dict[str, int] | None),
            Operation(method="GET", path="/refused", handler=refuse),
            Operation(method="GET", path="/crash", handler=crash),
        ],
        Errors(),
    )


def client(app: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example")


@pytest.mark.anyio
async def test_a_fitting_request_reaches_its_handler() -> None:
    async with client(service()) as http:
        answer = await http.post("/items?page=3", json={"name": "urn"})
    assert (answer.status_code, answer.json()) == (200, {"name": "urn", "page": 3})


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "content", "places"),
    [
        ("/items", b'{"size": "big"}', ["body.name", "body.size"]),
        ("/items?page=x", b"{}", ["query.page", "body.name"]),
        ("/items", b"", ["body"]),
        ("/items", b"{", ["body"]),
        ("/items", b"[" * 100_000, ["body"]),
    ],
)
async def test_what_does_not_fit_is_named_by_place(path: str, content: bytes, places: list[str]) -> None:
    async with client(service()) as http:
        answer = await http.post(path, content=content)
    assert (answer.status_code, answer.json()) == (422, places)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("content", "status", "body"),
    [(b"", 200, None), (b"null", 200, None), (b'{"a": 1}', 200, {"a": 1}), (b'{"a": "x"}', 422, ["body.a"])],
)
async def test_a_body_that_may_be_null_may_be_absent(content: bytes, status: int, body: Any) -> None:
    async with client(service()) as http:
        answer = await http.put("/items", content=content)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.anyio
async def test_unknown_paths_and_methods_are_refused_in_the_services_words() -> None:
    async with client(service()) as http:
        assert (await http.get("/nowhere")).json() == {"error": "not found"}
        assert (await http.get("/items")).json() == {"error": "method", "allowed": ["POST", "PUT"]}
        assert (await http.get("/refused")).json() == {"detail": "not yours"}


@pytest.mark.anyio
async def test_a_defect_is_a_500_with_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with client(service()) as http:
            answer = await http.get("/crash")
    assert answer.status_code == 500
    assert "a defect" in caplog.text


@pytest.mark.anyio
async def test_the_journal_counts_everything_and_keeps_the_newest() -> None:
    app = service()
    async with client(app) as http:
        for number in range(3):
            await http.post("/items", json={"name": f"urn {number}"}, headers={"X-Lab-Run-Id": f"run-{number}"})
        await http.get("/nowhere")
        journal = (await http.get("/__lab/journal", params={"run_id": "run-1"})).json()
    assert journal["totals"] == {"POST /items": {"200": 3}, "unknown": {"404": 1}}
    assert [entry["body"] for entry in journal["entries"]] == ['{"name":"urn 1"}']


@pytest.mark.anyio
async def test_reset_forgets_the_journal() -> None:
    app = service()
    async with client(app) as http:
        await http.get("/nowhere")
        await http.post("/__lab/reset")
        assert (await http.get("/__lab/journal")).json()["totals"] == {}


@pytest.mark.anyio
@pytest.mark.parametrize("limit", ["0", "-1", "many", "1001"])
async def test_a_bad_limit_is_refused_with_what_it_takes(limit: str) -> None:
    async with client(service()) as http:
        answer = await http.get("/__lab/journal", params={"limit": limit})
    assert answer.status_code == 400
    assert limit in answer.json()["detail"]
    assert "1 to 1000" in answer.json()["detail"]


class Wording(Errors):
    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        return json_response([[error["type"], error["input"], error.get("ctx")] for error in errors], 422)


class Narrow(BaseModel):
    size: int = Field(le=5)


@pytest.mark.anyio
async def test_a_service_may_quote_the_input_and_its_bounds() -> None:
    app = Service("example", [Operation(method="POST", path="/items", handler=crash, body=Narrow)], Wording())
    async with client(app) as http:
        assert (await http.post("/items", json={"size": 9})).json() == [["less_than_equal", 9, {"le": 5}]]
        assert (await http.post("/items", json={"colour": 9})).json() == [["missing", {"colour": 9}, None]]
