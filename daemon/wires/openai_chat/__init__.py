"""The OpenAI Chat Completions wire, both as an upstream and as an entry.

upstream:  encode (input_messages, content_parts, tools, models) ─▶ … ─▶ stream_decoder (calls) | decode
entry:     decode (decode_messages) ─▶ … ─▶ stream_encoder | completion_object
both:      schema and entry_schema hold the structs, errors the dialect of failures, answer and
           answer_fields the words for ends, counts and sources
"""

from __future__ import annotations

from daemon.wires.base import Wire
from daemon.wires.openai_chat.completion_object import encode_response
from daemon.wires.openai_chat.decode import decode_request, decode_response
from daemon.wires.openai_chat.encode import encode_request
from daemon.wires.openai_chat.errors import decode_error, encode_error
from daemon.wires.openai_chat.stream_decoder import ChatStreamDecoder
from daemon.wires.openai_chat.stream_encoder import ChatStreamEncoder

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
)
