"""A whole JSON answer of an upstream to the hub, through the same machine as a stream, so that both mean the same."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from daemon.inference.collect import collect
from daemon.inference.response import Response
from daemon.wires.json import NOT_JSON, LenientDecoder, with_utf8
from daemon.wires.openai_chat.errors import no_answer, not_json
from daemon.wires.openai_chat.schema import Completion
from daemon.wires.openai_chat.stream_decoder import ChatStreamDecoder

_completion = LenientDecoder(Completion)


def decode_response(body: bytes, tool_names: Mapping[str, str]) -> Response:
    """The answer in ``body``. Raises ``RemoteError`` for a failed answer and for what is no answer at all."""
    try:
        return collect(ChatStreamDecoder(tool_names).whole(_answer(with_utf8(body))))
    except NOT_JSON:
        raise not_json(body) from None


def _answer(body: bytes) -> Completion:
    """Raises ``RemoteError``, or what ``NOT_JSON`` lists."""
    try:
        completion = _completion.decode(body)
    except msgspec.ValidationError:
        completion = Completion()
    if not completion.choices:
        raise no_answer(msgspec.json.decode(body), "without choices")
    for choice in completion.choices:
        calls = choice.message.tool_calls if choice.message is not None else None
        for place, call in enumerate(calls or ()):
            call.index = place  # each is whole, also where two have one id
    return completion
