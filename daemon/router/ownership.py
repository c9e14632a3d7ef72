"""Hard ownership: what only the core auth that made it can read, and who is asked because of it.

A turn state and encrypted reasoning can be left out: their owner is asked first, and where it is away the request goes
to others without them. An id of something that the upstream keeps, and a compacted conversation, cannot: the request
*needs* its owner.

1. The owner is known: nobody else is asked. While it rests shortly the request waits, and fails, as any other.
2. The owner is not known (a restart): those of the client's wire are asked in turn, until one knows it.
3. The owner is gone, or away for long, and there are others: 400 says what to send instead, since they can answer that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from daemon.errors import ErrorKind, LocalError
from daemon.router.router import RoutedRequest
from daemon.snapshot.listings import Candidate

MOST_SEARCHED: Final = 4
"""Core auths that are asked for an owner which is not known: each refusal costs the client time."""

_IN_INPUT: Final = "send the whole conversation in `input` instead"
_INSTEAD: Final[Mapping[str, str]] = {
    "previous_response_id": _IN_INPUT,
    "conversation": _IN_INPUT,
    "prompt": "send its text in `instructions` or `input` instead",
    "item_reference": "send the item itself instead",
    "file_id": "send the file itself instead of its id",
    "vector_store_ids": "leave this tool out, or send the files themselves",
    "container": "leave the container out, so that a new one is made",
}
_PART_NAMES: Final[Mapping[str, str]] = {
    "compaction": "compacted conversation",
    "encrypted_content": "encrypted item",
    "container": "container's id",
}
"""Of what is no field of the request."""
_THE_CONVERSATION: Final = frozenset({"compaction"})
"""What holds all that was said and done: where nobody can read it, something else would be answered."""
_NEW_CONVERSATION: Final = "start a new conversation, or go on from before it"
_CODES: Final[Mapping[str, str]] = {
    "previous_response_id": "previous_response_not_found",
    "conversation": "conversation_not_found",
}
"""By which OpenAI's clients know it."""


def narrowed(request: RoutedRequest) -> RoutedRequest:
    """The request with those candidates alone that what it needs may be sent to. Raises ``LocalError``, 400, where its
    owner is not among them."""
    if not request.needs:
        return request
    if not request.owner:
        candidates = _of_wire(request)
        if request.needs in _THE_CONVERSATION and all(each.auth.wire != request.wire for each in candidates):
            raise needs_owner(request, "a provider of another API")
        return replace(request, candidates=candidates)
    own = tuple(each for each in request.candidates if each.auth.id == request.owner)
    if not own:
        raise needs_owner(request, f"a provider that does not serve {request.name} now")
    return replace(request, candidates=own)


def kept_out(request: RoutedRequest, candidate: Candidate) -> str:
    """Why a candidate is not asked, where it is another one's part that is needed; '' where it may be."""
    if not request.needs:
        return ""
    if request.owner:
        return "" if candidate.auth.id == request.owner else f"another provider made the {part_name(request.needs)}"
    return "" if candidate in _of_wire(request) else f"its API has no {part_name(request.needs)}"


def part_name(needs: str) -> str:
    """What a request needs, in words."""
    return _PART_NAMES.get(needs, needs)


def split_owners(needs: str, other: str) -> LocalError:
    """Two parts of one request were made by different core auths, so that nobody can read both."""
    both = f"the {part_name(needs)} and the {part_name(other)}" if needs != other else f"two of {part_name(needs)}"
    message = (
        f"{both} were made by different providers, and none can read both: {_INSTEAD.get(other, _NEW_CONVERSATION)}"
    )
    return LocalError(ErrorKind.INVALID_REQUEST, message, param=other)


def needs_owner(request: RoutedRequest, maker: str) -> LocalError:
    """What the request needs was made by ``maker``, which cannot answer it."""
    needs = request.needs
    return LocalError(
        ErrorKind.INVALID_REQUEST,
        f"the {part_name(needs)} was made by {maker}; no other can read it: {_INSTEAD.get(needs, _NEW_CONVERSATION)}",
        code=_CODES.get(needs),
        param=needs,
    )


def _of_wire(request: RoutedRequest) -> Sequence[Candidate]:
    """Those of the client's wire, which alone can have made it; all where there is none, whose wire says why."""
    same = tuple(each for each in request.candidates if each.auth.wire == request.wire)
    return same or request.candidates
