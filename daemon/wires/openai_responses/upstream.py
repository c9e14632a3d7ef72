"""How a Responses upstream is addressed, and what is forced in a request whose bytes pass through.

A Codex client talking to a Responses upstream stays one: what it says of itself passes up, and what the upstream
says to Codex passes down. Relays that serve Codex only know it by these (sub2api#4694, claude-relay-service's
``codexCliValidator``, 2026-11); others rewrite the requests of whoever is not Codex. No other client gets a disguise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw

from daemon.inference.request import Request
from daemon.wires.base import EarlierReasoning, EncodeOptions, Fields, Item, Sift, Upstream
from daemon.wires.json import FALSE, NULL, TRUE, encode, with_effort
from daemon.wires.openai import upstream as openai
from daemon.wires.openai.parameters import session_key
from daemon.wires.openai_responses.encode_request import ENCRYPTED_REASONING

_CODEX: Final = re.compile(r"codex\b|codex[_-]", re.IGNORECASE)
"""``codex_cli_rs/0.171.0 (…)``, ``codex_exec/…``, ``codex-tui/…``, ``Codex Desktop/…``; the same as ``originator``."""
_OF_CODEX: Final = ("x-codex-",)
_FOR_CODEX: Final = ("x-codex-", "x-ratelimit-", "x-models-etag")
_MOST_PASSED: Final = 64
"""Headers of one answer that are passed down."""
_NO_TOOLS: Final = (Raw(b"[]"), NULL, None)

_names = msgspec.json.Decoder(list[str]).decode
_array = msgspec.json.Decoder(list[Raw]).decode


def passed_up(client: Mapping[str, str]) -> dict[str, str]:
    """Those of the client's headers that go along: of Codex also what it says of itself."""
    passed = openai.passed_up(client)
    if is_codex(client):
        passed |= {name: client[name] for name in client if name == "user-agent" or name.startswith(_OF_CODEX)}
    return passed


def is_codex(client: Mapping[str, str]) -> bool:
    """Whether the client says that it is Codex."""
    return any(_CODEX.match(client.get(name, "")) for name in ("originator", "user-agent"))


def passed_down(upstream: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What of a Responses upstream's answer headers a client of the same wire gets: limits, catalog, turn state."""
    passed = [(name, value) for name, value in upstream.items() if name.startswith(_FOR_CODEX)]
    return tuple(passed[:_MOST_PASSED])


def force_fields(fields: Fields, body: bytes, _request: Request, options: EncodeOptions) -> None:
    """Always streamed; storage as the provider's privacy says; reasoning that can be handed back."""
    fields["stream"] = TRUE
    if options.store is not None:
        fields["store"] = TRUE if options.store else FALSE
        fields["include"] = _with_encrypted(fields.get("include"))
    if fields.get("instructions") == NULL:
        fields["instructions"] = Raw(b'""')
    if fields.get("tools") in _NO_TOOLS and b'"additional_tools"' not in body:
        fields.pop("parallel_tool_calls", None)  # newer Codex models get their tools inside ``input``
    with_effort(fields, "reasoning", options.effort, options.default_effort)


def _with_encrypted(include: Raw | None) -> Raw:
    names = _names(include) if include and include != NULL else []
    return Raw(encode(names if ENCRYPTED_REASONING in names else [*names, ENCRYPTED_REASONING]))


# --- earlier reasoning ----------------------------------------------------------------------------


def _sift(fields: Fields, sift: Sift) -> None:
    """The reasoning items of ``input``. Compaction items stay: without theirs a conversation would be empty."""
    kept = sift(_array(fields["input"]), _encrypted)
    if kept is not None:
        fields["input"] = Raw(encode(kept))


def _encrypted(item: Item) -> str:
    return "encrypted_content" if item.type == "reasoning" and item.encrypted_content else ""


UPSTREAM = Upstream(
    endpoint="/responses",
    family="codex",
    key_headers=openai.key_headers,
    passed_up=passed_up,
    passed_down=passed_down,
    bound_header=openai.TURN_STATE,
    session_key=session_key,
    force_fields=force_fields,
    not_missed=frozenset({"include", "store", "stream_options", "parallel_tool_calls"}),
    reasoning=EarlierReasoning(markers=(b'"encrypted_content"',), sift=_sift),
)
