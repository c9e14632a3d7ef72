"""``POST /v0/management/explain``: where a model name leads, with reasons. Nothing is sent."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.answers import ExplainBody, Explanation, Target
from daemon.api.problems import answer
from daemon.api.services import Services, snapshot_in_force
from daemon.errors import ErrorKind, LocalError
from daemon.router.selection import STRATEGY
from daemon.snapshot.models import ModelUnknown
from daemon.snapshot.snapshot import Snapshot
from daemon.wires.json import mistake

MOST_BYTES = 64 * 1024


class ExplainRoute:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def explain(self, request: Request) -> Response:
        """200 with the decision, 404 naming the nearest models where nobody serves it."""
        body = await decoded(request)
        return answer(explanation(body, snapshot_in_force(self._services)))


async def decoded(request: Request) -> ExplainBody:
    """The body. Raises 400, 413."""
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > MOST_BYTES:
            raise LocalError(ErrorKind.TOO_LARGE, f"the body is larger than {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(raw, type=ExplainBody)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise LocalError(ErrorKind.INVALID_REQUEST, f"the body is not understood: {mistake(error)}") from None


def explanation(body: ExplainBody, snapshot: Snapshot) -> Explanation:
    try:
        resolution = snapshot.models.resolve(body.model)
    except ModelUnknown as unknown:
        raise LocalError(ErrorKind.MODEL_NOT_FOUND, str(unknown)) from None
    targets = [
        Target(
            auth=each.auth.id,
            provider=each.auth.name,
            model=each.model,
            wire_api=each.auth.wire,
            translated=each.auth.wire != body.entry,
            priority=each.auth.priority,
        )
        for each in resolution.candidates
    ]
    return Explanation(
        model=body.model,
        entry=body.entry,
        rule=resolution.rule,
        matched=resolution.matched,
        effort=resolution.effort,
        strategy=STRATEGY,
        targets=targets,
    )
