"""What an entry's wire cannot show of an answer: named for log and metric.

What a request loses on its way up is named by the upstream wire's encoder (``UpstreamBody.lost``).
The way down has fewer cases, and they are seen at the end of a block: a wire says which tools
it has a form for (``hosted_tools``). The names are documented in ``docs/reference/losses.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw, Struct

from daemon.inference.blocks import HostedCall
from daemon.inference.events import BlockEnd, Event
from daemon.wires.base import Wire

_NAME = re.compile(r"[\w.\[\]-]{1,160}", re.ASCII)
UNNAMED = "unnamed"


class _Typed(Struct):
    type: str = ""


_type_of = msgspec.json.Decoder(_Typed).decode


def request_losses(lost: Sequence[str]) -> tuple[str, ...]:
    """The names that an encoder gave. Some hold a word of the client's (a tool's name, a block's type): what is
    no name, but text, is not told on."""
    return tuple([name if _NAME.fullmatch(name) else f"{name.partition('.')[0][:16]}.{UNNAMED}" for name in lost])


def answer_losses(entry: Wire, events: Sequence[Event]) -> tuple[str, ...]:
    """Names of what ``entry`` drops of these events; the usual batch has none."""
    ends = [event for event in events if type(event) is BlockEnd and (event.opaque or event.hosted)]
    return request_losses(tuple(_lost(entry, ends))) if ends else ()


def _lost(entry: Wire, ends: Iterable[BlockEnd]) -> Iterable[str]:
    for end in ends:
        if end.opaque is not None and end.opaque.wire != entry.name:
            yield f"answer.{_kind(end.opaque.raw)}"
        elif end.hosted is not None and not _shows(entry, end.hosted):
            yield f"answer.{end.hosted.name}"


def _shows(entry: Wire, call: HostedCall) -> bool:
    return call.wire == entry.name or entry.hosted_tools is None or call.name in entry.hosted_tools


def _kind(raw: Raw) -> str:
    try:
        return _type_of(raw).type or "block"
    except msgspec.DecodeError:
        return "block"
