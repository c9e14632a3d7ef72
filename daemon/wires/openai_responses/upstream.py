"""How a Responses upstream is addressed, and what is forced in a request whose bytes pass through."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from daemon.inference.request import Request
from daemon.wires.base import EarlierReasoning, EncodeOptions, Fields, Item, Sift, Upstream
from daemon.wires.json import FALSE, NULL, TRUE, encode, items_of, with_effort
from daemon.wires.openai.parameters import session_key
from daemon.wires.openai_responses.compaction import COMPACTIONS, is_ours, opened_items
from daemon.wires.openai_responses.encode_request import ENCRYPTED_REASONING
from daemon.wires.openai_responses.request_calls import separate_ids

_NO_TOOLS: Final = (Raw(b"[]"), NULL, None)

_names = msgspec.json.Decoder(list[str]).decode


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
    """The reasoning items of ``input``. Compaction items stay: without theirs a conversation would be empty. Of ours,
    an upstream reads the summary."""
    ours = False

    def encrypted(item: Item) -> str:
        nonlocal ours
        if item.type in COMPACTIONS:
            ours = ours or is_ours(item.encrypted_content)
        return "encrypted_content" if item.type == "reasoning" and item.encrypted_content else ""

    items = items_of(fields["input"])
    kept = sift(items, encrypted)
    if ours:
        kept = opened_items(items if kept is None else kept)
    if kept is not None:
        fields["input"] = Raw(encode(kept))


UPSTREAM = Upstream(
    endpoint="/responses",
    family="codex",
    count_path="/input_tokens",
    session_key=session_key,
    force_fields=force_fields,
    separate_ids=separate_ids,
    reasoning=EarlierReasoning(markers=(b'"encrypted_content"',), sift=_sift),
    output_limit=lambda _: ("max_output_tokens",),
)
