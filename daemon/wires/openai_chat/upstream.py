"""How a Chat Completions upstream is addressed, and what is forced in a request whose bytes pass through."""

from __future__ import annotations

from msgspec import Raw

from daemon.inference.request import Request
from daemon.wires.base import EncodeOptions, Fields, Upstream
from daemon.wires.json import FALSE, TRUE, encode, object_of
from daemon.wires.openai_chat.earlier_state import EARLIER
from daemon.wires.openai_chat.encode_request import output_limit
from daemon.wires.openai_chat.request_calls import separate_ids


def force_fields(fields: Fields, _body: bytes, request: Request, options: EncodeOptions) -> None:
    """Usage is asked for in a stream; storage is refused where the client asked for it and privacy forbids it."""
    if options.effort is not None:
        fields["reasoning_effort"] = Raw(encode(options.effort))
    if "store" in fields and options.store is False:
        fields["store"] = FALSE
    if request.stream:
        stream_options = object_of(fields.get("stream_options"))
        fields["stream_options"] = Raw(encode(stream_options | {"include_usage": TRUE}))


UPSTREAM = Upstream(
    endpoint="/chat/completions",
    family="openai",
    force_fields=force_fields,
    separate_ids=separate_ids,
    reasoning=EARLIER,
    output_limit=output_limit,
)
