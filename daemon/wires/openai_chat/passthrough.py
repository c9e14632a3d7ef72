"""The Chat Completions wire passing through.

Every chunk repeats id and model, so both are made the client's in every chunk. Usage is asked for in
the upstream's last chunk in any case; a client that did not ask for it does not see that chunk. Calls that no
client could put together, and an end without its word, are repaired (``passed_calls``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct, structs

from daemon.errors import GatewayError
from daemon.inference.collect import collect, replay
from daemon.inference.response import Response
from daemon.wires.base import AnswerContext, EncodeResponse, StreamDecoder
from daemon.wires.call_ids import RepeatedIds
from daemon.wires.json import NOT_JSON, LenientDecoder, changed, encode, fields_of
from daemon.wires.openai_chat.decode_calls import CallTable
from daemon.wires.openai_chat.earlier_state import pieces_in
from daemon.wires.openai_chat.passed_calls import complete, fragments, object_of, rewritten, says_end, with_known_words
from daemon.wires.openai_chat.schema import Completion
from daemon.wires.openai_chat.stream_decoder import ChatStreamDecoder
from daemon.wires.openai_chat.stream_encoder import ChatStreamEncoder
from daemon.wires.sse import SseSplitter
from daemon.wires.sse_decoder import DONE, is_done

_LONGEST_DONE = 32
_ABSENT = (Raw(b""), Raw(b"null"))
_NOTHING = (b"", b"null", b'""', b"[]", b"{}")
_OF_CHUNKS = frozenset({"choices", "object", "obfuscation"})
_NO_CHOICES = (Raw(b""), Raw(b"null"), Raw(b"[]"))
_EMPTY = Raw(b"[]")
"""Azure's opening chunk has no choices, but what its filter says of the prompt."""


class _Chunk(Struct):
    id: Raw = Raw(b"")
    model: Raw = Raw(b"")
    choices: Raw = Raw(b"")
    usage: Raw = Raw(b"")
    error: Raw = Raw(b"")


class _Choice(Struct):
    delta: dict[str, Raw] | None = None


class _OddChoices(Struct):
    choices: list[_Choice] = []


_chunk = msgspec.json.Decoder(_Chunk).decode
_choices = msgspec.json.Decoder(list[_Choice]).decode
_odd_choices = LenientDecoder(_OddChoices)
_choices_with_state = LenientDecoder(Completion)
_LAST = _Chunk()


def _choices_in(raw: Raw) -> list[_Choice]:
    try:
        return _choices(raw)
    except msgspec.ValidationError:
        return _odd_choices.odd(b'{"choices":%b}' % bytes(raw)).choices


class ChatDialect:
    """See ``base.Dialect``."""

    __slots__ = (
        "_calls",
        "_context",
        "_counts",
        "_done",
        "_encode_response",
        "_ending",
        "_finishes",
        "_hides_usage",
        "_id",
        "_ids",
        "_late",
        "_model",
        "_opened",
        "_own",
        "_read",
        "_spoken",
        "_table",
        "_usage",
        "beside",
        "goes_on",
        "kept",
        "needs_decoding",
        "signature",
    )

    def __init__(self, context: AnswerContext, encode_response: EncodeResponse) -> None:
        self._context = context
        self._encode_response = encode_response
        self._model = encode(context.model)
        # Upstreams are always asked for usage; a client that did not ask gets no chunk without choices, which breaks
        # those that read ``choices[0]`` of every chunk.
        self._hides_usage = context.request.stream and not context.request.include_usage
        # The answer's id as the client knows it, raw; empty before the first chunk that has one. It outlives an
        # attempt: the SDKs take the id of the first chunk for that of the answer, which may have been a keep-alive's.
        self._id = b""
        # Writes the keep-alives. The first of an encoder opens the answer with the role, which must happen once.
        self._own = ChatStreamEncoder(context)
        # Whether the client has had that opening and not yet content of the upstream: its own opening is then dropped.
        self._opened = False
        self._ids = RepeatedIds(context)
        self.signature = b""
        self.begin()

    def begin(self, decoder: StreamDecoder | None = None, /) -> None:
        # The calls of the answer as its decoder reads them, which says what a client could not make of their fragments.
        self._table = decoder.calls if type(decoder) is ChatStreamDecoder else None
        self._read = _LAST
        self._calls = False  # whether the event has some
        self._counts = False  # whether it has usage
        self._usage = Raw(b"")  # the last that has come
        self._late = b""  # a chunk with nothing but usage, which has come before any ``finish_reason``
        self._ids.begin()
        self.kept = 0
        self._finishes = False  # whether a choice of the event has its ``finish_reason``
        self.beside = self.goes_on = self.needs_decoding = False
        self._done = False  # whether ``[DONE]`` has gone out: some servers end without one, and clients wait for it
        self._ending = False  # whether a ``finish_reason`` has come: no delta may follow it, not even an empty one
        # Whether the decoder has seen content. It gets the first chunk that has some, since it judges an end without
        # ``finish_reason`` by whether anything came (Kimi through OpenRouter ends so); of the rest it needs the end.
        self._spoken = False

    def read(self, payload: bytes) -> None:
        if payload == DONE or (len(payload) < _LONGEST_DONE and is_done(payload)):
            self._read, self.beside, self.goes_on, self.needs_decoding = _LAST, False, True, True
            return
        self._read = chunk = _chunk(payload)
        usage, error = chunk.usage not in _ABSENT, chunk.error not in _ABSENT
        self._counts = usage
        self.goes_on = usage or chunk.choices not in _NO_CHOICES
        if not (self.goes_on or error or chunk.choices == _EMPTY):
            raise msgspec.DecodeError  # a client's SDK takes it for a chunk, and reads its choices
        self._calls = calls = b'"tool_calls"' in payload
        gives_reason = b'"finish_reason":"' in payload or b'"finish_reason": "' in payload
        self._finishes = finishes = gives_reason and says_end(payload)
        self.beside = gives_reason or error or not self.goes_on
        self.needs_decoding = not self._spoken or usage or error or finishes or calls or self._ending
        self._spoken = self._spoken or self.commits()
        self.signature = b""
        if _has_state(payload):
            self.signature = next((piece.encode() for piece in _pieces(payload)), b"")

    def commits(self) -> bool:
        choices = self._read.choices
        if choices in _NO_CHOICES:
            return False
        deltas = (choice.delta or {} for choice in _choices_in(choices))
        return any(name != "role" and bytes(value) not in _NOTHING for delta in deltas for name, value in delta.items())

    def event(self, payload: bytes) -> bytes:
        late, self._late = self._late, b""
        if self._read is _LAST:
            self._done = True
            return self._reason() + b"data: [DONE]\n\n"
        chunk = self._read
        if self._ending and chunk.error not in _ABSENT:
            return b""  # of a relay, behind an answer that is complete
        self._ending = self._ending or self._finishes
        if (self._hides_usage or self._opened) and self._is_hidden(chunk):
            return late
        if self._counts:
            self._usage = Raw(bytes(chunk.usage))
        before = b""
        if self._finishes:
            before, payload = self._finishing(payload)
            chunk = self._read
        elif self._calls and self._table is not None and self._table.odd:
            payload = self._repaired(payload, self._table, {})
            chunk = self._read
        payload = _renamed(payload, bytes(chunk.model), self._model)
        if self._calls and payload.count(b'"id"') > 1:  # the answer's own, and one of a call, which its first has
            payload = self._unlike(payload, chunk.choices, "delta")
        chunk_id = bytes(chunk.id)
        if chunk_id != self._id:
            payload = self._one_id(chunk_id, payload)
        out = late + before + b"data: " + payload.replace(b"\n", b" ") + b"\n\n"
        if self._counts and not self._ending and not self.commits():
            self._late, out = out, b""
        return out

    def _repaired(self, payload: bytes, calls: CallTable, rest: dict[int, str]) -> bytes:
        payload = rewritten(payload, self._read.choices, calls, rest)
        calls.odd = False
        self._read = _chunk(payload)
        return payload

    def _finishing(self, payload: bytes) -> tuple[bytes, bytes]:
        """(what is due before the chunk with the ``finish_reason``, that chunk)."""
        calls, rest = self._table, self._rest()
        if self._calls and calls is not None and (calls.odd or rest):
            payload = self._repaired(payload, calls, rest)
        late = self._written({"tool_calls": fragments(rest)}) if rest else b""
        return late, with_known_words(payload)

    def _rest(self) -> dict[int, str]:
        """Arguments that are due before the end, by the number of the call."""
        return {} if self._table is None else {call.number: text for call, _, text in self._table.unsaid()}

    def _reason(self) -> bytes:
        """The ``finish_reason`` of an answer that has none: clients take it for broken off (Kimi by OpenRouter)."""
        if self._ending:
            return b""
        self._ending = True
        rest = self._rest()
        late = self._written({"tool_calls": fragments(rest)}) if rest else b""
        called = self._table is not None and self._table.named
        counts = {"usage": self._usage} if self._usage else {}
        return late + self._written({}, "tool_calls" if called else "stop", **counts)

    def _written(self, delta: Mapping[str, object], reason: str | None = None, **fields: Raw) -> bytes:
        """A chunk of ours. The last one has the usage: the SDKs take that of the last chunk."""
        chunk = {
            "id": Raw(self._id or encode(f"chatcmpl-{self._context.answer_id}")),
            "object": "chat.completion.chunk",
            "created": self._context.created,
            "model": self._context.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            **fields,
        }
        return b"data: " + encode(chunk) + b"\n\n"

    def _unlike(self, payload: bytes, choices: Raw, field: str) -> bytes:
        """Calls whose ids the conversation holds already get others, and numbers become texts."""
        renamed = False
        whole = msgspec.json.decode(choices)
        for choice in whole if isinstance(whole, list) else ():
            calls = object_of(object_of(choice).get("message")).get("tool_calls")
            renamed |= isinstance(calls, list) and complete(calls, self._context.answer_id)
            renamed |= self._rename(choice, field)
        return changed(payload, choices=whole) if renamed else payload

    def _rename(self, choice: object, field: str) -> bool:
        """What has another shape than calls have stays as it is: nobody can pair it."""
        renamed = False
        calls = object_of(object_of(choice).get(field)).get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            call = object_of(call)
            known = encode((object_of(choice).get("index"), call.get("index", place)))
            name = object_of(call.get("function")).get("name")
            name = name if isinstance(name, str) else ""
            if type(call.get("id")) is int:  # NVIDIA NIM (opencode#19947): what takes it so does not take it back
                call["id"], renamed = str(call["id"]), True
            if isinstance(call.get("id"), str) and (fresh := self._ids.fresh(known, call["id"], name)):
                call["id"], renamed = fresh, True
        self.kept = self._ids.kept
        return renamed

    def _is_hidden(self, chunk: _Chunk) -> bool:
        """Usage that the client did not ask for, and the upstream's opening after our own."""
        if self._hides_usage and chunk.choices in _NO_CHOICES and chunk.usage not in _ABSENT:
            return True
        if not self._opened or self._ending:
            return False
        self._opened = not self.commits()
        return self._opened

    def _one_id(self, chunk_id: bytes, payload: bytes) -> bytes:
        """The first id stands: also where an upstream changes it, and after a keep-alive of ours.
        Azure's opening chunk has an empty one."""
        if not self._id and chunk_id not in _NOTHING:
            self._id = chunk_id
        elif self._id and chunk_id:
            return changed(payload, id=Raw(self._id))
        return payload

    def end(self) -> bytes:
        return b"" if self._done else self._late + b"data: [DONE]\n\n"

    def keep_alive(self, *, committed: bool) -> bytes:
        """A chunk with an empty delta; after the finish_reason there is no place for one."""
        if self._ending:
            return b""
        known, self._id = self._id, self._id or encode(f"chatcmpl-{self._context.answer_id}")
        if not committed and not known:
            self._opened = True
            return self._own.keep_alive()
        self._own.keep_alive()  # the first one of an encoder opens the answer, which has happened
        return b"data: " + changed(self._own.keep_alive()[len(b"data: ") :], id=Raw(self._id)) + b"\n\n"

    def fail(self, error: GatewayError) -> bytes:
        return ChatStreamEncoder(self._context).fail(error)

    def whole(self, body: bytes) -> bytes:
        answer = _chunk(body)
        if bytes(answer.model) != self._model:
            body = changed(body, model=Raw(self._model))
        body = with_known_words(body)
        return self._unlike(body, _chunk(body).choices, "message") if b'"tool_calls"' in body else body

    def ids(self) -> Sequence[str]:
        return ()

    def signatures(self, body: bytes) -> Sequence[bytes]:
        return [piece.encode() for piece in _pieces(body)] if _has_state(body) else ()

    def collected(self, stream: bytes) -> bytes:
        """The message by way of the hub, since no two servers cut theirs alike; what stands beside it as it
        was said first, and the usage as it was said last."""
        beside: dict[str, Raw] = {}
        for payload in SseSplitter().feed(stream):
            for name, value in ({} if is_done(payload) else fields_of(payload)).items():
                empty = bytes(value) in (*_NOTHING, b"0")
                if name not in _OF_CHUNKS and not empty and (name == "usage" or name not in beside):
                    beside[name] = value
        return changed(self._encode_response(collect(ChatStreamDecoder({}).feed(stream))), **beside)

    def unfold(self, body: bytes, response: Response) -> bytes:
        """By the encoder that has made the keep-alives, if there were any."""
        return self._own.encode(list(replay(response)))


def _has_state(payload: bytes) -> bool:
    """Whether there may be something that only its upstream can read; to look at it closely takes long."""
    return b'signature"' in payload or b'"reasoning_opaque"' in payload or b'"data"' in payload


def _pieces(payload: bytes) -> list[str]:
    """What only its upstream can read, of a chunk or a whole answer; nothing of one that is no text throughout."""
    try:
        choices = _choices_with_state.odd(payload).choices or ()
    except NOT_JSON:
        return []
    messages = [message for choice in choices if (message := choice.delta or choice.message) is not None]
    return [piece for each in messages for piece in pieces_in(structs.asdict(each), each.tool_calls or [])]


def _renamed(payload: bytes, name: bytes, model: bytes) -> bytes:
    """The chunk with the model's name replaced where it stands; as it is where it has none."""
    if name == model or not name:
        return payload
    for spelled in (b'"model":', b'"model": '):
        if spelled + name in payload:
            return payload.replace(spelled + name, spelled + model, 1)
    return changed(payload, model=Raw(model))
