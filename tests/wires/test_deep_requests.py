"""What clients nest deep is changed as far as an API goes, and read or refused beyond: nothing recurses with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, LocalError
from daemon.wires.anthropic_messages import request_changes
from daemon.wires.json import fields_of
from daemon.wires.nested_fields import without_field
from daemon.wires.openai_responses.decode_request import decode_request
from daemon.wires.tool_schemas import portable_tools

DEEP = 330
"""Levels: as deep as JSON may be where each takes three calls."""


def nested(levels: int, leaf: str, around: Callable[[str], str]) -> str:
    return reduce(lambda inner, _: around(inner), range(levels), leaf)


def a_result(inner: str) -> str:
    return f'[{{"type":"tool_result","tool_use_id":"t","content":{inner},"ttl":1}}]'


def a_group(inner: str) -> str:
    return f'[{{"type":"namespace","name":"g","tools":{inner}}}]'


@pytest.mark.parametrize(("levels", "left"), [(3, 0), (DEEP, DEEP - 15)])
def test_a_field_is_left_out_as_deep_as_an_api_goes(levels: int, left: int) -> None:
    fields: dict[str, Raw] = {
        "messages": Raw(f'[{{"role":"user","content":{nested(levels, "[]", a_result)}}}]'.encode())
    }
    without_field(fields, "*.ttl")
    assert bytes(fields["messages"]).count(b'"ttl"') == left


def test_groups_of_tools_are_fitted_as_deep_as_an_api_goes() -> None:
    tool = '[{"type":"function","name":"f","parameters":{"$schema":"x"}}]'
    for levels, is_fitted in ((3, True), (DEEP, False)):
        fields = {"tools": Raw(nested(levels, tool, a_group).encode())}
        portable_tools(fields)
        assert (b"$schema" not in bytes(fields["tools"])) is is_fitted


def test_blocks_are_replaced_as_deep_as_an_api_goes() -> None:
    for levels, is_replaced in ((3, True), (DEEP, False)):
        content = nested(levels, '[{"type":"image","source":{}}]', a_result)
        fields = fields_of(Raw(f'{{"messages":[{{"role":"user","content":{content}}}]}}'.encode()))
        request_changes.without_blocks_of(fields, "image")
        assert (b'"image"' not in bytes(fields["messages"])) is is_replaced


@pytest.mark.parametrize("levels", [9, 300, DEEP, 480])
def test_groups_of_tools_inside_each_other_are_the_clients_fault(levels: int) -> None:
    tools = nested(levels, '[{"type":"function","name":"f","parameters":{}}]', a_group)
    body = json.dumps({"model": "m", "input": "a"})[:-1] + f',"tools":{tools}}}'
    with pytest.raises(LocalError) as caught:
        decode_request(body.encode(), {})
    assert caught.value.kind is ErrorKind.INVALID_REQUEST
