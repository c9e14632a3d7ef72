"""Failures on this wire: OpenAI's dialect, whose details are tested where it stands (``openai_responses``)."""

from __future__ import annotations

import json

import pytest

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.wires.openai.request_body import invalid
from daemon.wires.openai_chat import WIRE
from daemon.wires.openai_chat.errors import error_chunk

READ: list[tuple[int, bytes, ErrorKind]] = [
    (400, b'{"error":{"message":"too long","code":"context_length_exceeded"}}', ErrorKind.CONTEXT_LENGTH),
    (400, b'{"object":"error","message":"bad","type":"BadRequestError"}', ErrorKind.INVALID_REQUEST),
    (422, b'{"detail":[{"msg":"bad"}]}', ErrorKind.INVALID_REQUEST),
    (429, b'[{"error":{"message":"slow"}}]', ErrorKind.RATE_LIMIT),
    (502, b"<html>", ErrorKind.API),
    (503, b"", ErrorKind.OVERLOADED),
]


@pytest.mark.parametrize(("status", "body", "kind"), READ)
def test_errors_of_every_server_are_read(status: int, body: bytes, kind: ErrorKind) -> None:
    assert WIRE.decode_error(status, {}, body).kind is kind


TOLD: list[tuple[GatewayError, int, dict[str, object]]] = [
    (
        RemoteError(ErrorKind.CONTEXT_LENGTH, "too long", param="messages"),
        400,
        {"type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"},
    ),
    (LocalError(ErrorKind.OVERLOADED, "busy"), 503, {"type": "service_unavailable_error", "param": None}),
    (invalid("no", "n", "invalid_value"), 400, {"param": "n", "code": "invalid_value"}),
]


@pytest.mark.parametrize(("error", "status", "fields"), TOLD)
def test_errors_have_a_status_and_inside_a_stream(error: GatewayError, status: int, fields: dict[str, object]) -> None:
    sent_status, _, body = WIRE.encode_error(error, "req_1")
    said = json.loads(body)["error"]
    assert (
        sent_status == status and {name: said[name] for name in fields} == fields and said["message"] == error.message
    )
    assert error_chunk(error) == b"data: " + body + b"\n\n"
