"""``GET /v0/management/openapi.json``: OpenAPI 3.1, from the table of operations and the structs they answer with."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from daemon import __version__
from daemon.api.answers import Problem
from daemon.api.operations import COMMON, OPERATIONS, PREFIX, Content, Operation, Parameter
from daemon.api.problems import JSON

REFERENCE: Final = "#/components/schemas/{name}"
DESCRIPTION: Final = (
    "What the gateway daemon serves, changed from anywhere. The same interface is on the admin socket, where no key "
    "is asked for."
)

Node = dict[str, object]


async def document(_: Request) -> Response:
    """The description; the same bytes until the daemon's version changes."""
    return Response(encoded(), media_type=JSON)


@cache
def encoded() -> bytes:
    return msgspec.json.encode(described())


def described() -> Node:
    """The whole document as plain data."""
    paths: dict[str, Node] = {}
    for operation in OPERATIONS:
        paths.setdefault(PREFIX + operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tppcd management", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": _components(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Management-Key"},
            },
        },
    }


def _operation(operation: Operation) -> Node:
    answers: Node = {str(status): _answer(text, Content(Problem)) for status, text in COMMON.items()}
    answers |= {str(status): _answer(*each) for status, each in operation.answers.items()}
    node: Node = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        node["description"] = operation.description
    if operation.parameters:
        node["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.body is not None:
        node["requestBody"] = {"required": True, "content": _content(operation.body)}
    node["responses"] = dict(sorted(answers.items()))
    return node


def _parameter(parameter: Parameter) -> Node:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _answer(description: str, content: Content | None) -> Node:
    return (
        {"description": description} if content is None else {"description": description, "content": _content(content)}
    )


def _content(content: Content) -> Node:
    schema = content.schema
    node = {"$ref": REFERENCE.format(name=schema.__name__)} if isinstance(schema, type) else schema
    return {content.media_type: {"schema": node}}


def _components() -> Node:
    """The schemas of every struct in the table, and of those within them."""
    contents = [content for each in OPERATIONS for _, content in each.answers.values()]
    contents += [each.body for each in OPERATIONS]
    structs: set[type[Struct]] = {Problem}
    structs |= {each.schema for each in contents if each is not None and isinstance(each.schema, type)}
    ordered = sorted(structs, key=lambda struct: struct.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REFERENCE)
    return dict(sorted(components.items()))
