"""A double's OpenAPI document says what it serves, and what of that the lab has added."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model
from starlette.responses import Response

from mock_services.core.openapi import EXTENSION, document
from mock_services.core.operations import Exchange, Operation


class Event(BaseModel):
    title: str
    rule: str | None = Field(default=None, json_schema_extra=EXTENSION)


async def answer(exchange: Exchange) -> Response:
    return Response()


def described(*operations: Operation) -> dict[str, Any]:
    return document("example", "1", operations)


def test_what_the_lab_adds_is_marked_and_nothing_else() -> None:
    paths = described(
        Operation(method="GET", path="/events", handler=answer),
        Operation(method="PATCH", path="/events", handler=answer, extension=True),
    )["paths"]
    assert paths["/events"]["patch"]["x-lab-extension"] is True
    assert "x-lab-extension" not in paths["/events"]["get"]


def test_a_field_that_the_lab_adds_is_marked_in_its_schema() -> None:
    whole = described(Operation(method="POST", path="/events", handler=answer, body=Event))
    properties = whole["components"]["schemas"]["Event"]["properties"]
    assert properties["rule"]["x-lab-extension"] is True
    assert "x-lab-extension" not in properties["title"]


def test_a_body_is_required_unless_it_may_be_null() -> None:
    methods = described(
        Operation(method="POST", path="/events", handler=answer, body=Event),
        Operation(method="PUT", path="/events", handler=answer, body=Event | None),
    )["paths"]["/events"]
    assert {method: each["requestBody"]["required"] for method, each in methods.items()} == {"post": True, "put": False}


def test_two_models_of_one_name_are_refused() -> None:
    other = create_model("Event", start=(int, ...))
    with pytest.raises(ValueError, match="two models of this document are called Event"):
        described(
            Operation(method="POST", path="/a", handler=answer, body=Event),
            Operation(method="POST", path="/b", handler=answer, body=other),
        )
