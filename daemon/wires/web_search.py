"""A web search that another API's upstream ran, for models whose API has no form for it: a text says what it found."""

from __future__ import annotations

import msgspec

from daemon.inference.blocks import HostedCall
from daemon.wires.json import NOT_JSON

NAME = "web_search"


def search_text(call: HostedCall) -> str:
    """What an earlier search asked and found, in a line; '' for a call that is no search, or says neither."""
    if call.name != NAME:
        return ""
    query = _query(call)
    found = ", ".join(f"{hit.url} ({hit.title})" if hit.title not in ("", hit.url) else hit.url for hit in call.hits)
    if not query and not found:
        return ""
    asked = f'web search for "{query}"' if query else "web search"
    return f"[{asked}: {found}]" if found else f"[{asked}]"


def is_missed(call: HostedCall) -> bool:
    """Whether a model that reads the text alone has less than the one that made the call."""
    return call.name != NAME or call.sealed


def _query(call: HostedCall) -> str:
    try:
        asked = msgspec.json.decode(call.input or b"{}")
    except NOT_JSON:
        return ""
    query = asked.get("query") if isinstance(asked, dict) else None
    return query if isinstance(query, str) else ""
