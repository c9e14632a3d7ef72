"""The pipe of a request that asks for a compaction of its conversation: exactly one compaction item comes of it,
whatever the upstream can do.

    the upstream's own endpoint for it ─ refused ─▶ the trigger, last in the input ─ refused, or answered ─▶ a summary
    (POST /v1/responses/compact alone)               (upstreams of the client's wire)   with something else

A summary is a turn of the same conversation that ends with our request for one; the item that the client gets of it is
ours (``wires.openai_responses.compaction``). What an upstream cannot do is remembered as an amendment is, so that the
next compaction begins where this one ended. Nothing is shown before the item is whole: until then another upstream
may take over, and keep-alives are all that the client gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Raw
from msgspec.structs import replace

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError, Scope
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.response_pipe import AnswerSummary, AttemptTarget, PreparedRequest, ResponsePipe, Stage
from daemon.gateway.translation import TranslationPipe
from daemon.inference.blocks import Opaque
from daemon.inference.response import FinishReason, Response
from daemon.upstream.amendments.compaction import SUMMARY, TRIGGER
from daemon.upstream.amendments.rule import Amendment, Proposal
from daemon.wires.base import Ending
from daemon.wires.openai_responses import compaction

COMPACT: Final = "compact"
"""The entry ``POST /v1/responses/compact``, whose body has been made one of ``/v1/responses`` with the trigger."""
ENDPOINT: Final = "/compact"
"""Where upstreams have the same, behind the path of their responses."""

CUT: Final = "answer.summary"
"""What is lost where a summary ends at the limit of an answer."""
NO_ITEM: Final = "no_compaction_item"
"""Code of the failure where an upstream has answered the trigger with something else."""
_REFUSALS: Final = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND, ErrorKind.MODEL_NOT_FOUND})
_MAY_NAME_IT: Final = _REFUSALS | {ErrorKind.API, ErrorKind.OVERLOADED}
_NOT_IMPLEMENTED: Final = frozenset({405, 501})

Way = Literal["endpoint", "trigger", "summary"]


def way_of(client_request: ClientRequest, target: AttemptTarget) -> Way:
    """How this target is asked."""
    if client_request.wire is not target.adapter.wire or Amendment(SUMMARY) in target.amendments:
        return "summary"
    endpoint = client_request.entry == COMPACT and Amendment(TRIGGER) not in target.amendments
    return "endpoint" if endpoint else "trigger"


def with_next_way(
    proposals: Iterable[Proposal], error: RemoteError, client_request: ClientRequest, target: AttemptTarget
) -> Iterator[Proposal]:
    """What may help after a refusal, and after what only says that this upstream does not compact, the next way."""
    way = way_of(client_request, target)
    name = {"endpoint": TRIGGER, "trigger": SUMMARY}.get(way)
    if name is None:
        yield from proposals
        return
    following = Proposal(amendment=Amendment(name))
    if _says_so(error, way):
        yield following
    else:
        yield from proposals
        if error.kind in (ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND):  # many do not name what they do not know
            yield following


def _says_so(error: RemoteError, way: Way) -> bool:
    if error.code == NO_ITEM or error.upstream_status in _NOT_IMPLEMENTED:
        return True
    if way == "endpoint" and (error.kind in _REFUSALS or _is_page(error)):
        return True
    return error.kind in _MAY_NAME_IT and "compact" in f"{error.param}: {error.message}".lower()


def _is_page(error: RemoteError) -> bool:
    """Whether a page of the upstream's console came in place of an answer: relays send it for every path that they do
    not know."""
    return error.failure is not None and bool(error.failure.page) and not error.failure.firewall


class CompactionPipe:
    """Of one request; the client's wire is the one that has compactions."""

    __slots__ = (
        "_answer",
        "_client_request",
        "_cut",
        "_dialect",
        "_out",
        "_owners",
        "_pipe",
        "_way",
        "ending",
        "heard",
        "kept",
        "stage",
    )

    def __init__(self, client_request: ClientRequest, owners: ReasoningOwners) -> None:
        self._client_request = client_request
        self._owners = owners
        # The way out, one for the request: a keep-alive that has opened the client's message binds the attempts after.
        self._dialect = client_request.wire.passthrough(client_request.context, client_request.encode_response)
        # Of the attempt: how it asks, the pipe that collects its answer, and what the client gets of that.
        self._way: Way = "summary"
        self._pipe: ResponsePipe = self._collecting(client_request, same_wire=False)
        self._answer = self._out = b""
        self._cut = False
        self.heard = self.kept = 0
        self.ending: Ending = ""
        self.stage: Stage = "held"

    def prepare(self, target: AttemptTarget) -> PreparedRequest:
        client_request = self._client_request
        same_wire = client_request.wire is target.adapter.wire
        self._way = way_of(client_request, target)
        self._answer = self._out = b""
        self._cut = False
        self.heard = self.kept = 0
        self.ending = ""
        self.stage = "held"
        if self._way == "summary":
            asked = compaction.summary_request(client_request.request)
            body = compaction.summary_body(client_request.body) if same_wire else client_request.body
            client_request = replace(client_request, request=asked, body=body)
        self._pipe = self._collecting(client_request, same_wire=same_wire)
        prepared = self._pipe.prepare(target)
        if self._way == "endpoint":
            body = compaction.endpoint_body(prepared.body, client_request.body)
            prepared = replace(prepared, body=body, path=ENDPOINT, streamed=False)
        return prepared

    def _collecting(self, client_request: ClientRequest, *, same_wire: bool) -> ResponsePipe:
        whole = replace(client_request, request=replace(client_request.request, stream=False))
        return PassthroughPipe(whole, self._owners) if same_wire else TranslationPipe(whole)

    @property
    def skipped(self) -> int:
        return self._pipe.skipped

    def accepted(self) -> None:
        self._pipe.accepted()

    def refused(self) -> None:
        self._pipe.refused()

    def feed(self, data: bytes) -> Stage:
        self._pipe.feed(data)
        self._follow()
        return self.stage

    def feed_whole(self, body: bytes) -> None:
        self._pipe.feed_whole(body)
        self._follow()

    def end_of_body(self) -> None:
        self._pipe.end_of_body()
        self._follow()

    def _follow(self) -> None:
        self.heard, self.kept, self.ending = self._pipe.heard, self._pipe.kept, self._pipe.ending
        if self._pipe.stage == "finished":
            self._finish(self._pipe.whole())
            self.stage = "finished"

    def _finish(self, answer: bytes) -> None:
        client_request = self._client_request
        if self._way == "summary":
            answer = self._summarised(answer)
        elif not compaction.has_compaction(answer):
            raise RemoteError(
                ErrorKind.API,
                "the upstream answered the request for a compaction with something else",
                scope=Scope.REQUEST,
                failover=Failover.ALWAYS,
                code=NO_ITEM,
            )
        if client_request.entry == COMPACT:
            answer = compaction.compacted(client_request.body, answer, by_upstream=self._way == "endpoint")
        self._answer = answer
        if client_request.request.stream:
            self._out = self._dialect.unfold(answer, client_request.wire.decode_response(answer, {}))

    def _summarised(self, answer: bytes) -> bytes:
        client_request = self._client_request
        response = client_request.wire.decode_response(answer, {})
        summary = compaction.summary_text(response)
        if not summary:
            raise RemoteError(
                ErrorKind.API,
                "the model wrote no summary of the conversation; retry, or use another model for compactions",
                scope=Scope.REQUEST,
                failover=Failover.ALWAYS,
            )
        self._cut = compaction.is_cut(response)
        item = compaction.compaction_item(summary, client_request.context.answer_id)
        whole = Response(
            id=response.id,
            model=response.model,
            content=(Opaque(client_request.wire.name, Raw(item)),),
            finish=FinishReason.STOP,
            usage=self._pipe.summary().usage,
        )
        return client_request.encode_response(whole)

    def take(self) -> bytes:
        out, self._out = self._out, b""
        return out

    def whole(self) -> bytes:
        return self._answer

    def summary(self) -> AnswerSummary:
        summary = self._pipe.summary()
        return replace(summary, lost=(*summary.lost, CUT)) if self._cut else summary

    def release(self) -> None:
        self._answer = self._out = b""
        self._pipe.release()

    def keep_alive(self) -> bytes:
        return self._dialect.keep_alive(committed=False)

    def fail(self, error: GatewayError) -> bytes:
        return b"" if self.stage == "finished" else self._dialect.fail(error)
