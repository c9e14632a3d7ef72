"""The file source: config.yaml and the files it names, as they are once a save is complete.

1. watchfiles is a hint, never the truth; which file an event names is never looked at. It loses
   events without an error (queue overflow), hears nothing of mmap and bind mounts, and may fail
   altogether: then only the look at the files every ``Timing.poll`` seconds finds the change.
2. What is published was read whole between two equal stamps, when no writer had it open (``settle``).
3. Only a new digest is published: chmod, touch and the same bytes again are nothing.
4. Files are accessed on this source's own threads, so that no other work can delay a reload.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import watchfiles
from loguru import logger
from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import EMPTY_HINT
from daemon.sources.base import Publish, Update
from daemon.sources.lasting import LastingProblems
from daemon.sources.lease import Lease, ignore_lease_breaks, probe
from daemon.sources.mounts import ReplacedFiles, replaced
from daemon.sources.reading import MAX_BYTES, Stamp, Unreadable, read_whole, stamp, unreadable_config
from daemon.sources.settle import Look, Settle, Timing

DEBOUNCE_MS: Final = 50
STEP_MS: Final = 40
REARM_MS: Final = 1000
RETRY_S: Final = 30.0

Result = TypeVar("Result")
Identity = tuple[int, int]
"""(device, inode): a directory put in the place of another has a different one."""

logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it logs every change, of any file


class FileSource:
    """One configuration file. ``hints`` false leaves watchfiles out (a file system without inotify). ``lasting`` has
    what keeps changes from being seen, or from being seen at once."""

    def __init__(
        self,
        path: str | Path,
        *,
        timing: Timing | None = None,
        hints: bool = True,
        lasting: LastingProblems | None = None,
    ) -> None:
        self.path = Path(path)
        self._absolute = str(self.path.absolute())
        self._timing = timing or Timing()
        self._hints = hints
        # Further files whose content belongs to what is published: a rotated key is a new configuration.
        self._files: frozenset[str] = frozenset()
        self._settle = Settle(self._timing)
        # The stamps of the last reading: while they stay the same there is nothing to read. Empty after a reading that
        # a writer may still change without a new stamp (mmap).
        self._known: tuple[Stamp, ...] = ()
        # The digest that was published last: chmod, touch and the same bytes again are no news.
        self._published = ""
        # Bytes of the last good reading: a file that has lost half of them may be an editor's that truncates first.
        self._size = 0
        self._order = 0
        # How many events there were, and how many of them before the last look. A change without a new event means
        # that the watch misses events (inotify's queue overflowed, the directory was replaced): set it up again.
        self._events = self._events_heard = 0
        self._deaf = threading.Event()
        self._lasting = lasting or LastingProblems()
        self._replaced_files = ReplacedFiles()
        self._replaced: frozenset[str] = frozenset()
        self._wake = asyncio.Event()
        # ``read_now`` and the loop of ``run`` take turns: the state above belongs to one reading at a time.
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="config-file")
        ignore_lease_breaks()

    @property
    def name(self) -> str:
        """The path as it was given; diagnostics begin with it."""
        return str(self.path)

    @property
    def events(self) -> int:
        """How many events watchfiles has reported so far; 0 for ever = only the poll works."""
        return self._events

    def watch(self, files: frozenset[str]) -> None:
        """The files that the configuration names now. New ones are read once more, since what was
        read of them before may be older than the watch."""
        if files != self._files:
            self._files = files
            self._thread.submit(self._note_replaced)  # what is mounted now is what is compared with later
            self._wake.set()

    async def read_now(self) -> Update:
        """A reading that begins after this call, new or not; waits only for a writer at work."""
        async with self._lock:
            update = await self._settled(requested=True)
            assert update is not None
            return update

    async def run(self, publish: Publish) -> None:
        """Publishes each new content once, for ever."""
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="config-watch") as listener:
            if self._hints:
                listener.submit(self._listen, stop, lambda: _from_thread(loop, self._wake.set))
            try:
                while True:
                    await self._round(publish)
            finally:
                stop.set()

    async def _round(self, publish: Publish) -> None:
        await self._pause(self._timing.poll)
        async with self._lock:
            before = self._published
            update = await self._settled(requested=False)
            if update is not None and update.digest != before:
                if self._events == self._events_heard:
                    self._deaf.set()  # only the poll saw it: set the watch up again
                publish(update)
            self._events_heard = self._events

    async def _pause(self, seconds: float) -> None:
        """Waits for an event, at most this long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _settled(self, *, requested: bool) -> Update | None:
        """Waits until the save is complete, then reads; None when nothing has changed after all."""
        while True:
            look = await self._in_thread(self._look)
            if not requested and look.stamps == self._known:
                self._settle.forget()
                return None
            at_once = requested and (look.lease is Lease.FREE or not self._known)
            wait = self._settle.wait(look, time.monotonic(), size=self._size, at_once=at_once)
            if wait:
                await self._pause(wait)
                continue
            content = await self._in_thread(partial(self._read_files, look))
            # Two equal stamps do not rule out a write under way between them; a second look does.
            if look.lease is Lease.BUSY or await self._in_thread(self._look) == look:
                return self._took(content, look)

    def _took(self, content: Update, look: Look) -> Update:
        self._order += 1
        update = structs.replace(content, order=self._order)
        overdue = look.lease is Lease.BUSY
        if overdue and update.digest != self._published:
            seconds = self._timing.patience
            logger.warning(
                "{} is still open for writing {:g} s after its last change: read as it is", self.name, seconds
            )
        # A writer that is still there may change bytes without a new stamp (mmap): look again at every poll.
        self._known = () if overdue else look.stamps
        self._published = update.digest
        if update.problem is None:
            self._size = len(update.raw)
        return update

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # On the reading thread.

    def _look(self) -> Look:
        paths = (self._absolute, *sorted(self._files))
        stamps = tuple(stamp(path) for path in paths)
        known = dict(zip(paths, self._known, strict=False)) if len(self._known) == len(paths) else {}
        changed = [path for path, seen in zip(paths, stamps, strict=True) if known.get(path) != seen]
        leases = {probe(path) for path in changed}
        worst = next((lease for lease in (Lease.BUSY, Lease.UNAVAILABLE) if lease in leases), Lease.FREE)
        return Look(stamps=stamps, size=stamps[0][2] if len(stamps[0]) > 1 else -1, lease=worst)

    def _read_files(self, look: Look) -> Update:
        self._note_replaced()
        settled = look.lease is Lease.FREE
        try:
            content = read_whole(self._absolute)
            if not content.raw:
                raise Unreadable("empty", "is empty", EMPTY_HINT)
        except Unreadable as why:
            digest = hashlib.sha256(f"{why.code}: {why.message}".encode()).hexdigest()
            return Update(
                source=self.name, raw=b"", digest=digest, problem=unreadable_config(why, self.name), settled=settled
            )
        digest = self._digest(content.raw)
        return Update(source=self.name, raw=content.raw, digest=digest, settled=settled, mode=content.mode)

    def _digest(self, raw: bytes) -> str:
        digest = hashlib.sha256(raw)
        for path in sorted(self._files):
            try:
                named = hashlib.sha256(read_whole(path, MAX_BYTES).raw).digest()
            except Unreadable as why:
                named = why.code.encode()
            digest.update(b"\0" + path.encode("utf-8", "surrogateescape") + b"\0" + named)
        return digest.hexdigest()

    def _note_replaced(self) -> None:
        """Files whose mounts show what was there before they were replaced on the host."""
        now = self._replaced_files.among((self._absolute, *self._files))
        for path in self._replaced - now:
            self._lasting.put(f"replaced {path}", None)
        for path in now:
            self._lasting.put(f"replaced {path}", replaced(path))
        self._replaced = now

    # On the listening thread.

    def _listen(self, stop: threading.Event, hint: Callable[[], None]) -> None:
        """Gives a hint for every event in the watched directories, and starts again when these have been
        replaced; where listening is impossible, reports that and tries again now and then."""
        while not stop.is_set():
            try:
                self._listen_once(stop, hint)
            except Exception as error:
                self._lasting.put("file events", self._no_events(error))
                stop.wait(RETRY_S)

    def _no_events(self, error: Exception) -> Diagnostic:
        return Diagnostic(
            severity="warning",
            code="no-file-events",
            message=f"no file events ({error}): checking every {self._timing.poll:g} s instead",
            about=self.name,
            hint="raise fs.inotify.max_user_watches and fs.inotify.max_user_instances",
        )

    def _listen_once(self, stop: threading.Event, hint: Callable[[], None]) -> None:
        files = self._files
        watched = directories(self._absolute, files)
        self._deaf.clear()
        changes = watchfiles.watch(
            *watched,
            recursive=False,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            rust_timeout=REARM_MS,
            yield_on_timeout=True,
            force_polling=False,
            raise_interrupt=False,
            stop_event=stop,
        )
        for change in changes:
            self._lasting.put("file events", None)
            if change:
                self._events += 1
                hint()
            if self._deaf.is_set() or directories(self._absolute, self._files) != watched:
                changes.close()
        hint()  # for what happened while there was no watch


def directories(config: str, named: Iterable[str]) -> Mapping[str, Identity]:
    """The existing, readable directories to watch for ``config`` and the files it names.

    Watching the file itself goes deaf after the first rename over it; watching only its directory hears nothing
    of a link's target or of the directory's own replacement (reliability study, 2a). So: the directory of each
    path, that of what it leads to, and the parent of the first.
    """
    paths = {str(Path(config).absolute().parent.parent)}
    for path in (config, *named):
        paths.add(str(Path(path).absolute().parent))
        paths.add(os.path.dirname(os.path.realpath(path)))
    identities = ((path, _identity(path)) for path in sorted(paths))
    return {path: identity for path, identity in identities if identity is not None}


def _identity(path: str) -> Identity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    usable = os.path.isdir(path) and os.access(path, os.R_OK)
    return (status.st_dev, status.st_ino) if usable else None


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(call)
