"""What an operation of the management API is, and its description as OpenAPI 3.1 (``GET /openapi.json``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.types import ASGIApp

from daemon import __version__
from daemon.api.schemas import Problem
from daemon.api.services import Services
from daemon.config.json_schema import section_schema
from daemon.config.schema import Packycode, Tppc

Node = dict[str, object]

PREFIX: Final = "/v0/management"
STORE_PREFIX: Final = "/api/v1"
"""Of the provider store."""
REFERENCE: Final = "#/components/schemas/{name}"
DESCRIPTION: Final = "Manage the gateway daemon. The admin socket has the same interface and needs no key."
TEXT: Final[Node] = {"type": "string"}
ANY_YAML: Final[Node] = {}
"""A file as it is: tools check the parsed YAML against a schema, not its text."""
COUNT: Final[Node] = {"type": "integer", "minimum": 0}
COMMON: Final[Mapping[int, str]] = {
    400: "The request is malformed: more or less than one Host, a header name with an underscore, a bad parameter.",
    401: "The management key is missing or wrong. After five wrong keys: 403 for half an hour.",
    403: "Another host without `allow-remote`, a locked-out address (`retry-after`), a foreign Host or Origin.",
    404: "No management key is configured, or there is nothing at this path.",
    405: "The path does not allow this method.",
    429: "Too many wrong keys are being tried from all addresses; see `retry-after`.",
    431: "More than 100 header fields, or too large ones.",
    503: "No configuration has been loaded yet.",
}
"""Responses that every operation may give, each a ``Problem``."""

Method = Literal["get", "put", "patch", "post", "delete"]
Handler = Callable[[Services, Request], Awaitable[ASGIApp]]
"""Serves one operation of one daemon; returns a ``Response``, or an application that streams."""


class MediaType(Struct, frozen=True):
    """The body of a request or a response: a struct or a schema written out, and its media type."""

    schema: type[Struct] | Mapping[str, object]
    media_type: str = "application/json"


class Parameter(Struct, frozen=True, kw_only=True):
    name: str
    where: Literal["query", "path", "header"] = "query"
    description: str
    schema: Mapping[str, object] = msgspec.field(default_factory=lambda: {"type": "string"})


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path (below ``prefix``) and what serves it. ``responses`` are those beside ``COMMON``."""

    method: Method
    path: str
    prefix: str = PREFIX
    handler: Handler
    name: str
    summary: str
    responses: Mapping[int, tuple[str, MediaType | None]]
    parameters: tuple[Parameter, ...] = ()
    body: MediaType | None = None
    description: str = ""


def block_body(name: str, section: type[Packycode] | type[Tppc], more: Node | None = None) -> MediaType:
    """A block of config.yaml in its wrapper, as GET shows it: defaults filled in, keys masked."""
    inner = section_schema(section)
    properties = inner["properties"]
    assert isinstance(properties, dict)
    inner = {**inner, "properties": {**properties, **(more or {})}}
    return MediaType({"type": "object", "properties": {name: inner}, "required": [name]})


def sent_block(name: str, section: type[Packycode] | type[Tppc]) -> MediaType:
    """A block as it may be sent: bare, or wrapped."""
    inner = section_schema(section)
    return MediaType({"anyOf": [{"type": "object", "properties": {name: inner}, "required": [name]}, inner]})


def described(operations: Sequence[Operation]) -> Node:
    """The whole document as plain data."""
    paths: dict[str, Node] = {}
    for operation in operations:
        paths.setdefault(operation.prefix + operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tppcd management", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": _components(operations),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Management-Key"},
            },
        },
    }


def _operation(operation: Operation) -> Node:
    responses: Node = {str(status): _response(text, MediaType(Problem)) for status, text in COMMON.items()}
    responses |= {str(status): _response(*each) for status, each in operation.responses.items()}
    node: Node = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        node["description"] = operation.description
    if operation.parameters:
        node["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.body is not None:
        node["requestBody"] = {"required": True, "content": _content(operation.body)}
    node["responses"] = dict(sorted(responses.items()))
    return node


def _parameter(parameter: Parameter) -> Node:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _response(description: str, body: MediaType | None) -> Node:
    return {"description": description} | ({} if body is None else {"content": _content(body)})


def _content(body: MediaType) -> Node:
    schema = body.schema
    node = {"$ref": REFERENCE.format(name=schema.__name__)} if isinstance(schema, type) else schema
    return {body.media_type: {"schema": node}}


def _components(operations: Sequence[Operation]) -> Node:
    """The schemas of every struct in the table, and of those within them."""
    bodies = [body for each in operations for _, body in each.responses.values()]
    bodies += [each.body for each in operations]
    structs: set[type[Struct]] = {Problem}
    structs |= {each.schema for each in bodies if each is not None and isinstance(each.schema, type)}
    ordered = sorted(structs, key=lambda struct: struct.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REFERENCE)
    return dict(sorted(components.items()))
