"""What the three wires share: their shape, SSE frames, the pieces a text is streamed in, OpenAI's error body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from daemon.simulate.answer import Answer
from daemon.simulate.conversation import Conversation, Json
from daemon.simulate.faults import Problem

PIECE = 7
"""Characters per streamed delta: small, so that a short answer is a stream worth its name."""


class Wire(Struct, frozen=True, kw_only=True):
    """One dialect. ``read`` takes the body and the API key and raises ``Refused``; ``whole`` and
    ``frames`` render an answer (with the request's body, parts of which are echoed); ``error`` is the
    JSON of a failed request, ``error_event`` and ``failed`` are the frames by which a stream fails,
    ``malformed`` is a frame that is not JSON; ``content_type`` is that of a stream, empty:
    none."""

    name: str
    read: Callable[[Json, str], Conversation]
    whole: Callable[[Answer, Json], Json]
    frames: Callable[[Answer, Json], Iterator[bytes]]
    error: Callable[[Problem, str], Json]
    error_event: Callable[[Answer, Json, Problem], bytes]
    failed: Callable[[Answer, Json, Problem], bytes]
    malformed: bytes
    content_type: str = "text/event-stream; charset=utf-8"


def event_frame(event: str, data: Json) -> bytes:
    """A frame with an ``event:`` line."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), msgspec.json.encode(data))


def data_frame(data: Json) -> bytes:
    """A frame of data alone."""
    return b"data: %b\n\n" % msgspec.json.encode(data)


def noisy(frames: Iterator[bytes], noise: tuple[bytes, ...]) -> Iterator[bytes]:
    """Each of ``noise`` once before the answer, and then in turn before every third frame."""
    yield from noise
    for number, frame in enumerate(frames):
        if noise and number % 3 == 1:
            yield noise[number // 3 % len(noise)]
        yield frame


def pieces(text: str) -> Iterator[str]:
    """``text`` in the pieces in which it is streamed."""
    return (text[at : at + PIECE] for at in range(0, len(text), PIECE))


def openai_error(problem: Problem, identity: str) -> Json:
    """The error body of both OpenAI wires."""
    body = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
    return {"error": body}
