"""The management API as one table: every operation with what serves it, its parameters, its body and its responses.

``routes`` makes the routes from it and ``openapi`` the description; a test compares it with real responses.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management import config_writes, handlers, recent_logs, running_daemon, usage
from daemon.api.management.openapi import (
    ANY_YAML,
    COUNT,
    TEXT,
    MediaType,
    Operation,
    Parameter,
    described,
)
from daemon.api.management.write_operations import PACKYCODE, TPPC, WRITES
from daemon.api.problems import JSON
from daemon.api.provider_store.operations import STORE
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
    TpsView,
    UsageView,
    Versions,
)
from daemon.api.services import Services
from daemon.telemetry.log_ring import SEVERITIES, STATUS_PATTERN


async def description(services: Services, request: Request) -> Response:
    """``GET /openapi.json``; the same bytes until the daemon's version changes."""
    return Response(encoded_description(), media_type=JSON)


@cache
def encoded_description() -> bytes:
    return msgspec.json.encode(described(OPERATIONS))


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
        path="/daemon",
        handler=running_daemon.show_daemon,
        name="showDaemon",
        summary="The process that serves: version, addresses, what is in flight, which environment variables are set",
        responses={200: ("The process.", MediaType(running_daemon.DaemonView))},
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
        handler=recent_logs.list_logs,
        name="listLogs",
        summary="The newest log records",
        parameters=(
            Parameter(name="request-id", description="Only records of this request."),
            Parameter(name="provider", description="Only records that name this provider."),
            Parameter(
                name="level", description="Only records of this level or above.", schema={"enum": list(SEVERITIES)}
            ),
            Parameter(
                name="status",
                description="Only records with this HTTP status, or of this class (`4xx`); may be repeated.",
                schema={"type": "array", "items": {"type": "string", "pattern": STATUS_PATTERN}},
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
        path="/usage",
        handler=usage.show_usage,
        name="showUsage",
        summary="Requests and tokens since the start, per provider, model and entry",
        responses={200: ("The total, and what it is made of.", MediaType(UsageView))},
    ),
    Operation(
        method="get",
        path="/tps",
        handler=usage.show_speed,
        name="showSpeed",
        summary="Tokens per second, since the start or in a window, of one provider, one model or all",
        parameters=(
            Parameter(
                name="window",
                description="Only requests that ended in the last seconds: `60`, `5m`, `1h`; up to a day.",
            ),
            PROVIDER,
            Parameter(name="model", description="Only this model, by a client's name for it or the upstream's."),
        ),
        responses={200: ("Counts, tokens and rates.", MediaType(TpsView))},
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
        method="delete",
        path="/auths/{id}/cooldown",
        handler=handlers.clear_cooldown,
        name="clearCooldown",
        summary="End every rest of one core auth, so that the next request may ask it",
        parameters=(Parameter(name="id", where="path", description="The core auth's ID, as `/auths` lists it."),),
        responses={200: ("How many rests were ended.", MediaType(Cleared))},
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
            400: ("The model name is too long.", MediaType(Problem)),
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

OPERATIONS: Final = (*READS, *ACTIONS, *WRITES, *STORE)
