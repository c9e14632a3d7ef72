"""The operations that change config.yaml: what they take, what they answer, and what they are refused with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.api.answers import Problem, Refusal, RollbackBody, WriteView
from daemon.api.operation import TEXT, Content, Method, Operation, Parameter
from daemon.config.json_schema import Node, section_schema
from daemon.config.schema import Packycode, Tppc, TppcProvider


def block(name: str, section: type[Packycode] | type[Tppc], more: Mapping[str, Node] | None = None) -> Content:
    """A block of config.yaml in its wrapper, as GET shows it: defaults filled in, keys masked."""
    inner = section_schema(section)
    properties = inner["properties"]
    assert isinstance(properties, dict)
    inner = {**inner, "properties": {**properties, **(more or {})}}
    return Content({"type": "object", "properties": {name: inner}, "required": [name]})


SOURCE: Final[Node] = {"enum": ["config.yaml", "env", "codex-cli", "mixed"], "readOnly": True}
SOURCES: Final[Node] = {"type": "object", "additionalProperties": TEXT, "readOnly": True}
PACKYCODE: Final = block("packycode", Packycode, {"effective-source": SOURCE, "effective-sources": SOURCES})
TPPC: Final = block("tppc", Tppc)

DRY_RUN: Final = Parameter(
    name="dry-run",
    description="`1`: only tell what would happen.",
    schema={"enum": ["1", "0", "true", "false", "yes", "no"]},
)
IF_MATCH: Final = Parameter(
    name="If-Match", where="header", description="The `ETag` of an answer: refuse if the file has changed since."
)
REFUSALS: Final[Mapping[int, tuple[str, Content | None]]] = {
    409: ("The file is being edited, cannot be written, or cannot be changed without touching more.", Content(Problem)),
    412: ("`If-Match` names another file than the one that is there.", Content(Problem)),
    413: ("The body is too large.", Content(Problem)),
    415: ("A form's content type, or an unknown content coding.", Content(Problem)),
    422: ("It would not be valid; nothing has changed.", Content(Refusal)),
    507: ("The disk is full; nothing has changed.", Content(Problem)),
}
"""What any write may be refused with."""


def writes(
    method: Method,
    path: str,
    name: str,
    summary: str,
    *,
    answer: tuple[str, Content],
    body: Content | None = None,
    parameters: tuple[Parameter, ...] = (),
) -> Operation:
    """An operation that changes config.yaml: with the refusals, and its answer to a dry run."""
    text, content = answer
    if content is not WRITTEN:
        assert isinstance(content.schema, Mapping)
        content = Content({"anyOf": [content.schema, {"$ref": "#/components/schemas/WriteView"}]})
    return Operation(
        method=method,
        path=path,
        name=name,
        summary=summary,
        body=body,
        parameters=(*parameters, DRY_RUN, IF_MATCH),
        answers={200: (f"{text} With `dry-run`: a WriteView.", content), **REFUSALS},
    )


def sent(name: str, section: type[Packycode] | type[Tppc]) -> Content:
    """A block as it may be sent: bare, or wrapped."""
    inner = section_schema(section)
    return Content({"anyOf": [{"type": "object", "properties": {name: inner}, "required": [name]}, inner]})


WRITTEN: Final = Content(WriteView)
PATCHED: Final = Content({"type": "object", "description": "A JSON merge patch (RFC 7396) of the block."})
NEW_BLOCK: Final = "The block as it is in force now."

WRITES: Final = (
    writes(
        "put",
        "/packycode",
        "replacePackycode",
        "Replace the packycode block; what is absent gets its default",
        body=sent("packycode", Packycode),
        answer=(NEW_BLOCK, PACKYCODE),
    ),
    writes(
        "patch",
        "/packycode",
        "changePackycode",
        "Change parts of the packycode block; null removes",
        body=PATCHED,
        answer=(NEW_BLOCK, PACKYCODE),
    ),
    writes(
        "put",
        "/tppc",
        "replaceTppc",
        "Replace the list of third-party providers, also to reorder it",
        body=sent("tppc", Tppc),
        answer=(NEW_BLOCK, TPPC),
    ),
    writes(
        "patch",
        "/tppc",
        "changeTppc",
        "Change providers, found by their names; an unknown name is added if it is complete",
        body=PATCHED,
        answer=(NEW_BLOCK, TPPC),
    ),
    writes(
        "post",
        "/tppc/providers",
        "addProvider",
        "Add a provider at the end of the list",
        body=Content(section_schema(TppcProvider)),
        answer=(NEW_BLOCK, TPPC),
    ),
    writes(
        "delete",
        "/tppc/providers/{name}",
        "removeProvider",
        "Remove a provider",
        parameters=(Parameter(name="name", where="path", description="The provider's name in any case."),),
        answer=(NEW_BLOCK, TPPC),
    ),
    writes(
        "put",
        "/config.yaml",
        "replaceFile",
        "Replace the whole file, byte for byte",
        body=Content(TEXT, "text/yaml"),
        answer=("What has changed.", WRITTEN),
    ),
    writes(
        "post",
        "/rollback",
        "rollBack",
        "Make the file say again what it said in a generation of the history",
        body=Content(RollbackBody),
        answer=("What has changed.", WRITTEN),
    ),
)
