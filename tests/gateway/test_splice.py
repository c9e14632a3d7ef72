"""Of a Responses request only the forced fields change on its way to a Responses upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.config.schema import Defaults
from daemon.gateway.splice import ENCRYPTED, splice_body
from tests.router.auths import candidate

FORCED = {"model": "gpt-5", "stream": True, "store": False, "include": [ENCRYPTED], "reasoning": {"effort": "high"}}


def spliced(body: dict[str, Any], *, effort: str | None = None, **auth: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(splice_body(json.dumps(body).encode(), candidate(**auth), effort).body)
    return answer


def test_the_forced_fields_and_nothing_else() -> None:
    body = {
        "model": "fox/gpt-5-high",
        "input": [{"type": "tool_search", "x": [1, {"y": None}]}],
        "unheard_of": {"a": 1},
    }
    assert spliced(body) == body | FORCED


@pytest.mark.parametrize(
    ("reasoning", "suffix", "expected"),
    [
        (None, None, {"effort": "high"}),
        ({"summary": "auto"}, None, {"summary": "auto", "effort": "high"}),
        ({"effort": None}, None, {"effort": "high"}),
        ({"effort": "low", "context": "all_turns"}, None, {"effort": "low", "context": "all_turns"}),
        ({"effort": "low"}, "medium", {"effort": "medium"}),
    ],
)
def test_effort_suffix_beats_the_body_beats_the_default(
    reasoning: dict[str, Any] | None, suffix: str | None, expected: dict[str, Any]
) -> None:
    assert spliced({"reasoning": reasoning}, effort=suffix)["reasoning"] == expected


def test_the_providers_default_effort_is_used() -> None:
    defaults = Defaults(model_reasoning_effort="low")
    assert spliced({}, defaults=defaults)["reasoning"] == {"effort": "low"}


def test_null_instructions_become_empty() -> None:
    assert spliced({"instructions": None})["instructions"] == ""
    assert "instructions" not in spliced({})


@pytest.mark.parametrize("tools", [{}, {"tools": []}, {"tools": None}])
def test_parallel_tool_calls_is_dropped_without_tools(tools: dict[str, Any]) -> None:
    assert "parallel_tool_calls" not in spliced({"parallel_tool_calls": True, **tools})


def test_parallel_tool_calls_is_kept_with_tools() -> None:
    assert (
        spliced({"parallel_tool_calls": False, "tools": [{"type": "custom", "name": "x"}]})["parallel_tool_calls"]
        is False
    )
    inside = {"parallel_tool_calls": False, "input": [{"type": "additional_tools", "tools": []}]}
    assert spliced(inside)["parallel_tool_calls"] is False


def test_storage_left_to_the_client_when_the_provider_allows_it() -> None:
    body = {"store": True, "include": []}
    assert spliced(body, store=None) == body | FORCED | body


def test_what_else_the_client_wants_included_stays() -> None:
    assert spliced({"include": ["file_search_call.results"]})["include"] == ["file_search_call.results", ENCRYPTED]


def test_parameters_the_upstream_lacks_are_left_out_and_reported() -> None:
    body = json.dumps({"temperature": 0.5, "top_p": 1, "input": "x"}).encode()
    upstream = splice_body(body, candidate(unsupported_parameters=("temperature", "top_k")), None)
    assert upstream.lost == ("temperature",)
    assert "temperature" not in json.loads(upstream.body)
