"""Server-sent events, sans I/O: upstream bytes in, the ``data`` payload of each whole event out.

Invariants:
1. Cuts anywhere (inside a line end, a byte-order mark, a UTF-8 sequence) change nothing.
2. Line ends are ``\\n``, ``\\r\\n`` or ``\\r``, mixed at will; they are normalised on arrival, so that
   everything after it searches for one separator.
3. An event without a ``data`` line (comments, ``retry``, blank lines) gives nothing.

The event name is not returned: every dialect repeats it as ``type`` inside the payload.
"""

from __future__ import annotations

from typing import Final

from daemon.errors import ErrorKind, RemoteError

FRAME_LIMIT = 16 * 1024 * 1024
"""Bytes of one event. Beyond it an upstream is broken or hostile."""

LARGE: Final = 256 * 1024
"""Bytes of an event, or of a whole answer, whose values are counted."""
MOST_VALUES: Final = 500_000
"""Values in it. Each becomes an object of up to 300 bytes, however short it is written: 16 MiB of ``{},`` took 1.5 GiB.
Real answers have a few thousand; one with ``logprobs`` has the most."""

_BOM = b"\xef\xbb\xbf"


class SseSplitter:
    """Splits one event stream. ``feed`` what arrives; ``close`` when the body has ended.

    Events whose first line is one of ``unread`` (``b"event: …"``) are not returned but laid aside, whole, in
    the list ``unread``: who wants only the whole answer need not read every piece of it. ``tail`` is what there is of
    an event that has begun.
    """

    __slots__ = ("_after_cr", "_fresh", "_lead", "_limit", "_looked_at", "_unread", "tail", "unread")

    def __init__(self, limit: int = FRAME_LIMIT, *, unread: frozenset[bytes] = frozenset()) -> None:
        self.unread: list[bytes] = []
        self._unread = unread
        self._lead = b"data: "  # what stood before the payload of the last usual event
        self.tail = bytearray()
        self._fresh = True  # no byte so far: a byte-order mark may come, also cut in three
        self._after_cr = False  # the last byte was a ``\r``, whose ``\n`` may come with the next read
        self._limit = limit
        self._looked_at = min(limit, LARGE)

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the events that ``data`` completes, in order.

        Raises ``RemoteError`` for an event larger than the limit; the stream is unusable then.
        """
        if self._after_cr or b"\r" in data:
            data = self._normalise(data)
        if self._fresh:
            data = self._strip_bom(data)
        if self.tail:
            seen = len(self.tail)
            self.tail += data
            if self.tail.find(b"\n\n", seen - 1) < 0:
                return self._keep(self.tail)
            data = bytes(self.tail)
            self.tail = bytearray()
        frames = data.split(b"\n\n")
        tail = frames.pop()
        if tail:
            self.tail += tail
            self._keep(self.tail)
        if len(data) > self._looked_at:
            for each in frames:
                if len(each) > self._limit:
                    raise _too_large(self._limit)
                check_values(each)
        if self._unread:
            frames = self._read(frames, self._unread)
        # Most frames begin as the one before: the bytes up to its payload are known then.
        payloads: list[bytes] = []
        lead = self._lead
        for each in frames:
            if each.startswith(lead) and each.find(b"\n", len(lead)) < 0:
                payloads.append(each[len(lead) :])
                continue
            payload = _payload(each)
            if payload is not None:
                payloads.append(payload)
                self._lead = lead = _lead(each) or lead
        return payloads

    def close(self) -> list[bytes]:
        """The payload of a last event that lacks its blank line, if any: it may be cut short."""
        tail, self.tail = bytes(self.tail).strip(b"\n"), bytearray()
        payload = _payload(tail)
        return [] if payload is None else [payload]

    def _read(self, frames: list[bytes], unread: frozenset[bytes]) -> list[bytes]:
        """The frames to be read; the others are laid aside."""
        read: list[bytes] = []
        aside = self.unread
        for each in frames:
            first_line = each[: each.find(b"\n")]
            (aside if first_line in unread else read).append(each)
        return read

    def _keep(self, tail: bytearray) -> list[bytes]:
        if len(tail) > self._limit:
            raise _too_large(self._limit)
        return []

    def _normalise(self, data: bytes) -> bytes:
        """``\\r\\n`` and ``\\r`` become ``\\n``. A ``\\r`` at the very end counts at once (its event must
        not wait for the next read); the ``\\n`` that may follow it is then swallowed."""
        if not data:
            return data
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _strip_bom(self, data: bytes) -> bytes:
        data = bytes(self.tail) + data
        self.tail = bytearray()
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self.tail += data
            return b""
        self._fresh = False
        return data.removeprefix(_BOM)


def check_values(body: bytes) -> None:
    """Raises ``RemoteError`` for JSON of an upstream's that would become more objects than ``MOST_VALUES``. What is in
    texts counts too: to know the difference takes reading it."""
    if len(body) > LARGE and body.count(b",") > MOST_VALUES:
        message = f"the upstream sent more than {MOST_VALUES} values in one piece"
        raise RemoteError(ErrorKind.API, message, reason="answer_too_large")


def frame(event: str, data: bytes) -> bytes:
    """One event as bytes, ``event:`` line included (Claude Code ignores streams without it)."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data)


def _payload(event: bytes) -> bytes | None:
    """The data of one event."""
    lead = _lead(event)
    return event[len(lead) :] if lead else _payload_of_lines(event)


def _lead(event: bytes) -> bytes:
    """What comes before the payload in the usual shapes: ``data: `` alone, or one other line and it.
    Empty for any other shape."""
    start = event.find(b"\n") + 1
    usual = event.startswith(b"data: ", start) and event.find(b"\n", start) < 0
    return event[: start + 6] if usual and not (start and event.startswith(b"data")) else b""


def _payload_of_lines(event: bytes) -> bytes | None:
    values: list[bytes] = []
    for line in event.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            values.append(value.removeprefix(b" "))
    return b"\n".join(values) if values else None


def _too_large(limit: int) -> RemoteError:
    return RemoteError(
        ErrorKind.API, f"the upstream sent an event larger than {limit} bytes", reason="answer_too_large"
    )
