"""W3C Trace Context: which ``traceparent`` and ``tracestate`` of a client count. Pure.

Both are passed on to the upstream that is asked. What is not valid is treated as absent, as the specification wants it:
``tracestate`` says nothing without ``traceparent``, and one that cannot be read is left out alone.
https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

PARENT: Final = "traceparent"
STATE: Final = "tracestate"
NAMES: Final = (PARENT, STATE)

MOST_STATE: Final = 512
"""Characters of a ``tracestate`` that is passed on: as many as everybody must be able to carry."""
MOST_MEMBERS: Final = 32

_PARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-[\x21-\x7e]{0,200})?"
)
_MEMBER: Final = re.compile(
    r"(?P<key>[a-z0-9][a-z0-9_*/@-]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


def keep_valid(headers: dict[str, str], fields: Iterable[tuple[bytes, bytes]], *, passes: bool = True) -> None:
    """Leaves the trace context in ``headers`` (names in lower case) only as it may be used and passed on; the rest is
    as for ``context_of``."""
    for name in NAMES:
        headers.pop(name, None)
    headers.update(context_of(fields, passes=passes))


def context_of(fields: Iterable[tuple[bytes, bytes]], *, passes: bool = True) -> dict[str, str]:
    """The trace context in the fields of a request, as they came: a name, in lower case, may stand twice. ``passes``
    false: none of it is used."""
    lines: dict[bytes, list[str]] = {PARENT.encode(): [], STATE.encode(): []}
    for name, value in fields if passes else ():
        if name in lines:
            lines[name].append(value.decode("latin-1").strip(" \t"))
    parents, states = lines.values()
    if len(parents) != 1 or not is_parent(parents[0]):
        return {}
    state = combined_state(states)
    return {PARENT: parents[0], STATE: state} if state else {PARENT: parents[0]}


def is_parent(value: str) -> bool:
    """Whether it is a valid ``traceparent``. A version later than 00 may say more behind the flags."""
    match = _PARENT.fullmatch(value)
    return match is not None and (match["more"] is None or not value.startswith("00"))


def combined_state(lines: Iterable[str]) -> str:
    """The fields as one list; '' where there is none, or where a member cannot be read."""
    members = [member for line in lines for each in line.split(",") if (member := each.strip(" \t"))]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match["key"] for match in matches if match is not None}
    state = ",".join(members)
    if len(keys) != len(members) or len(members) > MOST_MEMBERS or len(state) > MOST_STATE:
        return ""
    return state


def trace_id_of(headers: Mapping[str, str]) -> str:
    """The trace's ID in headers that ``keep_valid`` has seen, 32 hex digits; '' for none."""
    return headers.get(PARENT, "")[3:35]
