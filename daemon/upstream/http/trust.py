"""By which CAs the certificates of upstreams are checked: the system's, and those of an extra file.

    fresh(ca) ─ looked at a moment ago ──────────────────▶ the TLS context in force
    of(ca) ──── looks at the files ─┬─ same content ─────▶ the same
                off the loop        └─ another content ──▶ a new one, from now on

1. A context lasts as long as what it was made of: a rotated CA is in force without a restart, and a CA that was taken
   away is not trusted any more. Whoever keeps connections compares the contexts they were opened with.
2. Content that cannot be used changes nothing. Of the extra file the reload that comes with it reports that; of the
   system's CAs it is logged here.
3. Files are looked at when TLS is needed, every ``LOOK_EVERY`` seconds at most. A file system that hangs holds up
   nobody for longer than ``PATIENCE``, once there is a context.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import stat
from functools import partial
from math import inf
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import Struct, structs

LOOK_EVERY: Final = 0.5
PATIENCE: Final = 1.0
MOST_KEPT: Final = 8
"""Contexts, one for each path that ``upstream-ca`` has had."""
MOST_BYTES: Final = 16 * 1024 * 1024
MOST_ENTRIES: Final = 10_000
"""Files of a directory of CAs."""

Stamp = tuple[object, ...]


class BadCaFile(OSError):
    """The file that ``upstream-ca`` names cannot be read, or is no PEM file."""


class Trusted(Struct, frozen=True, kw_only=True):
    """A context, and what it was made of. ``has_system``: the system has CAs. ``lost_system``: it had, and has none
    now, so those read before are still in force."""

    context: ssl.SSLContext
    seen: Stamp
    digest: bytes
    has_system: bool
    lost_system: bool = False


class Trust:
    """The contexts in force. Made inside the running loop."""

    def __init__(self) -> None:
        self._trusted: dict[str, Trusted] = {}
        self._looked: dict[str, float] = {}
        self._looks: dict[str, asyncio.Future[Trusted]] = {}
        self._loop = asyncio.get_running_loop()

    def look_again(self) -> None:
        """The next connection looks at the files, however short ago the last look was."""
        self._looked.clear()

    def fresh(self, ca: str) -> ssl.SSLContext | None:
        """The context for the extra CA file ``ca``, '' for none; None where the files have to be looked at."""
        known = self._trusted.get(ca)
        is_fresh = known is not None and self._loop.time() - self._looked.get(ca, -inf) < LOOK_EVERY
        return known.context if known is not None and is_fresh else None

    async def of(self, ca: str) -> ssl.SSLContext:
        """The context after a look at the files. Raises ``BadCaFile`` for one that has never been usable."""
        known = self._trusted.get(ca)
        look = self._looks.get(ca)
        if look is None:
            look = self._looks[ca] = self._loop.run_in_executor(None, _look, ca, known)
            look.add_done_callback(partial(self._take, ca))
        # Whoever is cancelled while it waits leaves the look to the others.
        await asyncio.wait((look,), timeout=PATIENCE if known else None)
        return look.result().context if look.done() else self._trusted[ca].context

    def _take(self, ca: str, look: asyncio.Future[Trusted]) -> None:
        del self._looks[ca]
        if look.cancelled() or look.exception() is not None:
            return
        before, now = self._trusted.pop(ca, None), look.result()
        self._trusted[ca], self._looked[ca] = now, self._loop.time()
        for oldest in list(self._trusted)[:-MOST_KEPT]:
            del self._trusted[oldest]
            self._looked.pop(oldest, None)
        if before is not None:
            _report(before, now)


def _report(before: Trusted, now: Trusted) -> None:
    if now.context is not before.context:
        logger.info(
            "the CA certificates for upstreams have changed: connections from now on are checked by the new ones"
        )
    if now.lost_system and not before.lost_system:
        logger.error(
            "the system's CA certificates cannot be read any more ({}): those that were read before stay in force",
            ", ".join(_system_paths()) or "no paths",
        )


# --- off the loop ---


def _look(ca: str, known: Trusted | None) -> Trusted:
    """What is in force after a look at the files; ``known`` where nothing changes."""
    system = _system_paths()
    seen = tuple(_stamps(path) for path in (*system, *((ca,) if ca else ())))
    if known is not None and known.seen == seen:
        return known
    try:
        extra = _read(ca) if ca else b""
        directories = tuple(stamp for path, stamp in zip(system, seen, strict=False) if os.path.isdir(path))
        digest = _digest(extra, repr(directories).encode(), *map(_read_system, system))
        if known is not None and known.digest == digest:
            return structs.replace(known, seen=seen, lost_system=False)
        context, in_file = _make_context(extra)
    except BadCaFile:
        if known is None:
            raise
        return structs.replace(known, seen=seen)
    has_system = in_file or any(len(stamp) > 1 for stamp in directories)
    if known is not None and known.has_system and not has_system:
        return structs.replace(known, seen=seen, lost_system=True)
    return Trusted(context=context, seen=seen, digest=digest, has_system=has_system)


def _make_context(extra: bytes) -> tuple[ssl.SSLContext, bool]:
    """The context, and whether the system's CA file has any."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    in_file = context.cert_store_stats()["x509"] > 0
    if extra:
        try:
            context.load_verify_locations(cadata=extra.decode("ascii"))
        except (UnicodeDecodeError, ssl.SSLError, ValueError) as error:
            raise BadCaFile(type(error).__name__) from error
    return context, in_file


def _system_paths() -> tuple[str, ...]:
    """Where OpenSSL looks for the system's CAs: a file, and directories."""
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env) or paths.openssl_cafile
    directories = os.environ.get(paths.openssl_capath_env) or paths.openssl_capath
    return tuple(path for path in (file, *directories.split(os.pathsep)) if path)


def _stamps(path: str) -> Stamp:
    """Changes whenever the content may have: of a directory with the files in it, which may be links."""
    own = _stamp(path)
    try:
        names = sorted(os.listdir(path))[:MOST_ENTRIES] if os.path.isdir(path) else ()
    except OSError:
        return (own,)
    return (own, *((name, _stamp(os.path.join(path, name))) for name in names))


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return (type(error).__name__,)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _read(path: str) -> bytes:
    """A regular file, never waiting on a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadCaFile("not a regular file")
            content = file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        raise BadCaFile(type(error).__name__) from error
    if not content:
        raise BadCaFile("empty")
    return content


def _read_system(path: str) -> bytes:
    try:
        return b"" if Path(path).is_dir() else _read(path)
    except BadCaFile:
        return b""


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()
