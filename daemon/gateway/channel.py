"""The way back to the client, as the pipeline sees it; the API layer has the one over ASGI."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class AnswerHead(Struct, frozen=True, kw_only=True):
    """What the headers say: who answered, after how many attempts, what the request lost, and what the upstream
    says to clients of its own wire (``passed``: names in lower case, and values)."""

    provider: str = ""
    attempts: int = 0
    lost: tuple[str, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()


class Channel(Protocol):
    """Either ``start_stream``, any number of ``write``, ``end_stream``; or one ``answer``."""

    started: bool

    async def start_stream(self, head: AnswerHead) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def end_stream(self, data: bytes) -> None: ...

    async def answer(self, status: int, headers: dict[str, str], body: bytes, head: AnswerHead) -> None: ...
