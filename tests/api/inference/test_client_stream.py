"""What the headers of an answer say of who answered and what was lost."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from daemon.api.inference.client_stream import LONGEST_LIST, AsgiClientStream
from daemon.gateway.client_stream import ResponseHead


async def headers_of(head: ResponseHead) -> dict[bytes, bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await AsgiClientStream(send, []).respond(200, {}, b"{}", head)
    return dict(sent[0]["headers"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("expected", "lost"),
    [
        (None, ()),
        (b"top_k", ("top_k",)),
        (b"top_k,stop", ("top_k", "stop", "top_k")),
        (b"tools.a??x-evil: 1", ("tools.a\r\nx-evil: 1",)),
        (b"tools.??", ("tools.日本",)),
    ],
)
async def test_what_was_lost(expected: bytes | None, lost: tuple[str, ...]) -> None:
    headers = await headers_of(ResponseHead(provider="fox", attempts=2, lost=lost))
    assert headers.get(b"x-tppcd-lost") == expected
    assert (headers[b"x-tppcd-provider"], headers[b"x-tppcd-attempts"]) == (b"fox", b"2")


@pytest.mark.asyncio
async def test_a_long_list_is_cut_between_two_names() -> None:
    headers = await headers_of(ResponseHead(attempts=1, lost=tuple(f"messages[{n}].image" for n in range(1000))))
    shown = headers[b"x-tppcd-lost"]
    assert len(shown) <= LONGEST_LIST + 4
    assert shown.endswith(b".image,...")


@pytest.mark.asyncio
async def test_nobody_was_asked() -> None:
    assert await headers_of(ResponseHead()) == {b"content-type": b"application/json", b"content-length": b"2"}
