"""The operations of the table that change config.yaml, with what any of them may be refused with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from daemon.api.management import config_writes
from daemon.api.management.openapi import (
    REFERENCE,
    TEXT,
    Handler,
    MediaType,
    Method,
    Node,
    Operation,
    Parameter,
    block_body,
    sent_block,
)
from daemon.api.schemas import Problem, Refusal, RollbackBody, WriteView
from daemon.config.json_schema import section_schema
from daemon.config.schema import Packycode, Tppc, TppcProvider

SOURCE: Final[Node] = {"enum": ["config.yaml", "env", "codex-cli", "mixed"], "readOnly": True}
SOURCES: Final[Node] = {"type": "object", "additionalProperties": TEXT, "readOnly": True}
PACKYCODE: Final = block_body("packycode", Packycode, {"effective-source": SOURCE, "effective-sources": SOURCES})
TPPC: Final = block_body("tppc", Tppc)

DRY_RUN: Final = Parameter(
    name="dry-run",
    description="`1`: only show what would change.",
    schema={"enum": ["1", "0", "true", "false", "yes", "no"]},
)
SKIP_CHECK: Final = Parameter(
    name="skip-check",
    description="`1`: save keys without checking them with their upstreams.",
    schema=DRY_RUN.schema,
)
IF_MATCH: Final = Parameter(
    name="If-Match", where="header", description="The `ETag` of a response: refuse if the file has changed since."
)
PROBLEM_OR_REFUSAL: Final = MediaType(
    {"anyOf": [{"$ref": REFERENCE.format(name=each.__name__)} for each in (Refusal, Problem)]}
)
REFUSALS: Final[Mapping[int, tuple[str, MediaType | None]]] = {
    403: (
        "As for any operation; or `not_settable_remotely`: what another host must not set; `details` names each.",
        PROBLEM_OR_REFUSAL,
    ),
    409: (
        "The file is being edited, cannot be written, or cannot be changed without affecting other values.",
        MediaType(Problem),
    ),
    412: ("`If-Match` does not match the file.", MediaType(Problem)),
    413: ("The body is too large.", MediaType(Problem)),
    415: ("A form's content type, or an unknown content coding.", MediaType(Problem)),
    422: ("It would not be valid; nothing has changed.", MediaType(Refusal)),
    507: ("The disk is full; nothing has changed.", MediaType(Problem)),
}
"""Why any write may be refused."""


def writes(
    method: Method,
    path: str,
    handler: Handler,
    name: str,
    summary: str,
    *,
    response: tuple[str, MediaType],
    body: MediaType | None = None,
    parameters: tuple[Parameter, ...] = (),
) -> Operation:
    """An operation that changes config.yaml: with the refusals, and its response to a dry run."""
    text, content = response
    if content is not WRITTEN:
        assert isinstance(content.schema, Mapping)
        content = MediaType({"anyOf": [content.schema, {"$ref": "#/components/schemas/WriteView"}]})
    return Operation(
        method=method,
        path=path,
        handler=handler,
        name=name,
        summary=summary,
        body=body,
        parameters=(*parameters, DRY_RUN, SKIP_CHECK, IF_MATCH),
        responses={200: (f"{text} With `dry-run`: a WriteView.", content), **REFUSALS},
    )


WRITTEN: Final = MediaType(WriteView)
PATCHED: Final = MediaType({"type": "object", "description": "A JSON merge patch (RFC 7396) of the block."})
NEW_BLOCK: Final = "The block as it is in force now."

WRITES: Final = (
    writes(
        "put",
        "/packycode",
        partial(config_writes.replace_block, config_writes.PACKYCODE),
        "replacePackycode",
        "Replace the packycode block; a missing key gets its default",
        body=sent_block("packycode", Packycode),
        response=(NEW_BLOCK, PACKYCODE),
    ),
    writes(
        "patch",
        "/packycode",
        partial(config_writes.patch_block, config_writes.PACKYCODE),
        "changePackycode",
        "Change parts of the packycode block; null removes",
        body=PATCHED,
        response=(NEW_BLOCK, PACKYCODE),
    ),
    writes(
        "put",
        "/tppc",
        partial(config_writes.replace_block, config_writes.TPPC),
        "replaceTppc",
        "Replace the list of third-party providers, also to reorder it",
        body=sent_block("tppc", Tppc),
        response=(NEW_BLOCK, TPPC),
    ),
    writes(
        "patch",
        "/tppc",
        partial(config_writes.patch_block, config_writes.TPPC),
        "changeTppc",
        "Change providers by their names; an unknown name is added if it is complete",
        body=PATCHED,
        response=(NEW_BLOCK, TPPC),
    ),
    writes(
        "post",
        "/tppc/providers",
        config_writes.add_provider,
        "addProvider",
        "Add a provider at the end of the list",
        body=MediaType(section_schema(TppcProvider)),
        response=(NEW_BLOCK, TPPC),
    ),
    writes(
        "delete",
        "/tppc/providers/{name}",
        config_writes.remove_provider,
        "removeProvider",
        "Remove a provider",
        parameters=(Parameter(name="name", where="path", description="The provider's name in any case."),),
        response=(NEW_BLOCK, TPPC),
    ),
    writes(
        "put",
        "/config.yaml",
        config_writes.replace_file,
        "replaceFile",
        "Replace the whole file, byte for byte",
        body=MediaType(TEXT, "text/yaml"),
        response=("What has changed.", WRITTEN),
    ),
    writes(
        "post",
        "/rollback",
        config_writes.roll_back,
        "rollBack",
        "Restore the file of a generation of the history",
        body=MediaType(RollbackBody),
        response=("What has changed.", WRITTEN),
    ),
)
