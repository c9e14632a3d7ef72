"""The pipe through the hub: any entry wire over any upstream wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Raw
from msgspec.structs import replace

from daemon.errors import GatewayError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.call_reasoning import CallReasoning, ReasoningKeeper
from daemon.gateway.reasoning.signatures import Seal, left_out, open_request, seal_events
from daemon.gateway.response_pipe import (
    HELD_BYTES,
    HELD_EVENTS,
    AnswerSummary,
    AttemptTarget,
    PreparedRequest,
    Stage,
    as_remote,
)
from daemon.gateway.stop_sequences import StopScanner
from daemon.inference.blocks import HostedCall
from daemon.inference.collect import collect, merged
from daemon.inference.events import BlockDelta, BlockEnd, Event, Finish, MessageStart, StreamError, size_of
from daemon.inference.response import FinishReason, Usage
from daemon.upstream.adapters.adapter import Adapter
from daemon.wires.base import Ending, StreamDecoder, StreamEncoder, Wire
from daemon.wires.json import type_of

MANY_EVENTS = 4096
"""Events of an answer that is not streamed to the client: more are put together, since each takes more room than its
text."""
MANY_BYTES = 512 * 1024
"""Bytes of an upstream's after which the same is done, however few events they are."""


class TranslationPipe:
    """One request through the hub. The encoder lives with the request, the decoder with the attempt."""

    __slots__ = (
        "_adapter",
        "_bytes_held",
        "_client_request",
        "_cut_short",
        "_decoder",
        "_encoder",
        "_events",
        "_finish",
        "_keeper",
        "_lost",
        "_merged",
        "_merged_at",
        "_merged_size",
        "_seal",
        "_start",
        "_stops",
        "_tool_names",
        "_usage",
        "_watched",
        "ending",
        "heard",
        "kept",
        "stage",
    )

    def __init__(self, client_request: ClientRequest, kept: CallReasoning | None = None) -> None:
        self._client_request = client_request
        carries = client_request.wire.carries_signatures
        # Of the whole request, as the encoder: an attempt before this one has shown nothing.
        self._keeper = None if kept is None or carries else ReasoningKeeper(client_request.context, kept)
        # One for the request: a keep-alive that has opened the client's message binds the attempts after it.
        self._encoder: StreamEncoder | None = None
        # All that follows is of the attempt. Events that are due to the client, and of those the ones that are put
        # together already, so that a long answer is not merged again at each event.
        self._events: list[Event] = []
        self._merged = 0
        self._bytes_held = 0
        self._stops: StopScanner | None = None
        self._cut_short = False
        self._lost: tuple[str, ...] = ()
        self._usage: Usage | None = None
        self._start: MessageStart | None = None
        self._finish: FinishReason | None = None
        self._watched = True
        self._adapter: Adapter
        self._tool_names: Mapping[str, str]
        self._decoder: StreamDecoder
        self._seal: Seal
        self._merged_at = self._merged_size = 0
        self.heard = self.kept = 0
        self.ending: Ending = ""
        self.stage: Stage = "held"

    def prepare(self, target: AttemptTarget) -> PreparedRequest:
        self._adapter = adapter = target.adapter
        self._seal = Seal.of(target.candidate.auth.id)
        self._events, self._bytes_held, self._merged = [], 0, 0
        self._merged_at = self._merged_size = 0
        self._lost, self._cut_short = (), False
        self._start = self._finish = None
        self.heard = self.kept = 0
        self.ending = ""
        self.stage = "held"
        request = self._client_request.request
        self._client_request.wire.refuse_foreign(request)
        foreign = self._client_request.wire.foreign_fields(request.extra.get(request.wire, {}))
        seal = self._seal if target.reasoning else None
        opened = open_request(seal, request)
        encoded = adapter.encode(opened, target.options, target.amendments)
        lost = (
            *encoded.lost,
            *(name for name in foreign if name not in encoded.carried),
            *request.unread,
            *(() if opened is request else left_out(seal, request)),
        )
        # A stop sequence that the upstream's wire has no place for is not lost: the text is watched for it here.
        self._stops = StopScanner(request.stop) if "stop" in lost and request.stop else None
        if self._stops is not None:
            lost = tuple(name for name in lost if name != "stop")
        self._watched = request.stream or self._stops is not None
        self._tool_names = encoded.tool_names
        self._decoder = self._new_decoder()
        return PreparedRequest(
            body=encoded.body,
            lost=tuple(dict.fromkeys(lost)),
            session=encoded.session,
            streamed=True,
            watched=self._watched,
        )

    def _new_decoder(self) -> StreamDecoder:
        return self._adapter.decoder(self._tool_names, watched=self._watched)

    @property
    def skipped(self) -> int:
        return self._decoder.skipped

    def accepted(self) -> None:
        """Nothing to learn: what travels through the hub is sealed."""

    def refused(self) -> None:
        """Nothing to learn either: the next turn brings the same seal, and the same refusal."""

    def feed(self, data: bytes) -> Stage:
        self._bytes_held += len(data)
        decoder = self._decoder
        events = decoder.feed(data)
        self.heard, self.kept, self.ending = decoder.heard, decoder.kept, decoder.ending
        self._accept(events)
        return self.stage

    def feed_whole(self, body: bytes) -> None:
        self._accept(self._adapter.decode_whole(body, self._tool_names))

    def release(self) -> None:
        self._events = []
        if self.stage != "finished":  # it may hold a part of the answer
            self._decoder = self._new_decoder()

    def end_of_body(self) -> None:
        self._accept(self._decoder.close())

    def _accept(self, events: Sequence[Event]) -> None:
        if self._stops is not None:
            events = self._stopped(self._stops, events)
        if not events:
            return
        error: RemoteError | None = None
        if type(events[0]) is MessageStart:
            self._start = events[0]
        last = events[-1]  # only the last event of an answer is terminal
        if isinstance(last, StreamError):
            error = as_remote(last.error)
            events = events[:-1]
        elif isinstance(last, Finish):
            self.stage = "finished"
            self._usage, self._finish = last.usage, last.reason
            self._lost += self._last_thinking(events)
        if lost := answer_losses(self._client_request.wire, events):
            self._lost += lost
        self._events += seal_events(self._seal, events)
        if not self._client_request.request.stream:
            self._merge()
        if self.stage == "held" and self._commits(events):
            self.stage = "committed"
        if error is not None:  # what came before it is the client's all the same
            raise error

    def _last_thinking(self, events: Sequence[Event]) -> tuple[str, ...]:
        """What an answer without calls ends with, where its client's wire has no place for that."""
        before = events[-2] if len(events) > 1 else None
        if self._client_request.wire.ends_with_thinking or type(before) is not BlockEnd or not before.redacted:
            return ()
        finish = events[-1]
        called = isinstance(finish, Finish) and finish.reason is FinishReason.TOOL_CALLS
        return () if called else ("answer.reasoning",)

    def _merge(self) -> None:
        """Puts the last events together when there are many, and counts what they take then."""
        if len(self._events) > self._merged + MANY_EVENTS or self._bytes_held > self._merged_at + MANY_BYTES:
            late = merged(self._events[self._merged :])
            self._events[self._merged :] = late
            self._merged, self._merged_at = len(self._events), self._bytes_held
            self._merged_size += sum(map(size_of, late))
        self.kept += self._merged_size + self._bytes_held - self._merged_at

    def _stopped(self, stops: StopScanner, events: Sequence[Event]) -> Sequence[Event]:
        events = stops.scan(events)
        if stops.match is not None and self.stage != "finished":
            self._cut_short = not stops.ended
            estimate = Usage(input_tokens=self._client_request.input_estimate, output_tokens=stops.output_tokens)
            finish = events[-1]
            if isinstance(finish, Finish) and finish.usage is None:
                events = [*events[:-1], replace(finish, usage=estimate)]
        return events

    def _commits(self, events: Sequence[Event]) -> bool:
        return (
            any(type(event) is BlockDelta for event in events)
            or len(self._events) > HELD_EVENTS
            or self._bytes_held > HELD_BYTES
        )

    def take(self) -> bytes:
        if self.stage == "held" or not self._events:
            return b""
        events, self._events = self._events, []
        if self._keeper is not None:
            self._keeper.note(events)
        encoder = self._encode()
        out = encoder.encode(events)
        self.kept = self._decoder.kept + encoder.kept
        return out

    def whole(self) -> bytes:
        if self._keeper is not None:
            self._keeper.note(self._events)
        return self._client_request.encode_response(collect(self._events))

    def summary(self) -> AnswerSummary:
        return AnswerSummary(
            usage=self._usage, cut_short=self._cut_short, lost=self._lost, start=self._start, finish=self._finish
        )

    def keep_alive(self) -> bytes:
        return self._encode().keep_alive()

    def fail(self, error: GatewayError) -> bytes:
        return self._encode().fail(error)

    def _encode(self) -> StreamEncoder:
        if self._encoder is None:
            self._encoder = self._client_request.wire.stream_encoder(self._client_request.context)
        return self._encoder


def answer_losses(entry: Wire, events: Sequence[Event]) -> tuple[str, ...]:
    """Names of what ``entry`` drops of these events; the usual batch has none. It is seen at the end of a block: a
    wire says which tools it has a form for. ``docs/reference/losses.md`` lists the names."""
    ends = [event for event in events if type(event) is BlockEnd and (event.opaque or event.hosted)]
    return tuple(_lost(entry, ends)) if ends else ()


def _lost(entry: Wire, ends: Iterable[BlockEnd]) -> Iterable[str]:
    for end in ends:
        if end.opaque is not None and end.opaque.wire != entry.name:
            yield f"answer.{_kind(end.opaque.raw)}"
        elif end.hosted is not None and not _shows(entry, end.hosted):
            yield f"answer.{end.hosted.name}"


def _shows(entry: Wire, call: HostedCall) -> bool:
    return call.wire == entry.name or entry.hosted_tools is None or call.name in entry.hosted_tools


def _kind(raw: Raw) -> str:
    return type_of(raw) or "block"
