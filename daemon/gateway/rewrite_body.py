"""A request on its way to an upstream of its own wire: only the forced fields change
(``wires/<wire>/upstream.py``).

The body is split into its top-level fields and no deeper, so a megabyte of input is scanned, not
decoded; every field that is not named here keeps its bytes. Encrypted reasoning is checked piece by
piece, and only where there is some (``reasoning.filter``). What the upstream's profile, its settings or its refusals
ask for is changed last (``amendments``).
"""

from __future__ import annotations

from msgspec import Raw, Struct

from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.filter import filter_reasoning
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.response_pipe import AttemptTarget
from daemon.upstream.amendments.apply import amend
from daemon.wires.base import Fields, Upstream
from daemon.wires.call_ids import has_repeats
from daemon.wires.json import NOT_JSON, NULL, TRUE, encode, fields_of
from daemon.wires.losses import EARLIER_REASONING


class RewrittenBody(Struct, frozen=True):
    """``lost``: the client's parameters that were left out, and the name of earlier reasoning that this upstream could
    not read; ``signed``: the encrypted reasoning that goes along; ``streamed``: whether an event stream is asked
    for."""

    body: bytes
    lost: tuple[str, ...]
    signed: tuple[bytes, ...]
    streamed: bool


def rewrite_body(client_request: ClientRequest, target: AttemptTarget, owners: ReasoningOwners) -> RewrittenBody:
    """The client's body with ``model``, the provider's defaults and the wire's forced fields. It has been validated by
    the entry's decoder before."""
    upstream = client_request.wire.upstream
    fields = fields_of(client_request.body)
    earlier = filter_reasoning(client_request.body, fields, target, owners)
    if has_repeats(client_request.request):
        upstream.separate_ids(fields)
    options = target.options
    from_client = frozenset(path for path in options.unsupported if _has(fields, path))
    fields["model"] = Raw(encode(options.model))
    target.adapter.fill(fields, client_request.request, options)
    upstream.force_fields(fields, client_request.body, client_request.request, options)
    lost = (
        *_left_out(fields, options.unsupported, from_client, upstream),
        *amend(fields, target.amendments, options.unsupported),
        *((EARLIER_REASONING,) if earlier.left_out else ()),
    )
    return RewrittenBody(encode(fields), lost, earlier.sent, fields.get("stream") == TRUE)


def _left_out(
    fields: Fields, unsupported: frozenset[str], from_client: frozenset[str], upstream: Upstream
) -> tuple[str, ...]:
    """Drops what the upstream refuses: ``text`` the whole, ``text.verbosity`` one field of it. Lost is
    what came ``from_client`` of it, and is not sent under another name either."""
    lost = []
    for path in sorted(unsupported):
        dropped = _pop(fields, path)
        if dropped is None or path not in from_client:
            continue
        other = upstream.synonyms.get(path)
        if other is not None and other not in unsupported and other not in fields:
            fields[other] = dropped
        elif path not in upstream.not_missed:
            lost.append(path)
    return tuple(lost)


def _has(fields: Fields, path: str) -> bool:
    """Whether the client said this parameter, or one field of it."""
    name, _, inner = path.partition(".")
    value = fields.get(name, NULL)
    if not inner or value == NULL:
        return value != NULL
    try:
        return fields_of(value).get(inner, NULL) != NULL
    except NOT_JSON:
        return False


def _pop(fields: Fields, path: str) -> Raw | None:
    name, _, inner = path.partition(".")
    if not inner:
        return fields.pop(name, None)
    try:
        inside = fields_of(fields.get(name, NULL))
    except NOT_JSON:
        return None
    dropped = inside.pop(inner, None)
    if dropped is not None:
        fields[name] = Raw(encode(inside))
    return dropped
