"""The OpenAI Responses wire, both as an upstream and as an entry.

upstream:  encode (input_items, tools) ─▶ … ─▶ stream_decoder (item_table, output_items, hosted_items) | decode;
           collected_decoder is the first of them for an answer that nobody watches grow
entry:     decode (decode_items, decode_tools) ─▶ … ─▶ stream_encoder (stream_blocks) | response_object;
           answer_items makes the items of both
both:      schema and entry_schema hold the structs, errors the dialect of failures, tool_search the items
           of Codex' search for tools
"""

from __future__ import annotations

from daemon.wires.base import Wire
from daemon.wires.openai_responses.collected_decoder import ResponsesCollectedDecoder
from daemon.wires.openai_responses.decode import decode_request, decode_response
from daemon.wires.openai_responses.encode import encode_request
from daemon.wires.openai_responses.errors import decode_error, encode_error
from daemon.wires.openai_responses.response_object import encode_response
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.openai_responses.stream_encoder import ResponsesStreamEncoder

WIRE = Wire(
    name="responses",
    decode_request=decode_request,
    encode_response=encode_response,
    stream_encoder=ResponsesStreamEncoder,
    encode_error=encode_error,
    encode_request=encode_request,
    decode_response=decode_response,
    stream_decoder=ResponsesStreamDecoder,
    collected_decoder=ResponsesCollectedDecoder,
    decode_error=decode_error,
)
