"""A request on its way to an upstream of its own wire: only the forced fields change.

The body is split into its top-level fields and no deeper, so a megabyte of input is scanned, not
decoded; every field that is not named here keeps its bytes. Encrypted reasoning is looked at piece by
piece, and only where there is some (``replay``). What the upstream's profile, its settings or its refusals
ask for is changed last (``amendments``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.gateway.amendments import amend
from daemon.gateway.inbound import Inbound
from daemon.gateway.origins import Origins
from daemon.gateway.relay import Target
from daemon.gateway.replay import replayed

ENCRYPTED: Final = "reasoning.encrypted_content"
NULL: Final = Raw(b"null")
TRUE, FALSE = Raw(b"true"), Raw(b"false")
NO_TOOLS = (Raw(b"[]"), NULL, None)

_SAME: Final[Mapping[str, str]] = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Chat parameters that say the same: where one is refused, the other is sent."""
_SET_BY_US: Final = frozenset({"include", "store", "stream_options", "parallel_tool_calls"})
"""Parameters that nobody misses when an upstream refuses them."""

_encode = msgspec.json.encode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_names = msgspec.json.Decoder(list[str]).decode

Fields = dict[str, Raw]


class Spliced(Struct, frozen=True):
    """``lost``: the client's parameters that were left out; ``signed``: the encrypted reasoning that
    goes along; ``streamed``: whether an event stream is asked for."""

    body: bytes
    lost: tuple[str, ...]
    signed: tuple[bytes, ...]
    streamed: bool


def splice_body(inbound: Inbound, target: Target, origins: Origins) -> Spliced:
    """The client's body with ``model`` and the wire's forced fields. It has been validated by the
    entry's decoder before."""
    auth = target.candidate.auth
    fields = _fields(inbound.body)
    signed = replayed(inbound.body, fields, target, origins)
    unsupported = target.unsupported
    wanted = frozenset(path for path in unsupported if _has(fields, path))
    fields["model"] = Raw(_encode(target.candidate.model))
    _FORCED[auth.wire](fields, inbound, target)
    lost = (*_left_out(fields, unsupported, wanted), *amend(fields, target.amendments))
    return Spliced(_encode(fields), lost, signed, fields.get("stream") == TRUE)


def _left_out(fields: Fields, unsupported: frozenset[str], wanted: frozenset[str]) -> tuple[str, ...]:
    """Drops what the upstream refuses: ``text`` the whole, ``text.verbosity`` one field of it. Lost is
    what the client ``wanted`` of it, and nobody else said for it."""
    lost = []
    for path in sorted(unsupported):
        dropped = _pop(fields, path)
        if dropped is None or path not in wanted:
            continue
        other = _SAME.get(path)
        if other is not None and other not in unsupported and other not in fields:
            fields[other] = dropped
        elif path not in _SET_BY_US:
            lost.append(path)
    return tuple(lost)


def _has(fields: Fields, path: str) -> bool:
    """Whether the client said this parameter, or one field of it."""
    name, _, inner = path.partition(".")
    value = fields.get(name, NULL)
    if not inner or value == NULL:
        return value != NULL
    try:
        return _fields(value).get(inner, NULL) != NULL
    except msgspec.DecodeError:
        return False


def _pop(fields: Fields, path: str) -> Raw | None:
    name, _, inner = path.partition(".")
    if not inner:
        return fields.pop(name, None)
    try:
        inside = _fields(fields.get(name, NULL))
    except msgspec.DecodeError:
        return None
    dropped = inside.pop(inner, None)
    if dropped is not None:
        fields[name] = Raw(_encode(inside))
    return dropped


# --- what is forced, by wire ----------------------------------------------------------------------


def _responses(fields: Fields, inbound: Inbound, target: Target) -> None:
    """Always streamed; storage as the provider's privacy says; reasoning that can be handed back."""
    auth = target.candidate.auth
    fields["stream"] = TRUE
    if auth.store is not None:
        fields["store"] = TRUE if auth.store else FALSE
        fields["include"] = _with_encrypted(fields.get("include"))
    if fields.get("instructions") == NULL:
        fields["instructions"] = Raw(b'""')
    if fields.get("tools") in NO_TOOLS and b'"additional_tools"' not in inbound.body:
        fields.pop("parallel_tool_calls", None)  # newer Codex models get their tools inside ``input``
    _with_effort(fields, "reasoning", target.effort, auth.defaults.model_reasoning_effort)


def _chat(fields: Fields, inbound: Inbound, target: Target) -> None:
    """Usage is asked for in a stream; storage is refused where the client asked for it and privacy forbids it."""
    if target.effort is not None:
        fields["reasoning_effort"] = Raw(_encode(target.effort))
    if "store" in fields and target.candidate.auth.store is False:
        fields["store"] = FALSE
    if inbound.request.stream:
        options = _object(fields.get("stream_options"))
        fields["stream_options"] = Raw(_encode(options | {"include_usage": TRUE}))


def _messages(fields: Fields, _inbound: Inbound, target: Target) -> None:
    if target.effort is not None:
        _with_effort(fields, "output_config", target.effort, None)


_FORCED: Final[Mapping[str, Callable[[Fields, Inbound, Target], None]]] = {
    "responses": _responses,
    "chat": _chat,
    "messages": _messages,
}


def _with_encrypted(include: Raw | None) -> Raw:
    names = _names(include) if include and include != NULL else []
    return Raw(_encode(names if ENCRYPTED in names else [*names, ENCRYPTED]))


def _with_effort(fields: Fields, name: str, suffix: str | None, default: str | None) -> None:
    options = _object(fields.get(name))
    if suffix is not None:
        options["effort"] = Raw(_encode(suffix))
    elif options.get("effort", NULL) == NULL:
        options["effort"] = Raw(_encode(default))
    fields[name] = Raw(_encode(options))


def _object(raw: Raw | None) -> Fields:
    return _fields(raw) if raw and raw != NULL else {}
