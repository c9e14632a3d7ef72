"""The operations of ``/api/v1``: each calls ``ProviderService`` once, and answers what is in force then.

    request ─ body, If-Match ─▶ policy ─▶ ProviderService ─▶ 200, 201, 204
                                  └ refused ─▶ 400, 403, 404, 409, 412, 422, 500, 503, 507

Every write, and every one that was refused, is an audit event with who, from where, and which provider.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management.handlers import whole_number
from daemon.api.management.requests import IfMatch, etag, flag, json_body, write_line
from daemon.api.problems import encode, json_response
from daemon.api.provider_store import views
from daemon.api.provider_store.policy import check_write
from daemon.api.provider_store.refusals import REFUSED, ForbiddenWrite, refusal_response
from daemon.api.provider_store.schemas import StoredProviders, StoreReloaded
from daemon.api.services import Services, snapshot_in_force
from daemon.config.provider import SetBy
from daemon.errors import ErrorKind, LocalError
from daemon.gateway.caller import Caller
from daemon.secret import mask_keys
from daemon.store.errors import RowChanged, StoreError
from daemon.store.provider_fields import fields_of
from daemon.store.service import ProviderService, ProviderState

MOST_TRIES: Final = 3
"""Of an update without ``If-Match`` that others get in the way of."""
MOST_LISTED: Final = 1_000_000
FILTER: Final = {"": None, "true": True, "false": False}

Work = Callable[[Services, ProviderService, Request], Awaitable[Response]]
Served = Callable[[Services, Request], Awaitable[Response]]


def reading(work: Work) -> Served:
    """A handler: an error of the store becomes its response."""

    async def handler(services: Services, request: Request) -> Response:
        try:
            return await work(services, _service(services), request)
        except REFUSED as error:
            return refusal_response(error)

    return handler


def writing(work: Work) -> Served:
    """The same of what changes something: with its audit event."""

    async def handler(services: Services, request: Request) -> Response:
        try:
            response = await work(services, _service(services), request)
        except REFUSED as error:
            response = refusal_response(error, conditional="if-match" in request.headers)
            _log_refused(services, request, response.status_code, error)
            return response
        _log_written(services, request)
        return response

    return handler


async def list_providers(services: Services, service: ProviderService, request: Request) -> Response:
    query = request.query_params
    if query.get("enabled", "") not in FILTER:
        raise LocalError(ErrorKind.INVALID_REQUEST, "enabled must be true or false")
    limit = whole_number(query, "limit", 0, MOST_LISTED)
    states = await service.list(
        enabled=FILTER[query.get("enabled", "")], after=query.get("after", ""), limit=limit or None
    )
    failures = _last_errors(services)
    rows = [views.listed(each, failures.get(each.row.source)) for each in states]
    body = encode(StoredProviders(providers=rows))
    return Response(body, 200, etag(f"v{hashlib.sha256(body).hexdigest()[:16]}"), "application/json")


async def create(services: Services, service: ProviderService, request: Request) -> Response:
    """Kept also where its initialisation fails: then ``error`` says why."""
    body = await json_body(request, dict[str, object])
    fields, who = fields_of(body), _caller(request)
    if isinstance(fields.name, str):
        await service.check_free(fields.name)
    await check_write(services, service, who, before=None, fields=fields, skip_check=flag(request, "skip-check"))
    return _provider(await service.create(body, set_by=_set_by(who)), 201)


async def show(services: Services, service: ProviderService, request: Request) -> Response:
    state = await service.get(_name(request))
    return _provider(state, last_error=_last_errors(services).get(state.row.source))


async def update(services: Services, service: ProviderService, request: Request) -> Response:
    """What was checked is what is written over: a row that changed in between is looked at again."""
    body = await json_body(request, dict[str, object])
    fields, who, skip = fields_of(body), _caller(request), flag(request, "skip-check")
    for tries in range(1, MOST_TRIES + 1):
        before = (await service.get(_name(request))).row
        version = _matched(request, before.name, before.row_version)
        await check_write(services, service, who, before=before, fields=fields, skip_check=skip)
        try:
            return _provider(await service.update(_name(request), body, set_by=_set_by(who), expected=version))
        except RowChanged:
            if tries == MOST_TRIES or "if-match" in request.headers:
                raise
    raise AssertionError("the last try answers or raises")


async def delete(services: Services, service: ProviderService, request: Request) -> Response:
    await service.delete(_name(request), expected=await _expected(service, request))
    return Response(status_code=204)


async def enable(services: Services, service: ProviderService, request: Request) -> Response:
    expected = await _expected(service, request)
    return _provider(await service.switch(_name(request), enabled=True, expected=expected))


async def disable(services: Services, service: ProviderService, request: Request) -> Response:
    expected = await _expected(service, request)
    return _provider(await service.switch(_name(request), enabled=False, expected=expected))


async def reload_all(services: Services, service: ProviderService, request: Request) -> Response:
    await service.reload_all()
    return json_response(StoreReloaded(message="all providers reloaded"))


async def reload_one(services: Services, service: ProviderService, request: Request) -> Response:
    state = await service.reload(_name(request))
    return json_response(StoreReloaded(message="provider reloaded", provider=state.row.name))


async def _expected(service: ProviderService, request: Request) -> int | None:
    """The row version that ``If-Match`` names; None where there is no such header. Raises RowChanged."""
    if "if-match" not in request.headers:
        return None
    row = (await service.get(_name(request))).row
    return _matched(request, row.name, row.row_version)


def _matched(request: Request, name: str, version: int) -> int:
    if not IfMatch(request)(str(version)):
        raise RowChanged(name, asked=0, found=version)
    return version


def _provider(state: ProviderState, status: int = 200, *, last_error: str | None = None) -> Response:
    return json_response(views.single(state, last_error), status, etag(str(state.row.row_version)))


def _last_errors(services: Services) -> dict[str, str]:
    """``store:fox`` -> how its upstream failed, of those that have not answered since."""
    auths = services.current.get().core_auths
    failures = ((auth.source, services.states.last_error(auth.id)) for auth in auths if auth.kind == "store")
    return {source: error for source, error in failures if error}


def _service(services: Services) -> ProviderService:
    if services.providers is None:
        raise LocalError(ErrorKind.NOT_FOUND, "this daemon has no provider store")
    return services.providers


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return name


def _caller(request: Request) -> Caller:
    who: Caller = request.scope["caller"]
    return who


def _set_by(who: Caller) -> SetBy:
    return "local" if who.local else "remote"


def _log_written(services: Services, request: Request) -> None:
    who, generation = _caller(request), snapshot_in_force(services).generation
    message = write_line(request, who.address, "done")
    logger.bind(address=who.address, generation=generation).info("management: {}", message)
    services.audit.publish("write", message, address=who.address, generation=generation, changes=[])


def _log_refused(services: Services, request: Request, status: int, error: StoreError | ForbiddenWrite) -> None:
    who, why = _caller(request), mask_keys(str(error))
    message = write_line(request, who.address, f"refused with {status}: {why}")
    logger.bind(address=who.address, error=error.code).warning("management: {}", message)
    services.audit.publish("write-refused", message, address=who.address, status=status, error=error.code, why=why)
