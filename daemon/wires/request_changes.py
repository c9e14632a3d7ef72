"""Changes to parameters that every wire has, each under its own names: the limit of an answer, the effort, the form.

As in the wires' own files of this name, each is a pure function over the top-level fields of an upstream's body; it
changes them in place and returns the names of what the request loses by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from daemon.wires.base import Fields
from daemon.wires.effort import LEAST_BUDGET, SCALE, lowered, nearest
from daemon.wires.json import NULL, TRUE, encode, object_of

OUTPUT_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")

_EFFORTS: Final = (("reasoning_effort", ""), ("reasoning", "effort"), ("output_config", "effort"))
"""Where a body says it: a field, or a field of an object."""

_value = msgspec.json.Decoder().decode


def at_most(fields: Fields, tokens: str) -> Sequence[str]:
    """The answer may have ``tokens`` at most. The client loses nothing: this model can give no more."""
    limit = int(tokens)
    for name in OUTPUT_LIMITS:
        asked = _integer(fields.get(name, NULL))
        if asked is not None and asked > limit > 0:
            fields[name] = Raw(encode(limit))
    return _below(fields, limit)


def _below(fields: Fields, limit: int) -> Sequence[str]:
    """A budget for thinking is smaller than the limit that it is a part of."""
    thinking = object_of(fields.get("thinking", NULL))
    budget = _integer(thinking.get("budget_tokens", NULL))
    if budget is None or budget < limit:
        return ()
    if limit > LEAST_BUDGET:
        fields["thinking"] = Raw(encode(thinking | {"budget_tokens": Raw(encode(max(LEAST_BUDGET, limit // 2)))}))
        return ()
    del fields["thinking"]
    return ("reasoning",)


def at_least(fields: Fields, tokens: str) -> Sequence[str]:
    """The answer may have ``tokens`` at least: clients ask for one token to see whether there is an answer at all."""
    least = int(tokens)
    for name in OUTPUT_LIMITS:
        asked = _integer(fields.get(name, NULL))
        if asked is not None and asked < least:
            fields[name] = Raw(encode(least))
    return ()


def effort_among(fields: Fields, levels: str) -> Sequence[str]:
    """The effort is one of ``levels`` (words with commas between them): the nearest, of two the lower. Where none is
    near, the upstream's own default is left to decide."""
    lost: list[str] = []
    for name, inner in _EFFORTS:
        within = object_of(fields.get(name, NULL)) if inner else fields
        field = inner or name
        if field not in within:
            continue
        asked = _value(within[field])
        level = nearest_effort(asked, levels.split(","))
        if isinstance(asked, str) and lowered(asked, level):
            lost.append(f"{name}.{inner}" if inner else name)
        within[field] = Raw(encode(level))
        if level is None:
            del within[field]
        if inner:
            fields[name] = Raw(encode(within))
    return lost


def streamed(fields: Fields, _: str = "") -> Sequence[str]:
    """The answer is an event stream, with its usage; a client that wants it whole gets it collected."""
    fields["stream"] = TRUE
    fields["stream_options"] = Raw(encode(object_of(fields.get("stream_options", NULL)) | {"include_usage": TRUE}))
    return ()


def nearest_effort(asked: object, levels: Sequence[str]) -> str | None:
    """Of ``levels`` the one to send; None for none. Who asked for thinking is not given "none"."""
    if asked in levels:
        return str(asked)
    known = [level for level in levels if level in SCALE and (level != "none" or asked == "none")]
    return nearest(str(asked), known) if known else None


def _integer(raw: Raw) -> int | None:
    value = _value(raw)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
