"""Forms are read as they were sent, however they are cut, and a broken one is refused in a sentence."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.responses import Response

from mock_services.core.forms import MAX_PARTS, File, FormError, Upload, read_form
from mock_services.core.openapi import document
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.service import Service

BOUNDARY = "multipart/form-data; boundary=x"
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), min_size=1)


def part(disposition: str, content: str) -> str:
    return f"--x\r\nContent-Disposition: {disposition}\r\n\r\n{content}\r\n"


@given(
    fields=st.dictionaries(NAMES, st.text(), max_size=5),
    files=st.dictionaries(NAMES, st.tuples(NAMES, st.binary()), min_size=1, max_size=5),
)
def test_what_a_client_sends_is_what_is_read(fields: dict[str, str], files: dict[str, tuple[str, bytes]]) -> None:
    request = httpx.Request("POST", "http://example", data=fields, files=files)
    expected: dict[str, Any] = {**fields, **{name: Upload(*each) for name, each in files.items()}}
    assert read_form(request.headers["content-type"], request.read()) == expected


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "", "text/plain"])
def test_any_other_type_is_read_as_url_encoded(kind: str) -> None:
    assert read_form(kind, b"a=1&b=%C3%A9&a=2&c=&d") == {"a": "2", "b": "é", "c": "", "d": ""}


@given(st.binary(max_size=300), st.binary(max_size=50))
def test_no_body_and_no_part_is_anything_but_read_or_refused(body: bytes, head: bytes) -> None:
    for content in (body, b"--x\r\n" + head + b"\r\n\r\n" + body + b"\r\n--x--\r\n"):
        try:
            read_form(BOUNDARY, content)
        except FormError as refused:
            assert str(refused)


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("multipart/form-data", "", "names no boundary"),
        (BOUNDARY, "nonsense", "boundary"),
        (BOUNDARY, part("form-data", "1") + "--x--\r\n", "names no field"),
        (BOUNDARY, part('form-data; name="a"', "1") * (MAX_PARTS + 1), "more than 1000 parts"),
    ],
)
def test_a_broken_form_is_refused_with_its_reason(kind: str, body: str, why: str) -> None:
    with pytest.raises(FormError, match=why):
        read_form(kind, body.encode())


class Letter(BaseModel):
    file: File
    copies: int = 1


class Note(BaseModel):
    text: str


class Errors:
    def not_found(self, exchange: Exchange) -> Response:
        raise NotImplementedError

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        raise NotImplementedError

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        return json_response([".".join(map(str, error["loc"])) for error in errors], 422)

    def unhandled(self, exchange: Exchange) -> Response:
        return json_response({}, 500)

    def failing(self, status: int) -> Response:
        return json_response({"error": "failing"}, status)


async def answer(exchange: Exchange) -> Response:
    return json_response([exchange.body.file.filename, exchange.body.file.content.decode(), exchange.body.copies])


OPERATIONS = [
    Operation(method="POST", path="/letters", handler=answer, body=Letter, form=True),
    Operation(method="POST", path="/notes", handler=answer, body=Note, form=True),
]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("parts", "status", "content"),
    [
        ({"files": {"file": ("a.txt", b"hi")}, "data": {"copies": "2"}}, 200, ["a.txt", "hi", 2]),
        ({"data": {"file": "hi"}}, 422, ["body.file"]),
        ({"files": {"other": b"hi"}, "data": {"copies": "x"}}, 422, ["body.file", "body.copies"]),
        ({"json": {"file": "hi"}}, 422, ["body.file"]),
        ({"content": b"hi", "headers": {"content-type": BOUNDARY}}, 422, ["body"]),
    ],
)
async def test_a_service_takes_files(parts: dict[str, Any], status: int, content: list[Any]) -> None:
    transport = httpx.ASGITransport(Service("example", OPERATIONS, Errors()))
    async with httpx.AsyncClient(transport=transport, base_url="http://example") as http:
        given = await http.post("/letters", **parts)
    assert (given.status_code, given.json()) == (status, content)


def test_a_form_with_a_file_is_documented_as_multipart() -> None:
    paths = document("example", "1", OPERATIONS)["paths"]
    kinds = {path: list(each["post"]["requestBody"]["content"]) for path, each in paths.items()}
    assert kinds == {"/letters": ["multipart/form-data"], "/notes": ["application/x-www-form-urlencoded"]}
