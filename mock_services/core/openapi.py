"""Builds a double's OpenAPI 3.1 document from its operations: what is served is what is documented."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.config import JsonDict

from mock_services.core.operations import Operation

REFERENCE = "#/components/schemas/{model}"
EXTENSION: JsonDict = {"x-lab-extension": True}
"""Marks what the lab adds to the service that it stands in for: an operation, or a field as its `json_schema_extra`."""


def document(title: str, version: str, operations: Iterable[Operation]) -> dict[str, Any]:
    """Describe `operations` as OpenAPI 3.1: paths, parameters, bodies, responses and the schemas they use."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    description: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": re.sub(r"\W+", "_", f"{operation.method}_{operation.path}").strip("_").lower(),
        "parameters": [*_path_parameters(operation, schemas), *_parameters(operation.query, "query", schemas)],
        "responses": {
            str(status): {"description": _phrase(status), **_content(model, schemas)}
            for status, model in sorted(operation.responses.items())
        },
    }
    if operation.tag:
        description["tags"] = [operation.tag]
    if operation.extension:
        description |= EXTENSION
    if operation.authenticate is not None:
        description["security"] = [{"bearer": []}]
    if operation.body is not None:
        schema = _schema(operation.body, schemas)
        kind = _form_kind(operation.body) if operation.form else "application/json"
        description["requestBody"] = {"required": operation.needs_body, "content": {kind: {"schema": schema}}}
    return description


def _form_kind(body: Any) -> str:
    """Give the media type of a form: only multipart can hold files."""
    fields = TypeAdapter(body).json_schema().get("properties", {}).values()
    files = any(each.get("format") == "binary" for each in fields)
    return "multipart/form-data" if files else "application/x-www-form-urlencoded"


def _path_parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if operation.path_params is not None:
        return [{**each, "required": True} for each in _parameters(operation.path_params, "path", schemas)]
    names = re.findall(r"{(\w+)}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameters(model: type[BaseModel] | None, where: str, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if model is None:
        return []
    whole = model.model_json_schema(ref_template=REFERENCE)
    _keep(schemas, whole.get("$defs", {}))
    required = set(whole.get("required", ()))
    return [
        {"name": name, "in": where, "required": name in required, "schema": schema}
        for name, schema in whole.get("properties", {}).items()
    ]


def _content(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if model is None:
        return {}
    return {"content": {"application/json": {"schema": _schema(model, schemas)}}}


def _schema(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(model).json_schema(ref_template=REFERENCE)
    _keep(schemas, schema.pop("$defs", {}))
    if isinstance(model, type) and issubclass(model, BaseModel):
        _keep(schemas, {model.__name__: schema})
        return {"$ref": REFERENCE.format(model=model.__name__)}
    return schema


def _keep(schemas: dict[str, Any], new: dict[str, Any]) -> None:
    """Add schemas by name; raise `ValueError` where another one has the name, which would describe both as one."""
    for name, schema in new.items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"two models of this document are called {name}; rename one")


def _phrase(status: int) -> str:
    phrases = {200: "Success", 400: "Bad request", 401: "Not authenticated", 403: "Not allowed", 404: "Not found"}
    return phrases.get(status, "Validation error" if status == 422 else f"Status {status}")
