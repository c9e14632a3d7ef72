"""Web searches that an upstream runs: two blocks here, one hosted call in the hub.

    server_tool_use {id, input}  +  web_search_tool_result {tool_use_id, content}   <->   HostedCall

The second block may come after others. What another API's upstream found it may say only by what it cites, in the text
behind its search: then the second block comes at the end of the answer (``PendingResults``), so that no text waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw, ValidationError

from daemon.inference.blocks import Citation, HostedCall, SearchHit
from daemon.inference.events import OBJECT
from daemon.inference.request import AnyTool, WebSearch
from daemon.wires.anthropic_messages.schema import (
    WIRE_NAME,
    SearchResultItem,
    ToolUseBlock,
    WebSearchResultBlock,
)
from daemon.wires.json import NOT_JSON, encode, fields_of, items_of, type_of

SEARCH = "web_search"
_TYPES = frozenset({"server_tool_use", "web_search_tool_result"})

_search_result = msgspec.json.Decoder(WebSearchResultBlock)
_search_items = msgspec.json.Decoder(list[SearchResultItem])
_OUTSIDE_ID = re.compile(r"[^A-Za-z0-9_]")


# --- to the hub -----------------------------------------------------------------------------------


def search_call(use: ToolUseBlock, use_raw: bytes, result_raw: Raw | None) -> HostedCall:
    """The ``server_tool_use`` block and its result as one hosted call."""
    parts = (use_raw,) if result_raw is None else (use_raw, bytes(result_raw))
    items = () if result_raw is None else _items_of(result_raw)
    return HostedCall(
        id=use.id,
        name=use.name,
        input=use.input or None,
        hits=tuple([SearchHit(url=item.url, title=item.title or "") for item in items if item.url]),
        sealed=any(item.encrypted_content for item in items),
        wire=WIRE_NAME,
        raw=Raw(b"[" + b",".join(parts) + b"]"),
    )


def server_use_of(raw: Raw | bytes) -> ToolUseBlock | None:
    """The ``server_tool_use`` of a web search, which the hub knows; None for every other block."""
    try:
        fields = fields_of(raw)
        if (
            bytes(fields.get("type", Raw())) != b'"server_tool_use"'
            or bytes(fields.get("name", Raw())) != b'"web_search"'
        ):
            return None
        identifier = msgspec.json.decode(fields["id"], type=str)
    except (*NOT_JSON, KeyError):
        return None
    return ToolUseBlock(id=identifier, name=SEARCH, input=fields.get("input", Raw()))


def result_id_of(raw: Raw) -> str | None:
    """Which search a ``web_search_tool_result`` belongs to; None for every other block."""
    try:
        fields = fields_of(raw)
        if bytes(fields.get("type", Raw())) != b'"web_search_tool_result"':
            return None
        return msgspec.json.decode(fields["tool_use_id"], type=str)
    except (*NOT_JSON, KeyError):
        return None


def with_searches(raws: Sequence[Raw]) -> Iterator[HostedCall | Raw | None]:
    """The blocks of a message, a search in place of its first block; None in place of its second one."""
    if not any(type_of(raw) in _TYPES for raw in raws):
        yield from raws
        return
    results = {identifier: raw for raw in raws if (identifier := result_id_of(raw)) is not None}
    used: set[str] = set()
    for raw in raws:
        if (use := server_use_of(raw)) is not None:
            used.add(use.id)
            yield search_call(use, bytes(raw), results.get(use.id))
        else:
            identifier = result_id_of(raw)
            yield raw if identifier is None or identifier not in used else None


def _items_of(result: Raw) -> Sequence[SearchResultItem]:
    try:
        content = _search_result.decode(result).content
        return _search_items.decode(content) if content else ()
    except ValidationError:  # an error object in place of the list
        return ()


# --- to a client ----------------------------------------------------------------------------------


def hosted_blocks(call: HostedCall) -> list[Raw]:
    """A hosted web search as its two blocks; other vendors' hosted tools have no form here."""
    if call.wire == WIRE_NAME and call.raw is not None:
        return items_of(call.raw)
    if call.name != SEARCH:
        return []
    return [_use(call), _result(_use_id(call), {hit.url: hit.title for hit in call.hits})]


class PendingResults:
    """The results of one answer's searches that are not said yet. ``tools``: what the client offers. ``kept``: bytes of
    the pages cited so far."""

    __slots__ = ("_pages", "_searched", "_shown", "_tools", "_waiting", "kept")

    def __init__(self, tools: Sequence[AnyTool]) -> None:
        self._tools = tools
        self._searched = False  # whether the upstream has said that it searched
        self._waiting: list[str] = []  # ids of searches without a result
        self._shown: set[str] = set()  # pages of those that have one
        self._pages: dict[str, str] = {}  # url -> title
        self.kept = 0

    def take(self, call: HostedCall) -> list[Raw]:
        """The blocks of a search that are due now."""
        self._searched |= call.name == SEARCH
        if call.wire == WIRE_NAME or call.name != SEARCH or call.hits:
            self._shown.update(hit.url for hit in call.hits)
            return hosted_blocks(call)
        self._waiting.append(_use_id(call))
        return [_use(call)]

    def cite(self, citation: Citation) -> None:
        url = citation.url
        if url and url not in self._shown and url not in self._pages:
            self._pages[url] = citation.title or ""
            self.kept += OBJECT + len(url) + len(citation.title or "")

    def rest(self) -> list[Raw]:
        """The results that are still due: nobody says which search found a page, so that the last one has them all.
        Search models of the Chat API say nothing of their searches but what they cite."""
        if self._pages and not self._searched and any(isinstance(tool, WebSearch) for tool in self._tools):
            call = HostedCall(id="", name=SEARCH)
            return [_use(call), _result(_use_id(call), self._pages)]
        waiting, self._waiting = self._waiting, []
        return [_result(each, self._pages if each is waiting[-1] else {}) for each in waiting]


def _use_id(call: HostedCall) -> str:
    return "srvtoolu_" + (_OUTSIDE_ID.sub("_", call.id) or "0")


def _use(call: HostedCall) -> Raw:
    asked = call.input or Raw(b"{}")
    return Raw(encode({"type": "server_tool_use", "id": _use_id(call), "name": call.name, "input": asked}))


def _result(identifier: str, pages: Mapping[str, str]) -> Raw:
    """Claude Code shows a page by its title (2.1.332): one that has none goes by its address."""
    content = [
        {"type": "web_search_result", "url": url, "title": title or url, "encrypted_content": "", "page_age": None}
        for url, title in pages.items()
    ]
    return Raw(encode({"type": "web_search_tool_result", "tool_use_id": identifier, "content": content}))
