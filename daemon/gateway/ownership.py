"""What a request brings back that only the core auth that made it can read, and who that is.

It is read from the decoded request, block by block; ``router.ownership`` says who is asked because of it. The owner of
a sealed piece is in its seal, that of the rest is remembered (``reasoning.owners``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Raw, Struct

from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.reasoning.signatures import PREFIX, sealed_by
from daemon.inference.blocks import Block, File, Image, Opaque, Reasoning, Text, ToolResult
from daemon.inference.request import OpaqueTool, Request
from daemon.router.ownership import split_owners
from daemon.snapshot.listings import Candidate
from daemon.wires.json import NOT_JSON, LenientDecoder, first_byte, string_of
from daemon.wires.openai.parameters import TURN_STATE

MOST_LOOKED_AT: Final = 16
"""Pieces of reasoning, from the latest, whose owner is looked for."""

_FIELDS: Final = ("previous_response_id", "conversation", "prompt", "container")
"""Of a request: an id, or an object that has one."""

_TOOLS: Final = frozenset({"code_interpreter", "file_search"})
_REFERENCE: Final = "item_reference"
_BLOCKS: Final = frozenset({Reasoning, Image, File, ToolResult, Opaque})


class Part(NamedTuple):
    """``name`` as its API calls it, ``value`` the id or the encrypted piece."""

    name: str
    value: bytes


class Ownership(Struct, frozen=True):
    """``owner`` is a core auth ID, '' where nothing is owned or nobody knows by whom. ``needed``: the parts that cannot
    be left out."""

    owner: str = ""
    needed: tuple[Part, ...] = ()

    @property
    def needs(self) -> str:
        """The name of the first of them, '' for none."""
        return self.needed[0].name if self.needed else ""


class _Named(Struct):
    """An item, a block or a field of a request with what only its upstream knows."""

    type: str = ""
    id: str | None = None
    file_id: str | None = None
    file_ids: list[str] = []
    vector_store_ids: list[str] = []
    container: Raw = Raw(b"")
    encrypted_content: str | None = None


_named = LenientDecoder(_Named).decode


def ownership(client_request: ClientRequest, candidates: Sequence[Candidate], owners: ReasoningOwners) -> Ownership:
    """Whose the request is. Raises ``LocalError``, 400, where it needs two."""
    request = client_request.request
    blocks = [block for message in request.messages for block in message.content if type(block) in _BLOCKS]
    needed = tuple(_needed(request, blocks, owners))
    if needed:
        return Ownership(_owner_of_all(needed, owners), needed)
    if len(candidates) < 2:
        return Ownership()
    state = client_request.headers.get(TURN_STATE)
    owner = owners.of(state.encode()) if state else None
    if owner is None or all(owner != each.auth.id for each in candidates):
        owner = _owner_of_reasoning(blocks, candidates, owners)
    return Ownership(owner or "")


def _owner_of_all(needed: Iterable[Part], owners: ReasoningOwners) -> str:
    found: dict[str, str] = {}
    for part in needed:
        owner = owners.of(part.value)
        if owner is not None:
            found.setdefault(owner, part.name)
    if len(found) > 1:
        raise split_owners(*list(found.values())[:2])
    return next(iter(found), "")


def _owner_of_reasoning(
    blocks: Sequence[Block], candidates: Sequence[Candidate], owners: ReasoningOwners
) -> str | None:
    """That of the latest piece whose owner may be asked."""
    ids = [each.auth.id for each in candidates]
    left = MOST_LOOKED_AT
    for block in reversed(blocks):
        if type(block) is not Reasoning or not block.signature:
            continue
        piece = block.signature
        if piece.startswith(PREFIX):
            sealed = sealed_by(piece)
            owner = next((each for each in ids if sealed == each.rpartition(":")[2]), None)
        else:
            owner = owners.of(piece.encode())
        if owner in ids:
            return owner
        left -= 1
        if not left:
            break
    return None


def _needed(request: Request, blocks: Iterable[Block], owners: ReasoningOwners) -> Iterator[Part]:
    """A reference to an item counts where it is known who keeps it: elsewhere it can be left out."""
    yield from _of_fields(request.extra.get(request.wire, {}))
    for block in blocks:  # a long conversation has thousands: nothing is called for the usual ones
        if type(block) is ToolResult:
            for part in block.content:
                if type(part) is not Text:
                    yield from _of_block(part)
        elif type(block) is not Reasoning:
            for found in _of_block(block):
                if found.name != _REFERENCE or owners.of(found.value) is not None:
                    yield found
    for tool in request.tools:
        if isinstance(tool, OpaqueTool) and tool.name in _TOOLS:
            yield from _of_raw(tool.raw)


def _of_fields(extra: Mapping[str, Raw]) -> Iterator[Part]:
    for name in _FIELDS:
        if name in extra and (value := _id_of(extra[name])):
            yield Part(name, value.encode())


def _of_block(block: Block) -> Iterator[Part]:
    if isinstance(block, Image | File):
        if block.file_id:
            yield Part("file_id", block.file_id.encode())
    elif isinstance(block, Opaque) and block.lifted is None:  # tools that a client brings may be large
        yield from _of_raw(block.raw)


def _of_raw(raw: Raw) -> Iterator[Part]:
    """Of an item, a block or a hosted tool."""
    try:
        item = _named(raw)
    except NOT_JSON:
        return
    if item.type == _REFERENCE and item.id:
        yield Part(_REFERENCE, item.id.encode())
    if item.encrypted_content:
        name = "compaction" if "compaction" in item.type else "encrypted_content"
        yield Part(name, item.encrypted_content.encode())
    for name, ids in (
        ("file_id", [item.file_id, *item.file_ids]),
        ("vector_store_ids", item.vector_store_ids),
    ):
        yield from (Part(name, each.encode()) for each in ids if each)
    if item.container:
        yield from _of_container(item.container)


def _of_container(raw: Raw) -> Iterator[Part]:
    """Of the code interpreter: the id of one, or what a new one is to hold."""
    if first_byte(raw) == b"{":
        yield from (part for part in _of_raw(raw) if part.name == "file_id")
    elif value := string_of(raw):
        yield Part("container", value.encode())


def _id_of(raw: Raw) -> str:
    """A string, or the ``id`` of an object; '' for neither."""
    if first_byte(raw) != b"{":
        return string_of(raw)
    try:
        return _named(raw).id or ""
    except NOT_JSON:
        return ""
