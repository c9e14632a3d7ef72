"""Bodies toward Responses upstreams that take less than OpenAI: each change does one thing and keeps the rest."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from daemon.wires.base import Change
from daemon.wires.openai_responses import request_changes as changes

SYSTEM = {"type": "message", "role": "system", "content": "S"}
DEVELOPER = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "D"}]}
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
PICTURE = {"type": "message", "role": "developer", "content": [{"type": "input_image", "image_url": "data:x"}]}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
SEALED = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "E"}
CALL = {"type": "function_call", "id": "item_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "a"}
ANSWER = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
BLANK = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": " "}]}
PLAIN = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
REFERENCE = {"type": "item_reference", "id": "msg_9"}


def reminder(text: str) -> dict[str, Any]:
    text = f"<system-reminder>\n{text}\n</system-reminder>"
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def changed(change: Change, body: dict[str, Any], argument: str = "") -> tuple[dict[str, Any], list[str]]:
    fields = msgspec.json.decode(json.dumps(body).encode(), type=dict[str, Raw])
    lost = change(fields, argument)
    return json.loads(msgspec.json.encode(fields)), list(lost)


@pytest.mark.parametrize(
    ("change", "argument", "before", "after", "lost"),
    [
        # the shape of Codex
        (changes.codex_shape, "", {"input": []}, {"input": [], "instructions": ""}, []),
        (changes.codex_shape, "", {"instructions": None}, {"instructions": ""}, []),
        (changes.codex_shape, "", {"instructions": "I", "input": "hi"}, {"instructions": "I", "input": [USER]}, []),
        (
            changes.codex_shape,
            "",
            {"instructions": "", "input": [{"role": "user", "content": "hi"}, SYSTEM, CALL, {"x": 1}, 5]},
            {
                "instructions": "",
                "input": [
                    {"type": "message", "role": "user", "content": "hi"},
                    SYSTEM | {"role": "developer"},
                    CALL,
                    {"x": 1},
                    5,
                ],
            },
            [],
        ),
        (
            changes.codex_shape,
            "",
            {"instructions": "", "input": [{"role": "system", "content": "S"}]},
            {"instructions": "", "input": [SYSTEM | {"role": "developer"}]},
            [],
        ),
        # the tier
        (changes.codex_tier, "", {"service_tier": "priority"}, {"service_tier": "priority"}, []),
        (changes.codex_tier, "", {"service_tier": "flex"}, {}, ["service_tier"]),
        (changes.codex_tier, "", {"service_tier": "auto"}, {}, []),
        (changes.codex_tier, "", {}, {}, []),
        # storage
        (changes.store_false, "", {}, {"store": False}, []),
        (changes.store_false, "", {"store": True}, {"store": False}, ["store"]),
        # system text in instructions
        (
            changes.system_as_instructions,
            "",
            {"instructions": "I", "input": [SYSTEM, DEVELOPER, USER, DEVELOPER]},
            {"instructions": "I\n\nS\n\nD", "input": [USER, DEVELOPER]},
            [],
        ),
        (
            changes.system_as_instructions,
            "",
            {"instructions": "", "input": [PICTURE, USER]},
            {"instructions": "", "input": [PICTURE, USER]},
            [],
        ),
        (changes.system_as_instructions, "", {"input": "hi"}, {"input": "hi"}, []),
        # instructions that are never blank
        (
            changes.filled_instructions,
            "",
            {"instructions": " ", "input": [DEVELOPER, USER]},
            {"instructions": "D", "input": [USER]},
            [],
        ),
        (
            changes.filled_instructions,
            "",
            {"instructions": "", "input": [USER]},
            {"instructions": changes.NEUTRAL_INSTRUCTIONS, "input": [USER]},
            [],
        ),
        (
            changes.filled_instructions,
            "",
            {"instructions": "I", "input": [DEVELOPER]},
            {"instructions": "I", "input": [DEVELOPER]},
            [],
        ),
        # fixed instructions
        (changes.fixed_instructions, "F", {"input": [USER]}, {"instructions": "F", "input": [USER]}, []),
        (
            changes.fixed_instructions,
            "F",
            {"instructions": "I", "input": "hi"},
            {
                "instructions": "F",
                "input": [
                    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "I"}]},
                    USER,
                ],
            },
            [],
        ),
        (changes.fixed_instructions, "F", {"instructions": "F and more"}, {"instructions": "F and more"}, []),
        # no system role at all
        (
            changes.no_system_role,
            "",
            {"instructions": "", "input": [DEVELOPER, USER, SYSTEM]},
            {"instructions": "D", "input": [USER, reminder("S")]},
            [],
        ),
        (
            changes.no_system_role,
            "",
            {"instructions": "", "input": [PICTURE]},
            {"instructions": "", "input": [PICTURE | {"role": "user"}]},
            [],
        ),
        # nothing that the upstream would have had to keep
        (
            changes.only_what_is_said,
            "",
            {"input": [USER | {"id": "msg_1"}, THOUGHT, SEALED, REFERENCE]},
            {"input": [USER, {"type": "reasoning", "summary": [], "encrypted_content": "E"}]},
            ["input[1].reasoning", "input[3].item_reference"],
        ),
        # reasoning in words, before each answer once there was a call
        (changes.blank_reasoning, "", {"input": [USER, ANSWER]}, {"input": [USER, ANSWER]}, []),
        (
            changes.blank_reasoning,
            "",
            {"input": [USER, CALL, CALL, RESULT, ANSWER, USER, SEALED, CALL, RESULT, PLAIN, CALL]},
            {
                "input": [
                    *(USER, BLANK, CALL, CALL, RESULT, BLANK, ANSWER, USER),
                    *(SEALED | {"content": BLANK["content"]}, CALL, RESULT, PLAIN, CALL),
                ]
            },
            [],
        ),
        # what is asked for beside the answer
        (
            changes.without_sources,
            "",
            {"include": ["reasoning.encrypted_content", "web_search_call.action.sources"]},
            {"include": ["reasoning.encrypted_content"]},
            [],
        ),
        (changes.without_sources, "", {"include": ["web_search_call.action.sources"]}, {}, []),
        # ids
        (
            changes.without_ids,
            "",
            {"input": [CALL, REFERENCE, USER]},
            {"input": [{name: value for name, value in CALL.items() if name != "id"}, REFERENCE, USER]},
            [],
        ),
    ],
)
def test_a_change_does_one_thing(
    change: Change, argument: str, before: dict[str, Any], after: dict[str, Any], lost: list[str]
) -> None:
    assert changed(change, before, argument) == (after, lost)
    assert changed(change, after, argument)[0] == after, "made twice, it changes nothing more"


def test_items_that_a_change_does_not_concern_keep_their_bytes() -> None:
    odd = b'{ "type" : "message", "role":"user", "content" : "\\u0068i", "new": 1e2 }'
    fields = {"input": Raw(b"[" + odd + b"," + json.dumps(SYSTEM).encode() + b"]")}
    changes.codex_shape(fields)
    assert odd in bytes(fields["input"])


def test_a_request_in_the_shape_of_codex_keeps_every_byte() -> None:
    given = json.dumps([DEVELOPER, USER, CALL, SEALED], indent=1).encode()
    fields = {"instructions": Raw(b'"I"'), "input": Raw(given)}
    changes.codex_shape(fields)
    assert bytes(fields["input"]) == given
