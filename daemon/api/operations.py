"""The management API as one table: every operation with its parameters, its body and its answers.

``openapi`` renders it; a test holds it against the routes, another one against what they answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.api.answers import (
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
    Versions,
)
from daemon.api.operation import ANY_YAML, COUNT, PREFIX, TEXT, Content, Operation, Parameter
from daemon.api.write_operations import PACKYCODE, TPPC, WRITES
from daemon.telemetry.log_ring import SEVERITIES

__all__ = ["COMMON", "OPERATIONS", "PREFIX", "Content", "Operation", "Parameter"]

COMMON: Final[Mapping[int, str]] = {
    400: "The request is malformed: more or less than one Host, a header name with an underscore, a bad parameter.",
    401: "The management key is missing or wrong. Five times: 403 for half an hour.",
    403: "Another host without `allow-remote`, a locked-out address (`retry-after`), a foreign Host or Origin.",
    404: "No management key is configured, or what the path names does not exist.",
    405: "The path does not take this method.",
    429: "Too many wrong keys are being tried from anywhere; see `retry-after`.",
    431: "More than 100 header fields, or too large ones.",
    503: "No configuration is in force yet.",
}
"""Answers that every operation may give, each a ``Problem``."""


PROVIDER: Final = Parameter(
    name="provider", description="A family (`codex`, `openai`, `anthropic`) or a provider's name."
)
NAME: Final = Parameter(name="name", where="path", description="`packycode`, or a provider's name in any case.")

READS: Final = (
    Operation(
        method="get",
        path="/auths",
        name="listAuths",
        summary="The core auths: each one usable upstream credential, with its state",
        parameters=(PROVIDER,),
        answers={200: ("The core auths in file order.", Content(Auths))},
    ),
    Operation(
        method="get",
        path="/models",
        name="listModels",
        summary="The model registry",
        parameters=(PROVIDER,),
        answers={200: ("Every public name with the providers that serve it.", Content(Models))},
    ),
    Operation(
        method="get",
        path="/providers",
        name="listProviders",
        summary="The providers of the configuration, the disabled ones too",
        answers={200: ("The providers in file order.", Content(Providers))},
    ),
    Operation(
        method="get",
        path="/packycode",
        name="getPackycode",
        summary="The packycode block: what the file says, plus defaults",
        answers={200: ("The block; keys are `********`, references as written.", PACKYCODE)},
    ),
    Operation(
        method="get",
        path="/tppc",
        name="getTppc",
        summary="The tppc block: what the file says, plus defaults",
        answers={200: ("The block; keys are `********`, references as written.", TPPC)},
    ),
    Operation(
        method="get",
        path="/config.yaml",
        name="getFile",
        summary="The whole file, with its comments and keys",
        answers={
            200: ("The bytes of the file; `ETag` is their SHA-256.", Content(ANY_YAML, "text/yaml")),
            409: ("The file cannot be read.", Content(Problem)),
        },
    ),
    Operation(
        method="get",
        path="/history",
        name="listVersions",
        summary="The last versions of config.yaml that were in force",
        answers={200: ("The newest first.", Content(Versions))},
    ),
    Operation(
        method="get",
        path="/events",
        name="followEvents",
        summary="Server-sent events: change summaries, reloads, lock-outs, state changes",
        parameters=(
            Parameter(name="Last-Event-ID", where="header", description="Kept events after this id come first."),
        ),
        answers={200: ("A stream without an end.", Content(TEXT, "text/event-stream"))},
    ),
    Operation(
        method="get",
        path="/logs",
        name="listLogs",
        summary="The newest log records",
        parameters=(
            Parameter(name="request-id", description="Only records of this request."),
            Parameter(name="provider", description="Only records that name this provider."),
            Parameter(name="level", description="The least level.", schema={"enum": list(SEVERITIES)}),
            Parameter(
                name="after", description="Only records after this one: `last` of the answer before.", schema=COUNT
            ),
            Parameter(name="limit", description="At most so many, the newest; default 100.", schema=COUNT),
        ),
        answers={200: ("The records, oldest first.", Content(LogLines))},
    ),
    Operation(
        method="get",
        path="/openapi.json",
        name="getDescription",
        summary="This description",
        answers={200: ("OpenAPI 3.1.", Content({"type": "object"}))},
    ),
)

ACTIONS: Final = (
    Operation(
        method="delete",
        path="/auths/{id}/amendments",
        name="clearAmendments",
        summary="Forget what refusals of one core auth's upstream have taught",
        parameters=(Parameter(name="id", where="path", description="The core auth's ID, as `/auths` lists it."),),
        answers={200: ("How many there were.", Content(Cleared))},
    ),
    Operation(
        method="post",
        path="/reload",
        name="reload",
        summary="Read the configuration now, wait, and tell the outcome",
        answers={
            200: ("In force, or the same as before (then `changes` is empty).", Content(ReloadView)),
            422: ("Refused; what was in force stays.", Content(Refusal)),
        },
    ),
    Operation(
        method="post",
        path="/explain",
        name="explain",
        summary="Where a model name leads, with reasons; nothing is sent",
        body=Content(ExplainBody),
        answers={
            200: ("The route decision.", Content(Explanation)),
            413: ("The body is too large.", Content(Problem)),
            415: ("A form's content type.", Content(Problem)),
        },
    ),
    Operation(
        method="post",
        path="/providers/{name}/test",
        name="testProvider",
        summary="Whether a provider is usable: DNS, TLS and GET /models; never a paid call",
        parameters=(NAME,),
        answers={200: ("What was found, good or bad.", Content(ProviderTest))},
    ),
)

OPERATIONS: Final = (*READS, *ACTIONS, *WRITES)
