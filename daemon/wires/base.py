"""The shape every wire has. A wire is a value: functions in a struct, so that the pipeline picks
one by name and a test runs the same suite over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol

from msgspec import Raw, Struct

from daemon.errors import GatewayError
from daemon.inference.events import Event
from daemon.inference.request import Request
from daemon.inference.response import Response


class EncodeOptions(Struct, frozen=True, kw_only=True):
    """What the provider's configuration says about a request on its way up.

    ``effort`` is the level from the model-name suffix, which beats the client's; ``default_effort``
    is used when neither the suffix nor the client said one. ``store`` None = leave it out.
    ``unsupported`` names parameters that this upstream has refused before or is configured to lack.
    ``thinking_form`` is how this upstream is asked to think or not to, where that is known: a ``ThinkingForm`` of
    config. ``knows_users``: the service knows its users by the ids that its clients send, so that those of a client
    of another API go there too.
    """

    model: str
    effort: str | None = None
    default_effort: str | None = None
    store: bool | None = False
    unsupported: frozenset[str] = frozenset()
    thinking_form: str = ""
    knows_users: bool = False
    stream: bool = True


class UpstreamBody(Struct, frozen=True):
    """An encoded request. ``lost`` names what the wire could not carry (``top_k``, ``messages[3].…``);
    ``tool_names`` maps shortened tool names back to the client's, for the decoder; ``session`` names the
    conversation toward a Responses upstream, in printable ASCII ('' toward others). ``carried`` are the fields of
    another wire (``Request.extra``) that this one has too, and was given."""

    body: bytes
    lost: tuple[str, ...] = ()
    tool_names: Mapping[str, str] = {}
    session: str = ""
    carried: frozenset[str] = frozenset()


class AnswerContext(Struct, frozen=True, kw_only=True):
    """What an encoder toward the client needs to know besides the events.

    ``model`` is the name the client asked for, ``answer_id`` an id in no wire's style (32 hex
    digits; a wire adds its prefix), ``created`` Unix seconds, ``input_estimate`` a cheap estimate
    of the prompt's tokens for wires that say it first (0 where none was made), ``request`` what the
    client asked (Responses objects echo parts of it)."""

    model: str
    answer_id: str
    created: int
    input_estimate: int
    request: Request


Ending = Literal["", "said", "counted", "doubted"]
"""How much of its end has come of an answer that is not over for the decoder, so that little or nothing is worth
waiting for: ``said`` that it ends, ``counted`` what it took as well. ``doubted``: content came behind that all the
same. A wire whose last event says everything has none of these."""


class StreamDecoder(Protocol):
    """Upstream bytes to hub events, sans I/O. Cuts anywhere in the bytes change nothing. ``skipped`` counts the
    upstream's events that could not be read, ``heard`` those that go on with the answer: pings are of neither kind.
    ``kept``: bytes that are kept for later, after the last ``feed`` or ``event``. Where ``ending`` is set, ``close``
    ends the answer well."""

    ending: Ending
    heard: int
    kept: int
    skipped: int

    def feed(self, data: bytes) -> list[Event]:
        """The events that ``data`` completes. After a terminal event: ``[]``."""
        ...

    def event(self, payload: bytes) -> list[Event]:
        """As ``feed``, for the payload of one event that somebody else has split off."""
        ...

    def close(self) -> list[Event]:
        """The upstream's body ended: ``[]`` after a terminal event, else a ``StreamError``."""
        ...


class StreamEncoder(Protocol):
    """Hub events to client bytes. After a terminal event nothing more is emitted. ``kept``: bytes that are kept for
    later, after the last ``encode``."""

    kept: int

    def encode(self, events: Sequence[Event]) -> bytes:
        """All events of one read, as one write. Includes the dialect's opening when it is due."""
        ...

    def keep_alive(self) -> bytes:
        """Bytes that the real clients count as activity, and that are valid at any time before the end."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """The in-dialect last event. What is open ends as failed, never as complete: on Messages it stays
        open. Empty after a terminal event."""
        ...


EncodeResponse = Callable[[Response], bytes]
"""A whole answer as the client gets it."""


class Dialect(Protocol):
    """How the bytes of a wire are read and amended while they pass through, for one request: untouched, but for the
    model's name, for what an inserted keep-alive requires, and for what no client of the wire could read. ``read``
    looks at an event; the other methods are about that event until the next ``read``.

    ``needs_decoding``: whether the wire's decoder has to see it too: for usage, an error or the end of the answer.
    ``goes_on``: whether it goes on with the answer, as a ping does not.
    ``beside``: whether it may say more than a piece of the answer: a failure, or why it ends.
    ``signature``: the encrypted piece in it, by which the gateway remembers who made it; empty for none.
    ``kept``: bytes that are kept of the answer so far.
    """

    beside: bool
    goes_on: bool
    kept: int
    needs_decoding: bool
    signature: bytes

    def begin(self, decoder: StreamDecoder | None = None, /) -> None:
        """A new attempt, of which ``decoder`` has seen an event that needs it before ``event`` is called. What the
        client has had by then, it keeps."""
        ...

    def read(self, payload: bytes) -> None:
        """Raises ``msgspec.DecodeError`` for what is no event."""
        ...

    def commits(self) -> bool:
        """Whether the event is the first piece of content."""
        ...

    def event(self, payload: bytes) -> bytes:
        """The event as the client gets it; called once for each, in their order. May be empty."""
        ...

    def end(self) -> bytes:
        """What is still due after the last event of a complete answer."""
        ...

    def keep_alive(self, *, committed: bool) -> bytes:
        """Bytes that the client counts as activity; they commit nothing."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """The last event of a stream that cannot go on. What is open never ends as if it were complete."""
        ...

    def whole(self, body: bytes) -> bytes:
        """A JSON answer as the client gets it."""
        ...

    def ids(self) -> Sequence[str]:
        """Of an answer that has ended: by which ids its upstream may keep it and its items."""
        ...

    def signatures(self, body: bytes) -> Sequence[bytes]:
        """The encrypted pieces of a JSON answer, which ``whole`` has been given."""
        ...

    def collected(self, stream: bytes) -> bytes:
        """The JSON answer of a complete stream, as ``event`` and ``end`` have written it."""
        ...

    def unfold(self, body: bytes, response: Response) -> bytes:
        """The event stream of a JSON answer."""
        ...


Fields = dict[str, Raw]
"""The top level of a JSON object."""

Change = Callable[[Fields, str], Sequence[str]]
"""A change of the body of a request on its way up, made in ``fields``: (fields, the amendment's argument) -> names of
what the request loses by it."""


HeaderChange = Callable[[dict[str, str], str], None]
"""The same for its headers, names in lower case: (headers, the amendment's argument)."""


class Item(Struct):
    """What an input item or a content block may hold of reasoning."""

    type: str = ""
    text: Raw = Raw(b"")
    thinking: str | None = None
    encrypted_content: str | None = None
    signature: str | None = None
    data: str | None = None


Sift = Callable[[Sequence[Raw], Callable[[Item], str]], list[Raw] | None]
"""(items, the field of an item that holds its encrypted piece, '' for none) -> what may go of them; None when that
is all of it, untouched."""


class EarlierReasoning(Struct, frozen=True, kw_only=True):
    """Where a request holds the reasoning of earlier answers. ``markers``: what a body contains one of, that has
    something to look at. ``sift`` reads the top level of it and changes there what may not go. ``mark``: how a piece
    begins that was moved out of its place."""

    markers: tuple[bytes, ...]
    sift: Callable[[Fields, Sift], None]
    mark: str = ""


def bearer(key: str) -> dict[str, str]:
    """``key`` as RFC 6750 sends it."""
    return {"authorization": f"Bearer {key}"}


class Upstream(Struct, frozen=True, kw_only=True):
    """How an upstream of a wire is addressed, and what is changed in a request whose bytes pass through to it.

    ``endpoint`` is the path behind the base URL, ``family`` how the management API calls such providers, ``headers``
    what every request has. ``key_headers`` says how the key is sent. ``session_key`` names a conversation (request,
    model). ``count_path`` is appended to the endpoint to have a prompt's tokens counted. ``models_query`` is what asks
    for the whole list of models.
    """

    endpoint: str
    family: str
    force_fields: Callable[[Fields, bytes, Request, EncodeOptions], None]
    """(fields, the client's whole body, the request, options): sets what is forced in ``fields``, but the model."""

    headers: Mapping[str, str] = {}
    key_headers: Callable[[str], dict[str, str]] = bearer
    session_key: Callable[[Request, str], str] | None = None
    count_path: str = ""
    models_query: str = ""
    not_missed: frozenset[str] = frozenset({"include", "store", "stream_options", "parallel_tool_calls"})
    """Parameters that nobody misses when an upstream refuses them, so that they are not reported as lost."""

    synonyms: Mapping[str, str] = MappingProxyType(
        {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
    )
    """Parameters that mean the same: where one is refused, the other is sent."""

    separate_ids: Callable[[Fields], None]
    """Gives calls that have an earlier call's id one of their own, and their results too."""

    reasoning: EarlierReasoning | None = None

    output_limit: Callable[[str], tuple[str, ...]] = lambda _: ("max_tokens",)
    """(the model's name) -> what the limit of an answer's tokens is called, the usual name first."""

    takes_sampling: Callable[[Request], bool] = lambda _: True
    """Whether ``temperature`` and ``top_p`` may stand beside what the request asks for."""


class Wire(Struct, frozen=True, kw_only=True):
    """One JSON dialect. ``decode_request`` takes the body and lower-case headers and raises
    ``LocalError``; ``decode_response`` raises ``RemoteError`` for a failed answer; ``encode_error``
    gives (status, headers, body); ``decode_error`` reads an upstream's HTTP error (status, headers, body)."""

    name: str
    decode_request: Callable[[bytes, Mapping[str, str]], Request]
    encode_response: Callable[[Response, AnswerContext], bytes]
    stream_encoder: Callable[[AnswerContext], StreamEncoder]
    encode_error: Callable[[GatewayError, str], tuple[int, dict[str, str], bytes]]
    """(error, request id) -> status, extra headers (``retry-after``, ``x-should-retry``), JSON body."""

    encode_request: Callable[[Request, EncodeOptions], UpstreamBody]
    decode_response: Callable[[bytes, Mapping[str, str]], Response]
    """(body, tool names to restore) -> the answer."""
    stream_decoder: Callable[[Mapping[str, str]], StreamDecoder]
    collected_decoder: Callable[[Mapping[str, str]], StreamDecoder] | None = None
    """As ``stream_decoder``, for an answer that is not streamed to the client; None where that is no cheaper."""
    decode_error: Callable[[int, Mapping[str, str], bytes], GatewayError]
    passthrough: Callable[[AnswerContext, EncodeResponse], Dialect]
    """Where the client and the upstream both use this wire."""
    upstream: Upstream
    foreign_fields: Callable[[Mapping[str, Raw]], Iterable[str]]
    """(what ``Request.extra`` holds for this wire) -> the names of what another wire has no place for: all that is
    said in it, but for what is read or not missed. Raises ``LocalError`` for what cannot be done without."""

    refuse_foreign: Callable[[Request], None] = lambda _: None
    """Raises ``LocalError`` for a request of a client with an item that no other wire has, and that cannot be left
    out."""

    hosted_tools: frozenset[str] | None
    """Which tools that an upstream ran by itself the wire's answers have a form for; None: any."""

    carries_signatures: bool = True
    """Whether its answers have a place for signed reasoning, which its clients send back."""

    ends_with_thinking: bool = False
    """Whether an answer may end with thinking that has nothing to show; elsewhere it is left out."""

    reword_context_length: Callable[[str, int | None, int | None], str] | None = None
    """(an upstream's words, the prompt's tokens, the model's limit) -> the words that the wire's clients act on."""

    final_type: Callable[[Mapping[str, str]], str | None] | None = None
    """(the client's headers) -> the error type by which that client knows that asking again is no use."""

    unsaid_wait: float | None = None
    """Seconds to wait out a rate limit of which the upstream has not said when it ends, where clients need a number."""
