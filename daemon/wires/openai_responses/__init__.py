"""The OpenAI Responses wire, both as an upstream and as an entry.

upstream:  encode (input_items, tools, effort) ─▶ … ─▶ stream_decoder (output_items), collected_decoder | decode
entry:     decode (decode_items) ─▶ … ─▶ stream_encoder | response_object
both:      schema holds the structs, errors the dialect of failures
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
