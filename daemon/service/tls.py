"""HTTPS for the listener: which certificate a connection is shown.

    start ─ tls.cert, tls.key ─▶ the first context: OpenSSL has it for every connection
    config.yaml or one of the files was read ─ look_again ─ another content ─▶ the certificate in force
    handshake ─ choose ─▶ the context of the certificate in force

1. The paths are those of the start; other paths need a restart. New content of the same files is in force for the
   connections from then on, and those that are open keep theirs.
2. A pair is exchanged as a whole, so a handshake between two writes of a renewal gets the old one.
3. Content that cannot be used changes nothing: the reload that comes with it reports that.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

from loguru import logger

from daemon.config.schema import Config
from daemon.service.options import StartRefused
from daemon.sources.certificate import BadCertificate, ServerCertificate, day, read_certificate

Seen = Callable[[str, float], None]
"""(path of the certificate, when it ends in Unix seconds)"""


class ListenerTls:
    """``read`` reads the pair again; it may block. ``seen`` is called with each certificate that is in force."""

    def __init__(self, file: str, read: Callable[[], ServerCertificate], first: ServerCertificate, seen: Seen) -> None:
        self._file, self._read, self._seen = file, read, seen
        self._current = first
        self._look: asyncio.Future[ServerCertificate] | None = None
        self._once_more = False
        self.context = first.context
        """For every connection; ``choose`` replaces it at the handshake."""
        self.context.sni_callback = self._choose
        seen(file, first.ends)
        logger.info("certificate {}: HTTPS, {}", file, _described(first))

    def look_again(self) -> None:
        """The files may have changed. Returns at once; at most one look is under way, and one more after it."""
        if self._look is not None:
            self._once_more = True
            return
        self._look = asyncio.get_running_loop().run_in_executor(None, self._read)
        self._look.add_done_callback(self._take)

    def _take(self, look: asyncio.Future[ServerCertificate]) -> None:
        self._look, again, self._once_more = None, self._once_more, False
        if not look.cancelled() and look.exception() is None:
            self._put(look.result())
        if again:
            self.look_again()

    def _put(self, new: ServerCertificate) -> None:
        if new.digest == self._current.digest:
            return
        self._current = new
        self._seen(self._file, new.ends)
        logger.info("certificate {}: changed, new connections get it: {}", self._file, _described(new))

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str, _first: ssl.SSLContext) -> None:
        """Called by OpenSSL in each handshake, with or without a name."""
        connection.context = self._current.context


async def listener_tls(config: Config, seen: Seen) -> ListenerTls | None:
    """None without ``tls`` in the configuration, whose paths are absolute. Raises StartRefused."""
    cert, key = config.tls.cert, config.tls.key
    if not (cert and key):
        return None
    read = partial(read_certificate, cert, key)
    try:
        first = await asyncio.to_thread(read)
    except BadCertificate as why:
        raise StartRefused(f"tls.{why.key}: {cert if why.key == 'cert' else key} {why.message} ({why.hint})") from None
    return ListenerTls(cert, read, first, seen)


def _described(certificate: ServerCertificate) -> str:
    return f"for {certificate.shown_names}, until {day(certificate.ends)}"
