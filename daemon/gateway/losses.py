"""What an entry's wire cannot show of an answer: named for log and metric.

What a request loses on its way up is named by the upstream wire's encoder (``UpstreamBody.lost``).
The way down has fewer cases, and they are seen at the end of a block: one table says which wire has
no place for them. The names are documented in ``docs/reference/losses.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw, Struct

from daemon.inference.events import BlockEnd, Event

HOSTED_CALLS_ON = frozenset({"messages", "responses"})
"""Wires with a form for tools that the upstream ran by itself."""


class _Typed(Struct):
    type: str = ""


_type_of = msgspec.json.Decoder(_Typed).decode


def answer_losses(entry: str, events: Sequence[Event]) -> tuple[str, ...]:
    """Names of what ``entry``'s wire drops of these events; the usual batch has none."""
    ends = [event for event in events if type(event) is BlockEnd and (event.opaque or event.hosted)]
    return tuple(_lost(entry, ends)) if ends else ()


def _lost(entry: str, ends: Iterable[BlockEnd]) -> Iterable[str]:
    for end in ends:
        if end.opaque is not None and end.opaque.wire != entry:
            yield f"answer.{_kind(end.opaque.raw)}"
        elif end.hosted is not None and entry not in HOSTED_CALLS_ON:
            yield f"answer.{end.hosted.name}"


def _kind(raw: Raw) -> str:
    try:
        return _type_of(raw).type or "block"
    except msgspec.DecodeError:
        return "block"
