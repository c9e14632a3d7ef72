"""The operations that show and change config.yaml: the blocks, single providers, the whole file, and the way back.

    request ─ body ─▶ edit (the new text of the file) ─▶ ``ConfigWriting`` ─▶ 200 with what is in use now
                                                           └ refused ─▶ 404, 409, 412, 422, 507

Every write, refused or not, is an audit event with the caller's address and what changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from loguru import logger
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management import views
from daemon.api.management.key_check import refused_keys
from daemon.api.management.masked import masked
from daemon.api.management.remote_rule import NotSettable, check_settable
from daemon.api.management.requests import IfMatch, etag, flag, is_dry_run, json_body, raw_body, write_line
from daemon.api.management.upstream_rule import UpstreamRule
from daemon.api.problems import diagnostic_view, invalid_config, json_response
from daemon.api.schemas import Problem, Refusal, RollbackBody, VersionRow, Versions, WriteView
from daemon.api.services import Services, snapshot_in_force
from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document, parse
from daemon.config.edit.patch import (
    Block,
    PatchRefused,
    UnknownProvider,
    added,
    merged,
    patched,
    removed,
    replaced,
    unwrapped,
)
from daemon.config.edit.rewrite import NotEditable, refuse_broken, rewrite
from daemon.config.schema import Packycode, Tppc
from daemon.config.schema_base import Base
from daemon.errors import ErrorKind, LocalError
from daemon.gateway.caller import Caller
from daemon.reload.writing import ConfigWriting, Edit, Invalid, Stale, Written, digest_of
from daemon.secret import mask_keys
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.write import Conflict, DiskFull, WriteRefused
from daemon.state.copies import CONFIG, Version

YAML: Final = "text/yaml; charset=utf-8"
UNKNOWN: Final = ("unknown-key", "not-supported")
WHOLE: Final = "config"
"""Stands for the whole file where others name a block."""
REFUSALS: Final = (NotSettable, Stale, Invalid, WriteRefused, NotEditable, PatchRefused, UnknownProvider)
"""What a write may raise although nothing is wrong with the daemon."""

Change = Callable[[Block, Block, Block], dict[str, object]]
"""(as written, as shown, as sent) -> to write."""
BlockEdit = Callable[[Block, Block], dict[str, object]]
"""(as written, as shown) -> to write."""


class ConfigBlock(Struct, frozen=True):
    """A block of the file that the API shows and writes."""

    name: str
    section: type[Base]
    patch: Change
    view: Callable[[Snapshot], dict[str, object]]


PACKYCODE: Final = ConfigBlock("packycode", Packycode, merged, views.packycode)
TPPC: Final = ConfigBlock("tppc", Tppc, patched, views.tppc)


class RefusedWrite(Struct, frozen=True):
    """The response to a write that was refused."""

    status: int
    body: Problem | Refusal


async def show_block(block: ConfigBlock, services: Services, request: Request) -> Response:
    digest = "" if services.writing is None else services.writing.digest
    return json_response(block.view(snapshot_in_force(services)), headers=etag(digest))


async def replace_block(block: ConfigBlock, services: Services, request: Request) -> Response:
    body = await json_body(request, dict[str, object])
    return await _write_block(
        services, request, block, lambda written, shown: replaced(written, shown, unwrapped(block.name, body))
    )


async def patch_block(block: ConfigBlock, services: Services, request: Request) -> Response:
    body = await json_body(request, dict[str, object])
    return await _write_block(
        services, request, block, lambda written, shown: block.patch(written, shown, unwrapped(block.name, body))
    )


async def add_provider(services: Services, request: Request) -> Response:
    """Adds a provider at the end of the list."""
    body = await json_body(request, dict[str, object])
    return await _write_block(services, request, TPPC, lambda written, _: added(written, unwrapped("provider", body)))


async def remove_provider(services: Services, request: Request) -> Response:
    name = request.path_params["name"]
    return await _write_block(services, request, TPPC, lambda written, _: removed(written, name))


async def show_file(services: Services, request: Request) -> Response:
    """The whole file, as it is."""
    try:
        file = await _writing(services).read()
    except WriteRefused as error:
        refusal = refused_write(error, WHOLE)
        return json_response(refusal.body, refusal.status)
    if not file.is_there:
        raise LocalError(ErrorKind.NOT_FOUND, "config.yaml does not exist; its last good copy is in use")
    return Response(file.raw, headers=etag(digest_of(file.raw)), media_type=YAML)


async def replace_file(services: Services, request: Request) -> Response:
    raw = await raw_body(request)
    return await _write_file(services, request, raw)


async def list_versions(services: Services, request: Request) -> Response:
    versions = await _writing(services).versions()
    generation = snapshot_in_force(services).generation
    rows = [
        VersionRow(
            generation=each.generation,
            source=each.source,
            at=views.timestamp(each.at),
            digest=each.digest,
            in_force=each.generation == generation,
        )
        for each in versions
    ]
    return json_response(Versions(history=rows))


async def roll_back(services: Services, request: Request) -> Response:
    """Restores the file of that generation."""
    body = await json_body(request, RollbackBody)
    writing = _writing(services)
    version = _chosen(body, await writing.versions())
    if version is not None and version.source != CONFIG:
        message = (
            f"generation {version.generation} is a change of the provider {version.source}, which is not rolled back"
        )
        refusal = RefusedWrite(409, Problem(error="conflict", message=f"{message}: change its providers instead"))
        _log_refused(services, request, request.scope["caller"], refusal)
        return json_response(refusal.body, refusal.status)
    raw = None if version is None else await writing.version(version)
    if raw is None:
        raise LocalError(ErrorKind.NOT_FOUND, "there is no such generation in the history")
    return await _write_file(services, request, raw)


def refused_write(error: Exception, block: str) -> RefusedWrite:
    """What ``error`` (one of ``REFUSALS``) means to whoever wrote to ``block`` (its name, or ``WHOLE``)."""
    match error:
        case NotSettable():
            return RefusedWrite(403, invalid_config(error.diagnostics, "not_settable_remotely"))
        case Invalid():
            # ``invalid_config`` where the block that was sent is not what is wrong.
            errors = [each for each in error.diagnostics if each.severity == "error"]
            if any(each.code == "invalid-key" for each in errors):
                return RefusedWrite(422, invalid_config(error.diagnostics, "invalid_key"))
            own = any(not each.path or each.path[0] == block for each in errors)
            return RefusedWrite(422, invalid_config(error.diagnostics, f"invalid_{block if own else WHOLE}"))
        case PatchRefused():
            path = (block, *error.path)
            diagnostic = Diagnostic(severity="error", code="patch", message=error.message, path=path, hint=error.hint)
            return RefusedWrite(422, invalid_config((diagnostic,), f"invalid_{block}"))
        case UnknownProvider():
            return RefusedWrite(404, Problem(error="not_found", message="there is no provider with that name"))
        case Stale():
            message = "the file has changed since the version in If-Match: read it again, then repeat the change"
            return RefusedWrite(412, Problem(error="precondition_failed", message=message))
        case NotEditable():
            place = f"config.yaml:{error.line}: " if error.line else "config.yaml: "
            return RefusedWrite(409, Problem(error="not_editable", message=f"{place}{error.message}; {error.hint}"))
        case DiskFull():
            return RefusedWrite(507, Problem(error="insufficient_storage", message=error.message))
        case WriteRefused():
            word = "conflict" if isinstance(error, Conflict) else "not_writable"
            return RefusedWrite(409, Problem(error=word, message=error.message))
    raise error


async def _write_block(services: Services, request: Request, block: ConfigBlock, change: BlockEdit) -> Response:
    written = await _write(services, request, _edit(block, change, _writing(services).source_name), block.name)
    if isinstance(written, RefusedWrite):
        return json_response(written.body, written.status)
    if is_dry_run(request):
        return _write_response(services, request, written)
    return json_response(block.view(snapshot_in_force(services)), headers=etag(written.digest))


async def _write_file(services: Services, request: Request, raw: bytes) -> Response:
    source = _writing(services).source_name
    written = await _write(services, request, lambda _: parse(raw, source), WHOLE)
    if isinstance(written, RefusedWrite):
        return json_response(written.body, written.status)
    return _write_response(services, request, written)


async def _write(services: Services, request: Request, edit: Edit, block: str) -> Written | RefusedWrite:
    dry_run, skip_check, who = is_dry_run(request), flag(request, "skip-check"), request.scope["caller"]
    rule = UpstreamRule(services.egress)
    edit = edit if who.local else _by_remote(edit, snapshot_in_force(services))

    async def policy(new: Snapshot) -> tuple[Diagnostic, ...]:
        """What forbids a valid file to this caller."""
        old = snapshot_in_force(services)
        unknown = () if block == WHOLE else _new_unknown_keys(old, new)
        diagnostics = (*unknown, *await rule.check(who, old.config, new.config))
        if not diagnostics and not skip_check:
            diagnostics = await refused_keys(services, who, new)
        if not diagnostics and not dry_run:
            # Before the write: once it is applied, a request may connect at any moment.
            await asyncio.to_thread(rule.note, who, old.config, new.config)
        return diagnostics

    try:
        written = await _writing(services).write(
            edit, policy=policy, matches=IfMatch(request), create=block == WHOLE, dry_run=dry_run
        )
    except REFUSALS as error:
        refusal = refused_write(error, block)
        if not dry_run:
            _log_refused(services, request, who, refusal)
        return refusal
    if written.touched and not dry_run:
        _log_written(services, request, who, written)
    return written


def _writing(services: Services) -> ConfigWriting:
    if services.writing is None:
        raise LocalError(ErrorKind.NOT_FOUND, "this daemon has no config.yaml to write")
    return services.writing


def _write_response(services: Services, request: Request, written: Written) -> Response:
    snapshot = snapshot_in_force(services)
    view = WriteView(
        dry_run=is_dry_run(request),
        generation=snapshot.generation,
        revision=snapshot.revision,
        changes=list(written.changes),
        diagnostics=[diagnostic_view(each) for each in written.diagnostics],
    )
    return json_response(view, headers={} if view.dry_run else etag(written.digest))


def _log_written(services: Services, request: Request, who: Caller, written: Written) -> None:
    generation = snapshot_in_force(services).generation
    message = write_line(request, who.address, "config.yaml written")
    logger.bind(address=who.address, generation=generation).info("management: {}", message)
    services.audit.publish("write", message, address=who.address, generation=generation, changes=list(written.changes))


def _log_refused(services: Services, request: Request, who: Caller, refusal: RefusedWrite) -> None:
    status, body = refusal.status, refusal.body
    result = f"refused with {status}, nothing was written: {_reasons(body)}"
    message = write_line(request, who.address, result)
    logger.bind(address=who.address, error=body.error).warning("management: {}", message)
    fields: Mapping[str, object] = {"error": body.error, "why": mask_keys(body.message)}
    services.audit.publish("write-refused", message, address=who.address, status=status, **fields)


def _reasons(body: Refusal | Problem) -> str:
    """Each with its field, which the message leaves to the details."""
    errors = [each for each in body.details if each.severity == "error"] if isinstance(body, Refusal) else []
    return "; ".join(f"{each.path}: {each.message}" if each.path else each.message for each in errors) or body.message


def _edit(block: ConfigBlock, change: BlockEdit, source: str) -> Edit:
    """The change of a block as a change of the file."""

    def edit(raw: bytes) -> Document:
        document = parse(raw, source, keep_tokens=True)
        # Also a file of comments alone: its last good copy is in use, and a block would replace all of that.
        refuse_broken(document)
        data = document.data.get(block.name)
        written: Block = data if isinstance(data, Mapping) else {}
        new = change(written, masked(block.section, written))
        if not new and not written:
            return document
        return rewrite(document, {**document.data, block.name: new})

    return edit


def _by_remote(edit: Edit, snapshot: Snapshot) -> Edit:
    """The same change, refused where a caller on another host must not make it."""

    def checked(raw: bytes) -> Document:
        document = edit(raw)
        check_settable(document, snapshot)
        return document

    return checked


def _new_unknown_keys(old: Snapshot, new: Snapshot) -> tuple[Diagnostic, ...]:
    """An unknown key in the file is only a warning; sent through the API it is an error."""
    known = {(each.path, each.code) for each in old.warnings}
    fresh = (each for each in new.warnings if each.code in UNKNOWN and (each.path, each.code) not in known)
    return tuple(structs.replace(each, severity="error", message=f"{each.path[-1]}: {each.message}") for each in fresh)


def _chosen(body: RollbackBody, versions: tuple[Version, ...]) -> Version | None:
    if (body.generation is None) == (body.digest is None):
        raise LocalError(ErrorKind.INVALID_REQUEST, 'send {"generation": N} or {"digest": "…"} of GET history')
    if body.digest is not None:
        return next((each for each in versions if each.source == CONFIG and each.digest == body.digest), None)
    return next((each for each in versions if each.generation == body.generation), None)
