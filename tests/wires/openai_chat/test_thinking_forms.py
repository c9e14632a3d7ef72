"""Each make's own way to say ``reasoning_effort``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.wires.json import encode, fields_of
from daemon.wires.openai_chat.thinking_forms import FORMS, in_form

OFF, LOW, HIGH = ({"reasoning_effort": effort} for effort in ("none", "low", "high"))


def said(form: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    fields = fields_of(json.dumps(body).encode())
    lost = list(in_form(fields, form))
    return json.loads(encode(fields)), lost


@pytest.mark.parametrize(
    ("form", "body", "expected", "lost"),
    [
        ("reasoning_effort", OFF, OFF, []),
        ("reasoning_effort", HIGH, HIGH, []),
        ("thinking", OFF, {"thinking": {"type": "disabled"}}, []),
        ("thinking", HIGH, {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, []),
        ("thinking", {**HIGH, "thinking": {"type": "disabled"}}, {**HIGH, "thinking": {"type": "disabled"}}, []),
        ("adaptive thinking", OFF, {"thinking": {"type": "disabled"}}, []),
        ("adaptive thinking", HIGH, {"thinking": {"type": "adaptive"}}, []),
        ("adaptive thinking", LOW, {"thinking": {"type": "adaptive"}}, ["reasoning_effort"]),
        ("enable_thinking", OFF, {"enable_thinking": False}, []),
        ("enable_thinking", LOW, {"enable_thinking": True, "thinking_budget": 1024}, []),
        ("enable_thinking", HIGH, {"enable_thinking": True}, []),
        (
            "enable_thinking",
            {**LOW, "enable_thinking": None, "thinking_budget": 7},
            {"enable_thinking": True, "thinking_budget": 7},
            [],
        ),
        ("chat_template_kwargs", OFF, {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}, []),
        (
            "chat_template_kwargs",
            LOW,
            {"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": True, "thinking": True}},
            [],
        ),
        (
            "chat_template_kwargs",
            {**OFF, "chat_template_kwargs": {"thinking": True, "tone": 1}},
            {"chat_template_kwargs": {"enable_thinking": False, "thinking": True, "tone": 1}},
            [],
        ),
        ("reasoning", OFF, {"reasoning": {"enabled": False}}, []),
        ("reasoning", LOW, {"reasoning": {"effort": "low"}}, []),
        ("reasoning", {**LOW, "reasoning": {"max_tokens": 9}}, {"reasoning": {"max_tokens": 9}}, []),
    ],
)
def test_effort_in_the_form_of_the_make(
    form: str, body: dict[str, Any], expected: dict[str, Any], lost: list[str]
) -> None:
    """What a client says in the make's own words stands."""
    assert said(form, body) == (expected, lost)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", [{}, {"reasoning_effort": None}, {"reasoning_effort": 7}, {"reasoning_effort": ""}])
def test_who_says_nothing_of_it_gets_nothing(form: str, body: dict[str, Any]) -> None:
    assert said(form, body) == (body, [])
