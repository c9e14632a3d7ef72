"""The OpenAI Chat Completions wire, both as an upstream and as an entry.

    schema, entry_schema  its structs               errors            its error envelope, both ways
    decode_request  client request -> Request       encode_answer     Response -> answer
    encode_request  Request -> upstream request     decode_answer     upstream answer -> Response
    stream_encoder  events -> SSE                   stream_decoder    SSE -> events
    passthrough     the same wire on both sides     upstream          endpoint, headers, forced fields

Helpers: ``decode_blocks`` (messages to the hub); ``encode_blocks``, ``joined_turns``, ``encode_parts`` and
``encode_tools`` (to the upstream), ``decode_calls`` and ``streamed_call`` (an upstream's tool calls as they stream),
``decode_end`` (its last words), ``answer_parts`` (what both answers to the client share).
What an upstream refuses is changed in ``request_changes`` (turns), ``message_changes`` (what a message holds), both by
way of ``message_objects``, and ``request_calls`` (calls and results). ``thinking_forms``: each make's word for effort.
``carried_state``: what a server wants back with its answer, through the hub; ``earlier_state``: the same of requests
whose bytes pass through.
"""

from __future__ import annotations

from daemon.wires.base import Wire
from daemon.wires.openai_chat.decode_answer import decode_response
from daemon.wires.openai_chat.decode_request import decode_request, foreign_fields
from daemon.wires.openai_chat.encode_answer import encode_response
from daemon.wires.openai_chat.encode_request import encode_request
from daemon.wires.openai_chat.errors import decode_error, encode_error
from daemon.wires.openai_chat.passthrough import ChatDialect
from daemon.wires.openai_chat.stream_decoder import ChatStreamDecoder
from daemon.wires.openai_chat.stream_encoder import ChatStreamEncoder
from daemon.wires.openai_chat.upstream import UPSTREAM

WIRE = Wire(
    name="chat",
    decode_request=decode_request,
    encode_response=encode_response,
    stream_encoder=ChatStreamEncoder,
    encode_error=encode_error,
    encode_request=encode_request,
    decode_response=decode_response,
    stream_decoder=ChatStreamDecoder,
    decode_error=decode_error,
    passthrough=ChatDialect,
    upstream=UPSTREAM,
    foreign_fields=foreign_fields,
    hosted_tools=frozenset({"image_generation"}),  # the picture that was made
    carries_signatures=False,
)
