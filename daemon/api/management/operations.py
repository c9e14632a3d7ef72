"""The management API as one table: every operation with what serves it, its parameters, its body and its responses.

``routes`` makes the routes from it and ``openapi`` the description; a test compares it with real responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management import config_writes, handlers
from daemon.api.management.openapi import (
    ANY_YAML,
    COUNT,
    TEXT,
    Handler,
    MediaType,
    Method,
    Node,
    Operation,
    Parameter,
    block_body,
    described,
    sent_block,
)
from daemon.api.problems import JSON
from daemon.api.schemas import (
    Auths,
    Cleared,
    ExplainBody,
    Explanation,
    LogLines,
    Models,
    Problem,
    Providers,
    ProviderTest,
    Refusal,
    ReloadView,
    RollbackBody,
    Versions,
    WriteView,
)
from daemon.api.services import Services
from daemon.config.json_schema import section_schema
from daemon.config.schema import Packycode, Tppc, TppcProvider
from daemon.telemetry.log_ring import SEVERITIES


async def description(services: Services, request: Request) -> Response:
    """``GET /openapi.json``; the same bytes until the daemon's version changes."""
    return Response(encoded_description(), media_type=JSON)


@cache
def encoded_description() -> bytes:
    return msgspec.json.encode(described(OPERATIONS))


SOURCE: Final[Node] = {"enum": ["config.yaml", "env", "codex-cli", "mixed"], "readOnly": True}
SOURCES: Final[Node] = {"type": "object", "additionalProperties": TEXT, "readOnly": True}
PACKYCODE: Final = block_body("packycode", Packycode, {"effective-source": SOURCE, "effective-sources": SOURCES})
TPPC: Final = block_body("tppc", Tppc)

DRY_RUN: Final = Parameter(
    name="dry-run",
    description="`1`: only show what would change.",
    schema={"enum": ["1", "0", "true", "false", "yes", "no"]},
)
IF_MATCH: Final = Parameter(
    name="If-Match", where="header", description="The `ETag` of a response: refuse if the file has changed since."
)
REFUSALS: Final[Mapping[int, tuple[str, MediaType | None]]] = {
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
        parameters=(*parameters, DRY_RUN, IF_MATCH),
        responses={200: (f"{text} With `dry-run`: a WriteView.", content), **REFUSALS},
    )


WRITTEN: Final = MediaType(WriteView)
PATCHED: Final = MediaType({"type": "object", "description": "A JSON merge patch (RFC 7396) of the block."})
NEW_BLOCK: Final = "The block as it is in use now."

PROVIDER: Final = Parameter(
    name="provider", description="A family (`codex`, `openai`, `anthropic`) or a provider's name."
)
NAME: Final = Parameter(name="name", where="path", description="`packycode`, or a provider's name in any case.")

READS: Final = (
    Operation(
        method="get",
        path="/auths",
        handler=handlers.list_auths,
        name="listAuths",
        summary="The core auths: each one usable upstream credential, with its state",
        parameters=(PROVIDER,),
        responses={200: ("The core auths in file order.", MediaType(Auths))},
    ),
    Operation(
        method="get",
        path="/models",
        handler=handlers.list_models,
        name="listModels",
        summary="The model registry",
        parameters=(PROVIDER,),
        responses={200: ("Every public name with the providers that serve it.", MediaType(Models))},
    ),
    Operation(
        method="get",
        path="/providers",
        handler=handlers.list_providers,
        name="listProviders",
        summary="The providers of the configuration, the disabled ones too",
        responses={200: ("The providers in file order.", MediaType(Providers))},
    ),
    Operation(
        method="get",
        path="/packycode",
        handler=partial(config_writes.show_block, config_writes.PACKYCODE),
        name="getPackycode",
        summary="The packycode block: the values of the file, with defaults for the rest",
        responses={200: ("The block; keys are `********`, references as written.", PACKYCODE)},
    ),
    Operation(
        method="get",
        path="/tppc",
        handler=partial(config_writes.show_block, config_writes.TPPC),
        name="getTppc",
        summary="The tppc block: the values of the file, with defaults for the rest",
        responses={200: ("The block; keys are `********`, references as written.", TPPC)},
    ),
    Operation(
        method="get",
        path="/config.yaml",
        handler=config_writes.show_file,
        name="getFile",
        summary="The whole file, with its comments and keys",
        responses={
            200: ("The bytes of the file; `ETag` is their SHA-256.", MediaType(ANY_YAML, "text/yaml")),
            409: ("The file cannot be read.", MediaType(Problem)),
        },
    ),
    Operation(
        method="get",
        path="/history",
        handler=config_writes.list_versions,
        name="listVersions",
        summary="The last versions of config.yaml that were in use",
        responses={200: ("The newest first.", MediaType(Versions))},
    ),
    Operation(
        method="get",
        path="/events",
        handler=handlers.follow_events,
        name="followEvents",
        summary="Server-sent events: change summaries, reloads, lock-outs, state changes",
        parameters=(
            Parameter(name="Last-Event-ID", where="header", description="Recent events after this id come first."),
        ),
        responses={200: ("A stream that does not end.", MediaType(TEXT, "text/event-stream"))},
    ),
    Operation(
        method="get",
        path="/logs",
        handler=handlers.list_logs,
        name="listLogs",
        summary="The newest log records",
        parameters=(
            Parameter(name="request-id", description="Only records of this request."),
            Parameter(name="provider", description="Only records that name this provider."),
            Parameter(
                name="level", description="Only records of this level or above.", schema={"enum": list(SEVERITIES)}
            ),
            Parameter(
                name="after", description="Only records after this one: `last` of the previous response.", schema=COUNT
            ),
            Parameter(name="limit", description="At most this many, the newest; default 100.", schema=COUNT),
        ),
        responses={200: ("The records, oldest first.", MediaType(LogLines))},
    ),
    Operation(
        method="get",
        path="/openapi.json",
        handler=description,
        name="getDescription",
        summary="This description",
        responses={200: ("OpenAPI 3.1.", MediaType({"type": "object"}))},
    ),
)

ACTIONS: Final = (
    Operation(
        method="delete",
        path="/auths/{id}/amendments",
        handler=handlers.clear_amendments,
        name="clearAmendments",
        summary="Clear what was learned from refusals of one core auth's upstream",
        parameters=(Parameter(name="id", where="path", description="The core auth's ID, as `/auths` lists it."),),
        responses={200: ("How many were removed.", MediaType(Cleared))},
    ),
    Operation(
        method="post",
        path="/reload",
        handler=handlers.reload,
        name="reload",
        summary="Read the configuration now, wait, and report the result",
        responses={
            200: ("Applied, or the same as before (then `changes` is empty).", MediaType(ReloadView)),
            422: ("Refused; the previous configuration stays in use.", MediaType(Refusal)),
        },
    ),
    Operation(
        method="post",
        path="/explain",
        handler=handlers.explain,
        name="explain",
        summary="Which providers serve a model name, and why; nothing is sent",
        body=MediaType(ExplainBody),
        responses={
            200: ("The route decision.", MediaType(Explanation)),
            413: ("The body is too large.", MediaType(Problem)),
            415: ("A form's content type.", MediaType(Problem)),
        },
    ),
    Operation(
        method="post",
        path="/providers/{name}/test",
        handler=handlers.probe_provider,
        name="testProvider",
        summary="Whether a provider is usable: DNS, TLS and GET /models; never a paid call",
        parameters=(NAME,),
        responses={200: ("The result, good or bad.", MediaType(ProviderTest))},
    ),
)

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
        "Change providers by name; an unknown name is added if it is complete",
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

OPERATIONS: Final = (*READS, *ACTIONS, *WRITES)
