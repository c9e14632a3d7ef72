"""What of a request only its maker can read, in each dialect, and whose the request is."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from daemon.errors import LocalError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.ownership import Ownership, Part, ownership
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.reasoning.signatures import Seal
from daemon.wires.table import WIRES
from tests.gateway.client_requests import client_request
from tests.router.auths import candidate

FOX = candidate("fox", id="tppc:fox:0123456789ab")
WOLF = candidate("wolf", id="tppc:wolf:ba9876543210")
HELLO = {"role": "user", "content": "hello"}
IMAGE = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}


def asked(wire: str, body: dict[str, Any], **headers: str) -> ClientRequest:
    """As the entry decodes it."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    base = client_request(wire, body)
    return replace(base, request=WIRES[wire].decode_request(base.body, names), headers=names)


def responses(*items: object, **fields: Any) -> ClientRequest:
    return asked("responses", {"model": "gpt-5", "input": [HELLO, *items]} | fields)


def messages(*content: object, **fields: Any) -> ClientRequest:
    turn = {"role": "user", "content": list(content) or "hello"}
    return asked("messages", {"model": "m", "max_tokens": 9, "messages": [turn]} | fields)


def reasoning(piece: str) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [], "encrypted_content": piece}


def whose(request: ClientRequest, owners: ReasoningOwners | None = None) -> Ownership:
    return ownership(request, (FOX, WOLF), owners or ReasoningOwners())


@pytest.mark.parametrize(
    "request_, name, value",
    [
        (responses(previous_response_id="resp_1"), "previous_response_id", "resp_1"),
        (responses(conversation="conv_1"), "conversation", "conv_1"),
        (responses(conversation={"id": "conv_1"}), "conversation", "conv_1"),
        (responses(prompt={"id": "pmpt_1", "variables": {}}), "prompt", "pmpt_1"),
        (responses({"type": "compaction", "id": "c", "encrypted_content": "gA"}), "compaction", "gA"),
        (responses({"type": "compaction_summary", "encrypted_content": "gA"}), "compaction", "gA"),
        (responses({"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}), "file_id", "file-1"),
        (responses({"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}), "file_id", "file-1"),
        (
            responses(
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "file_id": "file-1"}],
                },
            ),
            "file_id",
            "file-1",
        ),
        (responses(tools=[{"type": "code_interpreter", "container": "cntr_1"}]), "container", "cntr_1"),
        (
            responses(tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]),
            "file_id",
            "file-1",
        ),
        (responses(tools=[{"type": "file_search", "vector_store_ids": ["vs_1"]}]), "vector_store_ids", "vs_1"),
        (messages(IMAGE), "file_id", "file_1"),
        (messages(IMAGE | {"type": "document"}), "file_id", "file_1"),
        (messages({"type": "container_upload", "file_id": "file_1"}), "file_id", "file_1"),
        (messages(container="container_1"), "container", "container_1"),
        (messages(container={"id": "container_1", "skills": []}), "container", "container_1"),
        (
            asked(
                "chat",
                {"model": "m", "messages": [HELLO | {"content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
            ),
            "file_id",
            "file-1",
        ),
    ],
)
def test_what_cannot_be_left_out(request_: ClientRequest, name: str, value: str) -> None:
    found = whose(request_)
    assert found == Ownership("", (Part(name, value.encode()),))
    owners = ReasoningOwners()
    owners.accepted(WOLF.auth.id, [part.value for part in found.needed])
    assert whose(request_, owners).owner == WOLF.auth.id


@pytest.mark.parametrize(
    "request_",
    [
        responses(),
        responses(previous_response_id=None, conversation=None),
        responses({"type": "item_reference", "id": "msg_1"}),
        responses({"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"file_id":"mine"}'}),
        responses(tools=[{"type": "function", "name": "f", "parameters": {"properties": {"file_id": {}}}}]),
        responses(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]),
        messages({"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "mine", "container": "mine"}}),
        messages(container={"skills": []}),
        asked("responses", {"model": "m", "input": "hi", "prompt_cache_key": "k"}, session_id="s"),
    ],
)
def test_what_is_nobodys(request_: ClientRequest) -> None:
    """Names of a client's own tools mean nothing, nor do sessions; a reference can be left out where it is refused."""
    assert whose(request_) == Ownership()


def test_a_reference_goes_to_who_is_known_to_keep_the_item() -> None:
    owners = ReasoningOwners()
    owners.made(WOLF.auth.id, b"msg_1")
    found = whose(responses({"type": "item_reference", "id": "msg_1"}), owners)
    assert (found.owner, found.needs) == (WOLF.auth.id, "item_reference")


def test_two_owners_are_refused_since_nobody_can_read_both() -> None:
    owners = ReasoningOwners()
    owners.made(FOX.auth.id, b"resp_1")
    owners.made(WOLF.auth.id, b"file-1")
    file = {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}
    with pytest.raises(LocalError) as raised:
        whose(responses(file, previous_response_id="resp_1"), owners)
    assert (raised.value.status, raised.value.param) == (400, "file_id")
    assert raised.value.message.startswith("the previous_response_id and the file_id were made by different providers")


def test_the_latest_reasoning_decides_among_those_who_may_be_asked() -> None:
    owners = ReasoningOwners()
    for auth_id, piece in ((FOX.auth.id, b"1"), (WOLF.auth.id, b"2"), ("tppc:gone:1", b"3")):
        owners.made(auth_id, piece)
    items = [reasoning(piece) for piece in ("1", "2", "3", "unknown")]
    assert whose(responses(*items), owners) == Ownership(WOLF.auth.id)
    assert whose(responses(*items[::-1]), owners) == Ownership(FOX.auth.id)


@pytest.mark.parametrize("maker", [FOX, WOLF], ids=["fox", "wolf"])
def test_a_seal_names_its_owner_also_after_a_restart(maker: Any) -> None:
    signature = Seal.of(maker.auth.id).close("gAAAA")
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": signature}]}
    request = messages(messages=[HELLO, thought, HELLO])
    assert whose(request) == Ownership(maker.auth.id)


def test_a_turn_state_decides_before_reasoning() -> None:
    owners = ReasoningOwners()
    owners.made(FOX.auth.id, b"1")
    owners.made(WOLF.auth.id, b"T")
    body = {"model": "gpt-5", "input": [HELLO, reasoning("1")]}
    assert whose(asked("responses", body, x_codex_turn_state="T"), owners) == Ownership(WOLF.auth.id)
    assert whose(asked("responses", body, x_codex_turn_state="U"), owners) == Ownership(FOX.auth.id)


def test_what_is_needed_decides_before_the_rest() -> None:
    owners = ReasoningOwners()
    owners.made(FOX.auth.id, b"1")
    owners.made(WOLF.auth.id, b"resp_1")
    found = whose(responses(reasoning("1"), previous_response_id="resp_1"), owners)
    assert (found.owner, found.needs) == (WOLF.auth.id, "previous_response_id")
