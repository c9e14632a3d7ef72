"""A whole JSON answer of an upstream to the hub, through the same machine as a stream, so that both mean the same."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from daemon.inference.collect import collect
from daemon.inference.response import Response
from daemon.wires.json import NOT_JSON, LenientDecoder, with_utf8
from daemon.wires.openai_responses.errors import no_answer, not_json
from daemon.wires.openai_responses.schema import ResponseObject
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder

_response = LenientDecoder(ResponseObject)


def decode_response(body: bytes, tool_names: Mapping[str, str]) -> Response:
    """The answer in ``body``. Raises ``RemoteError`` for a failed answer and for what is no answer at all."""
    try:
        return collect(ResponsesStreamDecoder(tool_names).whole(_answer(with_utf8(body))))
    except NOT_JSON:
        raise not_json(body) from None


def _answer(body: bytes) -> ResponseObject:
    """Raises ``RemoteError``, or what ``NOT_JSON`` lists."""
    try:
        response = _response.decode(body)
    except msgspec.ValidationError:
        response = ResponseObject()
    if response.output is None and response.status is None:
        raise no_answer(msgspec.json.decode(body), "that is not a Responses answer")
    return response
