"""The routes that change config.yaml: the blocks, single providers, the whole file, and the way back.

    request ─ body ─▶ edit (what the file is to say) ─▶ ``ConfigWriting`` ─▶ 200 with what is in force now
                                                           └ refused ─▶ 404, 409, 412, 422, 507

Every write, and every one that was refused, is an audit event with who, from where, and what changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from loguru import logger
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import views
from daemon.api.answers import RollbackBody, VersionRow, Versions, WriteView
from daemon.api.caller import Caller
from daemon.api.config_refusals import REFUSALS, WHOLE, Refused, refused, words
from daemon.api.config_request import IfMatch, etag, is_dry_run, json_body, raw_body
from daemon.api.masked import masked
from daemon.api.problems import answer, detail
from daemon.api.services import Services, snapshot_in_force
from daemon.api.status import timestamp
from daemon.api.upstream_rule import UpstreamRule
from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document, parse
from daemon.config.edit.patch import Block, added, merged, patched, removed, replaced, unwrapped
from daemon.config.edit.rewrite import refuse_broken, rewrite
from daemon.config.schema import Base, Packycode, Tppc
from daemon.errors import ErrorKind, LocalError
from daemon.reload.writing import ConfigWriting, Edit, Written, digest_of
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.write import WriteRefused
from daemon.state.copies import Version

YAML: Final = "text/yaml; charset=utf-8"
UNKNOWN: Final = ("unknown-key", "not-supported")

Change = Callable[[Block, Block, Block], dict[str, object]]
"""(as written, as shown, as sent) -> to write."""


class Target(Struct, frozen=True):
    """A block of the file that the API writes."""

    name: str
    section: type[Base]
    patch: Change
    view: Callable[[Snapshot], dict[str, object]]


PACKYCODE: Final = Target("packycode", Packycode, merged, views.packycode)
TPPC: Final = Target("tppc", Tppc, patched, views.tppc)


class ConfigRoutes:
    """``rule`` says which upstream addresses a caller may set."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rule = UpstreamRule(services.egress)

    async def packycode(self, request: Request) -> Response:
        return await self._block(request, PACKYCODE)

    async def tppc(self, request: Request) -> Response:
        return await self._block(request, TPPC)

    async def add_provider(self, request: Request) -> Response:
        """One provider more, at the end of the list."""
        sent = await json_body(request, dict[str, object])

        def change(written: Block, _: Block) -> dict[str, object]:
            return added(written, unwrapped("provider", sent))

        return await self._write_block(request, TPPC, change)

    async def remove_provider(self, request: Request) -> Response:
        name = request.path_params["name"]
        return await self._write_block(request, TPPC, lambda written, _: removed(written, name))

    async def file(self, request: Request) -> Response:
        """The whole file, as it is."""
        if request.method != "PUT":
            return await self._read_file()
        raw = await raw_body(request)
        return await self._write_file(request, raw)

    async def history(self, request: Request) -> Response:
        versions = await self._writing().versions()
        generation = snapshot_in_force(self._services).generation
        rows = [_row(each, in_force=each.generation == generation) for each in versions]
        return answer(Versions(history=rows))

    async def rollback(self, request: Request) -> Response:
        """The file says again what it said in that generation."""
        body = await json_body(request, RollbackBody)
        writing = self._writing()
        version = _chosen(body, await writing.versions())
        raw = None if version is None else await writing.version(version)
        if raw is None:
            raise LocalError(ErrorKind.NOT_FOUND, "there is no such generation in the history")
        return await self._write_file(request, raw)

    async def _block(self, request: Request, target: Target) -> Response:
        if request.method not in ("PUT", "PATCH"):
            digest = "" if self._services.writing is None else self._services.writing.digest
            return answer(target.view(snapshot_in_force(self._services)), headers=etag(digest))
        sent = await json_body(request, dict[str, object])
        change = replaced if request.method == "PUT" else target.patch
        return await self._write_block(
            request, target, lambda written, shown: change(written, shown, unwrapped(target.name, sent))
        )

    async def _write_block(
        self, request: Request, target: Target, change: Callable[[Block, Block], dict[str, object]]
    ) -> Response:
        written = await self._written(request, _edit(target, change, self._writing().source_name), target.name)
        if isinstance(written, Refused):
            return answer(written.body, written.status)
        if is_dry_run(request):
            return self._told(request, written)
        return answer(target.view(snapshot_in_force(self._services)), headers=etag(written.digest))

    async def _read_file(self) -> Response:
        try:
            held = await self._writing().read()
        except WriteRefused as error:
            told = refused(error, WHOLE)
            return answer(told.body, told.status)
        if not held.is_there:
            raise LocalError(ErrorKind.NOT_FOUND, "config.yaml does not exist; what is in force is its last good copy")
        return Response(held.raw, headers=etag(digest_of(held.raw)), media_type=YAML)

    async def _write_file(self, request: Request, raw: bytes) -> Response:
        source = self._writing().source_name
        written = await self._written(request, lambda _: parse(raw, source), WHOLE)
        if isinstance(written, Refused):
            return answer(written.body, written.status)
        return self._told(request, written)

    async def _written(self, request: Request, edit: Edit, target: str) -> Written | Refused:
        dry_run, who = is_dry_run(request), request.scope["caller"]

        async def policy(new: Snapshot) -> tuple[Diagnostic, ...]:
            return await self._objections(who, new, target, dry_run=dry_run)

        try:
            written = await self._writing().write(
                edit, policy=policy, matches=IfMatch(request), create=target == WHOLE, dry_run=dry_run
            )
        except REFUSALS as error:
            told = refused(error, target)
            if not dry_run:
                self._tell_refused(request, who, told)
            return told
        if written.touched and not dry_run:
            self._tell(request, who, written)
        return written

    async def _objections(self, who: Caller, new: Snapshot, target: str, *, dry_run: bool) -> tuple[Diagnostic, ...]:
        """What speaks against a valid file because it comes from here."""
        old = snapshot_in_force(self._services)
        unknown = () if target == WHOLE else _new_unknown_keys(old, new)
        found = (*unknown, *await self._rule.check(who, old.config, new.config))
        if not found and not dry_run:
            # Before the write: once it is in force, a request may connect at any moment.
            await asyncio.to_thread(self._rule.note, who, old.config, new.config)
        return found

    def _writing(self) -> ConfigWriting:
        if self._services.writing is None:
            raise LocalError(ErrorKind.NOT_FOUND, "this daemon has no config.yaml that could be written")
        return self._services.writing

    def _told(self, request: Request, written: Written) -> Response:
        snapshot = snapshot_in_force(self._services)
        view = WriteView(
            dry_run=is_dry_run(request),
            generation=snapshot.generation,
            revision=snapshot.revision,
            changes=list(written.changes),
            diagnostics=[detail(each) for each in written.diagnostics],
        )
        return answer(view, headers={} if view.dry_run else etag(written.digest))

    def _tell(self, request: Request, who: Caller, written: Written) -> None:
        generation = snapshot_in_force(self._services).generation
        message = f"{_what(request)} from {who.address}: config.yaml written"
        logger.bind(address=who.address, generation=generation).info("management: {}", message)
        self._services.audit.publish(
            "write", message, address=who.address, generation=generation, changes=list(written.changes)
        )

    def _tell_refused(self, request: Request, who: Caller, told: Refused) -> None:
        message = f"{_what(request)} from {who.address}: refused with {told.status}, nothing was written"
        fields: Mapping[str, object] = words(told.body)
        logger.bind(address=who.address, error=told.body.error).warning("management: {}", message)
        self._services.audit.publish("write-refused", message, address=who.address, status=told.status, **fields)


def _edit(target: Target, change: Callable[[Block, Block], dict[str, object]], source: str) -> Edit:
    """The change of a block as a change of the file."""

    def edit(raw: bytes) -> Document:
        document = parse(raw, source, keep_tokens=True)
        # Not even one of comments alone: what is in force is its last good copy, and a block would replace all of that.
        refuse_broken(document)
        found = document.data.get(target.name)
        written: Block = found if isinstance(found, Mapping) else {}
        block = change(written, masked(target.section, written))
        if not block and not written:
            return document
        return rewrite(document, {**document.data, target.name: block})

    return edit


def _new_unknown_keys(old: Snapshot, new: Snapshot) -> tuple[Diagnostic, ...]:
    """A key that nobody knows is a warning in the file; whoever sends one is told that it is a mistake."""
    known = {(each.path, each.code) for each in old.warnings}
    fresh = (each for each in new.warnings if each.code in UNKNOWN and (each.path, each.code) not in known)
    return tuple(structs.replace(each, severity="error", message=f"{each.path[-1]}: {each.message}") for each in fresh)


def _chosen(body: RollbackBody, versions: tuple[Version, ...]) -> Version | None:
    if (body.generation is None) == (body.digest is None):
        raise LocalError(ErrorKind.INVALID_REQUEST, 'send {"generation": N} or {"digest": "…"} of GET history')
    return next((each for each in versions if body.generation == each.generation or body.digest == each.digest), None)


def _row(version: Version, *, in_force: bool) -> VersionRow:
    return VersionRow(
        generation=version.generation,
        at=timestamp(version.at),
        digest=version.digest,
        in_force=in_force,
    )


def _what(request: Request) -> str:
    return f"{request.method} {request.url.path}"
