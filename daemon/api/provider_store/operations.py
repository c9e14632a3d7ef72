"""``/api/v1`` as the part of the table of operations that it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from daemon.api.management.openapi import COUNT, REFERENCE, STORE_PREFIX, MediaType, Operation, Parameter
from daemon.api.provider_store import handlers
from daemon.api.provider_store.handlers import reading, writing
from daemon.api.provider_store.schemas import (
    NewProvider,
    ProviderChange,
    StoredProviders,
    StoredProviderView,
    StoreRefusal,
    StoreReloaded,
    StoreReloadFailed,
)
from daemon.api.schemas import Problem

Responses = Mapping[int, tuple[str, MediaType | None]]

PROBLEM: Final = MediaType(Problem)
REFUSAL: Final = MediaType(StoreRefusal)
PROVIDER: Final = MediaType(StoredProviderView)
NAME: Final = Parameter(
    name="name",
    where="path",
    description="The provider's name in any case.",
    schema={"type": "string", "examples": ["fox"]},
)
SKIP_CHECK: Final = Parameter(
    name="skip-check",
    description="`1`: save the key without asking the upstream whether it takes it.",
    schema={"enum": ["1", "0", "true", "false", "yes", "no"]},
)
IF_MATCH: Final = Parameter(
    name="If-Match", where="header", description="The `ETag` of a provider: refuse if it has changed since."
)
AWAY: Final[Responses] = {
    503: ("No configuration is in force yet, or the database is away (see `retry-after`).", PROBLEM)
}
CHANGED: Final[Responses] = {
    409: ("Somebody else changed it at the same time.", PROBLEM),
    412: ("`If-Match` names another version than the one that is there.", PROBLEM),
    507: ("The disk of the database is full; nothing has changed.", PROBLEM),
    **AWAY,
}
PROBLEM_OR_REFUSAL: Final = MediaType(
    {"anyOf": [{"$ref": REFERENCE.format(name=each.__name__)} for each in (StoreRefusal, Problem)]}
)
FIELDS: Final[Responses] = {
    400: ("A field is wrong; `details` names each.", PROBLEM_OR_REFUSAL),
    403: (
        "As for any operation; or `not_settable_remotely`: a reference that another host must not set.",
        PROBLEM_OR_REFUSAL,
    ),
    409: ("The name is taken, by another provider of the store or by config.yaml.", PROBLEM),
    413: ("The body is too large.", PROBLEM),
    415: ("A form's content type, or an unknown content coding.", PROBLEM),
    422: ("`invalid_key`: the upstream refuses the key. `private_upstream`: the URL leads where it must not.", REFUSAL),
}
store_operation: Final = partial(Operation, prefix=STORE_PREFIX)

STORE: Final = (
    store_operation(
        method="get",
        path="/providers",
        handler=reading(handlers.list_providers),
        name="listStoredProviders",
        summary="The providers of the store, each with its state",
        parameters=(
            Parameter(name="enabled", description="Only these.", schema={"enum": ["true", "false"]}),
            Parameter(name="limit", description="At most this many; 0 or left out: all.", schema=COUNT),
            Parameter(name="after", description="The name of the last one of the page before."),
        ),
        responses={200: ("In the order of creation.", MediaType(StoredProviders)), **AWAY},
    ),
    store_operation(
        method="post",
        path="/providers",
        handler=writing(handlers.create),
        name="createStoredProvider",
        summary="A new provider; in force when the response comes",
        body=MediaType(NewProvider),
        parameters=(SKIP_CHECK,),
        responses={
            201: ("The provider. `error` says why it could not be initialised; it is kept all the same.", PROVIDER),
            **{status: each for status, each in CHANGED.items() if status != 412},
            **FIELDS,
        },
    ),
    store_operation(
        method="get",
        path="/providers/{name}",
        handler=reading(handlers.show),
        name="getStoredProvider",
        summary="A provider with its state",
        parameters=(NAME,),
        responses={200: ("The provider; `ETag` is its row version.", PROVIDER), **AWAY},
    ),
    store_operation(
        method="put",
        path="/providers/{name}",
        handler=writing(handlers.update),
        name="changeStoredProvider",
        summary="Change what the body has; `api_key: null` clears the key",
        body=MediaType(ProviderChange),
        parameters=(NAME, SKIP_CHECK, IF_MATCH),
        responses={200: ("The provider as it is now.", PROVIDER), **CHANGED, **FIELDS},
    ),
    store_operation(
        method="delete",
        path="/providers/{name}",
        handler=writing(handlers.delete),
        name="removeStoredProvider",
        summary="Remove a provider; its running requests are finished",
        parameters=(NAME, IF_MATCH),
        responses={204: ("It is gone.", None), **CHANGED},
    ),
    store_operation(
        method="post",
        path="/providers/{name}/enable",
        handler=writing(handlers.enable),
        name="enableStoredProvider",
        summary="Enable a provider; one that is enabled stays so",
        parameters=(NAME, IF_MATCH),
        responses={200: ("The provider as it is now.", PROVIDER), **CHANGED, 400: FIELDS[400]},
    ),
    store_operation(
        method="post",
        path="/providers/{name}/disable",
        handler=writing(handlers.disable),
        name="disableStoredProvider",
        summary="Disable a provider; one that is disabled stays so",
        parameters=(NAME, IF_MATCH),
        responses={200: ("The provider as it is now.", PROVIDER), **CHANGED},
    ),
    store_operation(
        method="post",
        path="/admin/providers/reload",
        handler=writing(handlers.reload_all),
        name="reloadStoredProviders",
        summary="Read all rows again, and what they refer to",
        responses={
            200: ("All are in force.", MediaType(StoreReloaded)),
            500: (
                "Some failed; their old settings go on, the others are in force.",
                MediaType(StoreReloadFailed),
            ),
            **AWAY,
        },
    ),
    store_operation(
        method="post",
        path="/admin/providers/{name}/reload",
        handler=writing(handlers.reload_one),
        name="reloadStoredProvider",
        summary="Read a provider again, and what it refers to",
        parameters=(NAME,),
        responses={
            200: ("It is in force.", MediaType(StoreReloaded)),
            500: ("It failed; its old settings go on.", MediaType(StoreReloadFailed)),
            **AWAY,
        },
    ),
)
