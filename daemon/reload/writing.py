"""Changing config.yaml from within: checked like a reload, written, and in force when the call returns.

    read ─ If-Match ─ the new bytes ─ check ─ policy ─▶ what it would change (dry run)
                                                    └▶ write ─ reload ─▶ in force, or the old bytes back

1. One change at a time, each starting from the file as it is when its turn comes.
2. A change that is refused, at any step, leaves file and memory as they were.
3. The watch sees the write, too; it finds the same revision in force and applies nothing.
4. A provider whose reference cannot be resolved stops no write that leaves it as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import Struct, structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document
from daemon.reload.reloader import Reloader
from daemon.snapshot import summary
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.reading import Unreadable
from daemon.sources.write import Conflict, FileOnDisk, WriteRefused, read_for_write, remove_stale_files, replace
from daemon.state.copies import History, Version
from daemon.state.unfinished import Unfinished
from daemon.state.write_lock import write_lock

REASON: Final = "management"

Edit = Callable[[bytes], Document]
"""The bytes of the file -> its new content. Blocks; may raise any exception that its caller handles."""
WritePolicy = Callable[[Snapshot], Awaitable[tuple[Diagnostic, ...]]]
"""What would come into force -> why the caller may not write it; an error refuses the write."""


class Stale(Exception):
    """The file is not the one that the caller has seen."""


class Invalid(Exception):
    """The new content would be refused; ``diagnostics`` say why, errors among them."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(each.message for each in diagnostics if each.severity == "error"))
        self.diagnostics = diagnostics


class Written(Struct, frozen=True, kw_only=True):
    """What a change came to, or would. ``changes`` are lines of the change summary, ``digest`` is that of
    the file's bytes afterwards, ``touched`` whether a byte of them is (or would be) another."""

    diagnostics: tuple[Diagnostic, ...]
    changes: tuple[str, ...]
    digest: str
    touched: bool


class ConfigWriting:
    """The one writer of the daemon. ``state_dir`` holds the lock against a second one."""

    def __init__(self, path: Path, state_dir: Path, reloader: Reloader, history: History) -> None:
        self._path = path
        self._state_dir = state_dir
        self._reloader = reloader
        self._history = history
        self._unfinished = Unfinished(state_dir, path)
        self._turn = asyncio.Lock()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the bytes in force; empty where they are not the file's."""
        return self._reloader.digest

    @property
    def source_name(self) -> str:
        """The name of the file in diagnostics."""
        return self._reloader.source_name

    async def clean_up(self) -> None:
        """Take back what killed writers have left halfway, and remove what they have left behind."""
        await asyncio.to_thread(self._clean_up)

    async def read(self) -> FileOnDisk:
        """The file as it is now. Raises Conflict where it cannot be read."""
        try:
            return await asyncio.to_thread(read_for_write, self._path)
        except Unreadable as why:
            raise Conflict(f"{self._path.name} {why.message}: {why.hint}") from why

    async def write(
        self,
        edit: Edit,
        *,
        policy: WritePolicy,
        matches: Callable[[str], bool] = lambda _: True,
        create: bool = False,
        dry_run: bool = False,
    ) -> Written:
        """Give the file the content that ``edit`` makes of it. ``matches`` decides whether its digest is the one that
        the caller has seen; ``create`` allows it to be missing.

        Raises Stale, Invalid, Conflict, DiskFull, WriteRefused and what ``edit`` raises.
        """
        async with self._turn:
            file = await self.read()
            if not matches(digest_of(file.raw)):
                raise Stale
            if not file.is_there and not create:
                raise Conflict(f"{self._path.name} does not exist: create it, or send the whole file")
            document = await asyncio.to_thread(edit, file.raw)
            change = await self._checked(document, policy, touched=document.raw != file.raw)
            if not dry_run and (change.touched or change.digest != self.digest):
                await self._put_in_force(file, document, change)
            return change

    async def versions(self) -> tuple[Version, ...]:
        """What can be gone back to, the newest first."""
        return await asyncio.to_thread(self._history.versions)

    async def version(self, version: Version) -> bytes | None:
        """The bytes of a kept version; None where they are lost."""
        return await asyncio.to_thread(self._history.load, version)

    async def _checked(self, document: Document, policy: WritePolicy, *, touched: bool) -> Written:
        result = await self._reloader.check(document)
        if result.snapshot is None:
            raise Invalid(result.diagnostics)
        warnings = tuple(each for each in result.diagnostics if each.severity == "warning")
        if result.new_errors:
            raise Invalid((*result.new_errors, *warnings))
        refusals = await policy(result.snapshot)
        if any(each.severity == "error" for each in refusals):
            raise Invalid((*_placed(refusals, document), *warnings))
        return Written(
            diagnostics=result.diagnostics,
            changes=summary.lines(result.changes),
            digest=digest_of(document.raw),
            touched=touched,
        )

    async def _put_in_force(self, file: FileOnDisk, document: Document, change: Written) -> None:
        if change.touched:
            await asyncio.to_thread(self._replace, file, document.raw)
        outcome = await self._reloader.reload(REASON, document)
        # Another source may fail, or a provider that was failing before: neither is a matter of this write.
        if not outcome.ok and self.digest != change.digest:
            if change.touched:
                await self._take_back(file, document.raw)
            raise Invalid(outcome.diagnostics)

    def _replace(self, file: FileOnDisk, raw: bytes) -> None:
        with write_lock(self._state_dir):
            replace(file, raw, keep=self._unfinished.keep)

    def _clean_up(self) -> None:
        remove_stale_files(self._path)
        try:
            with write_lock(self._state_dir):
                self._unfinished.take_back()
        except WriteRefused as refused:
            logger.warning("{} is not checked for interrupted writes: {}", self._path, refused.message)

    async def _take_back(self, file: FileOnDisk, raw: bytes) -> None:
        """What was written could not be applied: the file gets its earlier content back, unless it has been
        edited since."""
        try:
            now = await self.read()
            if now.raw == raw and file.is_there:
                await asyncio.to_thread(self._replace, now, file.raw)
        except WriteRefused as refused:
            logger.error("{} contains a change that is not applied: {}", self._path, refused.message)


def _placed(refusals: tuple[Diagnostic, ...], document: Document) -> tuple[Diagnostic, ...]:
    """Each with its place in the file that would have been written."""
    places = (document.place(each.path) for each in refusals)
    return tuple(
        structs.replace(each, line=line, column=column) for each, (line, column) in zip(refusals, places, strict=True)
    )


def digest_of(raw: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(raw).hexdigest()
