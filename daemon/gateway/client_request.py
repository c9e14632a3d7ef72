"""What came in: the decoded request and what the gateway needs to know around it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from daemon.gateway.counting import estimate
from daemon.inference.request import Request
from daemon.inference.response import Response
from daemon.snapshot.snapshot import Snapshot
from daemon.wires.base import AnswerContext, Wire


class ClientRequest(Struct, frozen=True, kw_only=True):
    """One request as the entry hands it over. ``headers`` are the client's, names in lower case;
    ``body`` the bytes as they came; ``started`` is ``time.monotonic`` seconds. ``recalled``: the request holds
    reasoning that the client did not send (``reasoning.call_reasoning``)."""

    entry: str
    wire: Wire
    request: Request
    body: bytes
    headers: Mapping[str, str]
    request_id: str
    snapshot: Snapshot
    started: float
    context: AnswerContext
    recalled: bool = False

    @property
    def input_estimate(self) -> int:
        """The prompt's tokens, estimated. A stream begins with it; a whole answer needs it only where
        something failed, so that it is made here then."""
        return self.context.input_estimate or estimate(self.request)

    def says(self, text: str) -> bool:
        """Whether the client itself has written ``text``, whatever its JSON escapes: then an upstream that repeats
        it has not said it."""
        escaped = (json.dumps(text, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False))
        return any(spelled.encode("utf-8", "surrogatepass") in self.body for spelled in {text, *escaped})

    def encode_response(self, response: Response) -> bytes:
        """The whole answer, with an estimate of the prompt's tokens where nobody has counted them."""
        context = self.context
        if response.usage is None or response.usage.input_tokens is None:
            context = replace(context, input_estimate=self.input_estimate)
        return self.wire.encode_response(response, context)
