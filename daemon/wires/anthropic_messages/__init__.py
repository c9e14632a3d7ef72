"""The Anthropic Messages wire.

    schema          its structs                       errors          its error envelope, both ways
    decode_request  client request -> Request         encode_answer   Response -> answer
    encode_request  Request -> upstream request       decode_answer   upstream answer -> Response
    stream_encoder  events -> SSE                     stream_decoder  SSE -> events
    passthrough     the same wire on both sides       upstream        endpoint, headers, forced fields
    thinking        how it is asked for, by model     models          what Claude models take, as data
    midway          what system messages change       request_changes for servers that take less

``thinking_changes``, ``request_calls`` and ``beta_header`` are further changes of a request that was refused.

``decode_blocks``, ``encode_blocks`` and ``answer_parts`` hold what these share: content blocks on the way
in, on the way up, and on the way down. ``moved_thinking`` keeps thinking from the front of an answer
whose client did not ask for it; ``message_events`` makes a whole answer a stream where it passes through, and back.
"""

from __future__ import annotations

from daemon.wires.anthropic_messages.decode_answer import decode_response
from daemon.wires.anthropic_messages.decode_request import decode_count_request, decode_request, foreign_fields
from daemon.wires.anthropic_messages.encode_answer import encode_response
from daemon.wires.anthropic_messages.encode_request import encode_request
from daemon.wires.anthropic_messages.errors import decode_error, encode_error, final_type, reword_context_length
from daemon.wires.anthropic_messages.passthrough import MessagesDialect
from daemon.wires.anthropic_messages.stream_decoder import MessagesStreamDecoder
from daemon.wires.anthropic_messages.stream_encoder import MessagesStreamEncoder
from daemon.wires.anthropic_messages.upstream import UPSTREAM
from daemon.wires.base import Wire

__all__ = ["WIRE", "decode_count_request", "reword_context_length"]

WIRE = Wire(
    name="messages",
    decode_request=decode_request,
    encode_response=encode_response,
    stream_encoder=MessagesStreamEncoder,
    encode_error=encode_error,
    encode_request=encode_request,
    decode_response=decode_response,
    stream_decoder=MessagesStreamDecoder,
    decode_error=decode_error,
    passthrough=MessagesDialect,
    upstream=UPSTREAM,
    foreign_fields=foreign_fields,
    hosted_tools=frozenset({"web_search"}),
    reword_context_length=reword_context_length,
    final_type=final_type,
)
