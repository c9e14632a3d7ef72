"""One upstream request and its response, as the gateway sees them; whichever engine serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.wires.base import Ending

DRAIN = 1.0
"""Seconds an upstream has to end its body after its last event, for its connection to be used again."""
GRACE: Final[Mapping[Ending, float]] = {"counted": 0.1, "said": 1.5, "doubted": 15.0}
"""Seconds that it has for what may follow a complete answer: the mark of its end, the usage, or more content of one
that has said too early that it ends."""
ERROR_BODY_LIMIT = 256 * 1024
WHOLE_BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of one body that is read to its end."""
MOST_UNPACKED = 64 * 1024 * 1024
"""Bytes of one compressed body, unpacked."""


class UpstreamCall(Struct, frozen=True, kw_only=True):
    """One request. A GET has no body. ``connect_timeout`` in seconds; ``proxy`` '' = none; ``ca`` an extra CA file
    or ''. ``most_unpacked``: bytes of a body that comes compressed; a longer one is the upstream's failure."""

    url: str
    headers: dict[str, str]
    connect_timeout: float
    method: Literal["GET", "POST"] = "POST"
    body: bytes = b""
    proxy: str = ""
    ca: str = ""
    most_unpacked: int = MOST_UNPACKED


class Body(Protocol):
    """The body of a response as it arrives."""

    @property
    def ended(self) -> bool: ...

    def read(self) -> Awaitable[bytes]: ...

    def gather(self) -> None: ...

    def close(self) -> None: ...


class UpstreamResponse:
    """An upstream's response whose head has arrived. Header names are lower-case; ``content_type`` has
    no parameters. Whoever opened it closes it.

    ``read`` gives all bytes that have arrived, waiting for the first, and ``b""`` at the clean end of
    the body; it raises ``RemoteError`` for a body that is cut. After ``gather`` the pieces may come
    later and larger.
    """

    __slots__ = ("_body", "_host", "content_type", "gather", "headers", "read", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: Body, host: str) -> None:
        self._body = body
        self._host = host
        self.status = status
        self.headers = headers
        self.content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.read: Callable[[], Awaitable[bytes]] = body.read
        self.gather: Callable[[], None] = body.gather

    async def read_whole(
        self, limit: int = WHOLE_BODY_LIMIT, *, begun: bytes = b"", taken: Callable[[int], None] | None = None
    ) -> bytes:
        """The whole body; more than ``limit`` bytes is the upstream's failure. ``begun`` is what has been read of it
        already; ``taken`` is called with the size of each piece and may refuse it by raising."""
        parts: list[bytes] = []
        size = 0
        data = begun or await self.read()
        while data:
            if taken is not None:
                taken(len(data))
            parts.append(data)
            size += len(data)
            if size > limit:
                raise RemoteError(ErrorKind.API, f"the upstream {self._host} answered more than {limit} bytes")
            data = await self.read()
        return b"".join(parts)

    async def read_error(self) -> bytes:
        """The body of an error response, as far as it can be had."""
        try:
            return await self.read_whole(ERROR_BODY_LIMIT)
        except RemoteError:
            return b""

    async def drain(self) -> None:
        """Read the end of the body, so that the connection can be used again, and close."""
        with self:
            try:
                async with asyncio.timeout(DRAIN):
                    while not self.ended and await self.read():
                        pass
            except (TimeoutError, RemoteError):
                return

    @property
    def ended(self) -> bool:
        """Whether the body has arrived to its end."""
        return self._body.ended

    def close(self) -> None:
        """Free the connection: back to the pool when the body has ended, else closed."""
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
