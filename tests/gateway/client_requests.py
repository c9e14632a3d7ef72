"""Requests as an entry hands them over, for tests of what happens next."""

from __future__ import annotations

import json
from typing import Any

from daemon.config.schema import Config
from daemon.gateway.client_request import ClientRequest
from daemon.inference.request import Request
from daemon.snapshot.models import registry
from daemon.snapshot.snapshot import Snapshot
from daemon.wires.base import AnswerContext
from daemon.wires.table import WIRES

ANSWER_ID = "0" * 32


def client_request(wire: str, body: dict[str, Any] | str = "{}", **request_fields: Any) -> ClientRequest:
    """``body`` as it came over ``wire``; ``request_fields`` are fields of the decoded request. It asks for a
    stream where the body does, or where nothing is known of the body."""
    stream = True if isinstance(body, str) else bool(body.get("stream"))
    fields: dict[str, Any] = {"wire": wire, "model": "asked-for", "messages": (), "stream": stream}
    request = Request(**fields | request_fields)
    raw = body if isinstance(body, str) else json.dumps(body)
    context = AnswerContext(model=request.model, answer_id=ANSWER_ID, created=1, input_estimate=7, request=request)
    return ClientRequest(
        entry=wire,
        wire=WIRES[wire],
        request=request,
        body=raw.encode(),
        headers={},
        request_id=ANSWER_ID,
        snapshot=Snapshot(
            generation=1, revision="0" * 64, config=Config(request_retry=0), core_auths=(), models=registry((), ())
        ),
        started=0.0,
        context=context,
    )
