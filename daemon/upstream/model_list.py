"""``GET {base-url}/models``: the request, its response, and the names in it. A free question; no clock is read here.

The list is the upstream's own text, so it is bounded before anything is made of it: bytes of the body (unpacked, too),
how many names, how long each, and which characters.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Final

from msgspec import Struct, structs

from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse

MOST_BYTES: Final = 2 * 1024 * 1024
"""OpenRouter's entries have prices and descriptions, 1 to 2 KiB each, and there are hundreds."""
MOST_NAMES: Final = 1000
MOST_ENTRIES: Final = 10 * MOST_NAMES
"""That are looked at, usable or not."""
LONGEST_NAME: Final = 128
"""Bytes of UTF-8."""
LIST_FIELDS: Final = ("data", "models", "result", "items")
"""Where the list is: OpenAI's and Anthropic's ``data``, Codex', Ollama's and Gemini's ``models``, Cloudflare's
``result``. Some gateways put one of them into another."""
NAME_FIELDS: Final = ("id", "slug", "name", "model")
"""Where a model's name is: OpenAI's and Anthropic's ``id``, Codex' ``slug``, Ollama's ``name`` and ``model``."""
GEMINI_PREFIX: Final = "models/"
"""Gemini lists ``models/gemini-2.5-pro`` and takes the name with it and without it."""

Open = Callable[[UpstreamCall], Awaitable[UpstreamResponse]]
"""The engine's ``open``."""


class ModelsResponse(Struct, frozen=True, kw_only=True):
    """The response to ``GET url``. Header names are lower-case; ``body`` may be cut."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"

    @property
    def data(self) -> object:
        """The body as JSON; None where it is none. One name in another encoding does not take the others away."""
        try:
            try:
                decoded: object = json.loads(self.body)
            except UnicodeDecodeError:
                decoded = json.loads(self.body.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
        return decoded

    @property
    def has_more(self) -> bool:
        """Whether it is the first page of several, as Anthropic says it."""
        return self.status == 200 and isinstance(data := self.data, dict) and data.get("has_more") is True

    @property
    def speaks_json(self) -> bool:
        return isinstance(self.data, dict | list)


async def ask_models(
    open: Open, auth: CoreAuth, *, url: str = "", connect_timeout: float, ca: str = ""
) -> ModelsResponse:
    """What ``auth``'s upstream lists, asked as a request would be, but with no more of a body than ``MOST_BYTES``.

    The connection is not kept: a server that has one thread would wait on it while a request waits for the server.
    ``url`` is another address than the provider's own. Raises ``RemoteError`` where no response comes.
    """
    adapter = adapter_of(auth)
    headers = adapter.headers(auth, {}, same_wire=False) | {"accept": "application/json", "connection": "close"}
    del headers["content-type"]
    call = UpstreamCall(
        method="GET",
        url=url or adapter.models_url(auth.base_url),
        headers=headers,
        connect_timeout=connect_timeout,
        proxy=auth.proxy_url,
        ca=ca,
        most_unpacked=MOST_BYTES,
    )
    response, query = await _asked(open, call), adapter.wire.upstream.models_query
    if url or not query or not response.has_more:
        return response
    # Not before there is a need: not every server that copies Anthropic's API takes a query here.
    whole = await _asked(open, structs.replace(call, url=f"{call.url}{'&' if '?' in call.url else '?'}{query}"))
    return whole if listed_names(whole.data) else response


async def _asked(open: Open, call: UpstreamCall) -> ModelsResponse:
    with await open(call) as response:
        body = await _beginning(response)
    return ModelsResponse(url=call.url, status=response.status, headers=dict(response.headers), body=body)


async def _beginning(response: UpstreamResponse) -> bytes:
    """The body, or as much of it as is looked at."""
    body = b""
    while len(body) <= MOST_BYTES and (data := await response.read()):
        body += data
    return body


def listed_names(data: object) -> tuple[str, ...] | None:
    """The names in a list of models, in its order; None for what is no such list.

    ``{"data": […]}`` of OpenAI and Anthropic, ``{"models": […]}`` of Codex, Ollama and Gemini, a list without a name,
    and one of them inside another.
    """
    entries = _entries(data)
    if entries is None:
        return None
    return tuple(name for entry in entries[:MOST_ENTRIES] if (name := _name(entry)) is not None)


def _entries(data: object) -> list[object] | None:
    """The list that has something in it, or one that has not."""
    inner = data.get("data") if isinstance(data, dict) else None
    found = [each for level in (data, inner) for each in _lists(level)]
    return next((each for each in found if each), found[0] if found else None)


def listed_owners(data: object) -> frozenset[str]:
    """Who owns the models of such a list (``owned_by``), '' for those of which it does not say; of the first
    ``MOST_NAMES``."""
    entries = (_entries(data) or [])[:MOST_NAMES]
    owners = (entry.get("owned_by") if isinstance(entry, dict) else None for entry in entries)
    return frozenset(each if isinstance(each, str) else "" for each in owners)


def _lists(level: object) -> list[list[object]]:
    lists = (level.get(field) for field in LIST_FIELDS) if isinstance(level, dict) else (level,)
    return [each for each in lists if isinstance(each, list)]


def _name(entry: object) -> str | None:
    fields = (entry.get(field) for field in NAME_FIELDS) if isinstance(entry, dict) else (entry,)
    name = next((each for each in fields if isinstance(each, str)), None)
    return None if name is None else name.removeprefix(GEMINI_PREFIX)


def usable_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those that a client can ask for, each once, ``MOST_NAMES`` at most.

    Left out are names that are empty or too long, with space around them, or with characters that are not printed:
    control characters, unpaired surrogates, what was no UTF-8, characters that change the direction of the text.
    """
    return tuple(islice((name for name in dict.fromkeys(names) if _is_usable(name)), MOST_NAMES))


def _is_usable(name: str) -> bool:
    # Four bytes is the longest character; those that no UTF-8 has are not printable.
    is_short = len(name) <= LONGEST_NAME // 4 or len(name.encode("utf-8", "replace")) <= LONGEST_NAME
    return is_short and name == name.strip() != "" and name.isprintable() and "\ufffd" not in name
