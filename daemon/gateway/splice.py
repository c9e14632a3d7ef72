"""A Responses request on its way to a Responses upstream: only the forced fields change.

The body is split into its top-level fields and no deeper, so a megabyte of input is scanned, not
decoded; every field that is not named here keeps its bytes.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from daemon.snapshot.models import Candidate
from daemon.wires.base import UpstreamBody

ENCRYPTED = "reasoning.encrypted_content"
NULL = Raw(b"null")
TRUE, FALSE = Raw(b"true"), Raw(b"false")
NO_TOOLS = (Raw(b"[]"), NULL, None)

_encode = msgspec.json.encode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_names = msgspec.json.Decoder(list[str]).decode


def splice_body(body: bytes, candidate: Candidate, effort: str | None) -> UpstreamBody:
    """The client's body with ``model``, ``stream``, ``store``, ``include`` and the effort forced.

    ``effort`` is the level of the model name's suffix, which beats the body's. The body has been
    validated by the entry's decoder before.
    """
    auth = candidate.auth
    fields = _fields(body)
    lost = tuple(name for name in auth.unsupported_parameters if fields.pop(name, None) is not None)
    fields["model"] = Raw(_encode(candidate.model))
    fields["stream"] = TRUE
    if auth.store is not None:
        fields["store"] = TRUE if auth.store else FALSE
        fields["include"] = _with_encrypted(fields.get("include"))
    if fields.get("instructions") == NULL:
        fields["instructions"] = Raw(b'""')
    if fields.get("tools") in NO_TOOLS and not _tools_inside_input(body):
        fields.pop("parallel_tool_calls", None)
    fields["reasoning"] = _reasoning(fields.get("reasoning"), effort, auth.defaults.model_reasoning_effort)
    return UpstreamBody(_encode(fields), lost)


def _tools_inside_input(body: bytes) -> bool:
    """Newer Codex models get their tools inside ``input``."""
    return b'"additional_tools"' in body


def _with_encrypted(include: Raw | None) -> Raw:
    names = _names(include) if include and include != NULL else []
    return Raw(_encode(names if ENCRYPTED in names else [*names, ENCRYPTED]))


def _reasoning(reasoning: Raw | None, suffix: str | None, default: str) -> Raw:
    options = _fields(reasoning) if reasoning and reasoning != NULL else {}
    if suffix is not None:
        options["effort"] = Raw(_encode(suffix))
    elif options.get("effort", NULL) == NULL:
        options["effort"] = Raw(_encode(default))
    return Raw(_encode(options))
