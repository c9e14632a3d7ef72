"""Changes of the parameters that every wire has, in its names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.wires.base import Change
from daemon.wires.effort import lowered
from daemon.wires.json import encode, fields_of
from daemon.wires.request_changes import at_least, at_most, effort_among, streamed


def changed(change: Change, argument: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    fields = fields_of(json.dumps(body).encode())
    lost = list(change(fields, argument))
    return json.loads(encode(fields)), lost


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_the_limit_of_an_answer_under_each_of_its_names(name: str) -> None:
    assert changed(at_most, "8192", {name: 32000}) == ({name: 8192}, [])
    assert changed(at_most, "8192", {name: 100}) == ({name: 100}, [])
    assert changed(at_least, "16", {name: 1}) == ({name: 16}, [])
    assert changed(at_least, "16", {name: 100}) == ({name: 100}, [])


@pytest.mark.parametrize("odd", [None, True, "many", [], {}])
def test_what_is_no_number_is_left_to_the_upstream(odd: object) -> None:
    for change in (at_most, at_least):
        assert changed(change, "8192", {"max_tokens": odd}) == ({"max_tokens": odd}, [])


@pytest.mark.parametrize(
    ("limit", "budget", "expected", "lost"),
    [
        ("64000", 31999, 31999, []),
        ("8192", 31999, 4096, []),
        ("8192", 8192, 4096, []),
        ("1500", 31999, 1024, []),
        ("1024", 31999, None, ["reasoning"]),
    ],
)
def test_a_budget_for_thinking_stays_below_the_limit(
    limit: str, budget: int, expected: int | None, lost: list[str]
) -> None:
    body = {"max_tokens": 128000, "thinking": {"type": "enabled", "budget_tokens": budget}}
    after, said = changed(at_most, limit, body)
    assert (after["max_tokens"], after.get("thinking", {}).get("budget_tokens"), said) == (int(limit), expected, lost)


@pytest.mark.parametrize(
    ("asked", "levels", "expected"),
    [
        ("xhigh", "low,medium,high", "high"),
        ("max", "low,medium,high,xhigh", "xhigh"),
        ("minimal", "low,high", "low"),
        ("medium", "low,high", "low"),
        ("none", "low,medium,high", "low"),
        ("high", "none,default", None),
        ("none", "none,default", "none"),
        ("high", "low,medium,high", "high"),
        ("ultra", "low,medium,high", "high"),
        ("low", "medium", "medium"),
    ],
)
def test_the_nearest_effort_in_every_place_that_says_one(asked: str, levels: str, expected: str | None) -> None:
    body = {
        "reasoning_effort": asked,
        "reasoning": {"effort": asked, "summary": "auto"},
        "output_config": {"effort": asked},
    }
    after, lost = changed(effort_among, levels, body)
    said = (after.get("reasoning_effort"), after["reasoning"].get("effort"), after["output_config"].get("effort"))
    names = ["reasoning_effort", "reasoning.effort", "output_config.effort"] if lowered(asked, expected) else []
    assert (said, sorted(lost)) == ((expected,) * 3, sorted(names))
    assert after["reasoning"]["summary"] == "auto"
    assert changed(effort_among, levels, {"reasoning": {}}) == ({"reasoning": {}}, [])


def test_an_answer_is_streamed_with_its_usage() -> None:
    assert changed(streamed, "", {"stream": False, "stream_options": {"x": 1}}) == (
        {"stream": True, "stream_options": {"x": 1, "include_usage": True}},
        [],
    )
