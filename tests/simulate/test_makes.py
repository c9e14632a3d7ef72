"""What each make of upstream demands, in which words, and how it answers; in process, without a socket."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from daemon.config.profiles import PROFILES
from daemon.simulate.app import Simulator
from daemon.simulate.demand import Asked, Demand
from daemon.simulate.faults import OK, choose, of_demand, parse
from daemon.simulate.makes import ALL, MAKES
from tests.harness import ROOT
from tests.simulate.asking import address, api_of, ask
from tests.simulate.provocations import CHANGES, good
from tests.simulate.refusals import REFUSALS

PLAYED = [(name, api.wire.name) for name, make in ALL.items() for api in make.apis if make.models]


def provoked(name: str, wire: str, change: str, model: str) -> Any:
    return CHANGES[change](good(wire, model or ALL[name].models[0].name))


def texts(value: Any) -> str:
    """All the texts in a JSON value."""
    if isinstance(value, dict):
        return "\n".join(map(texts, value.values()))
    return "\n".join(map(texts, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize(("name", "wire"), PLAYED)
def test_a_usual_request_is_taken(name: str, wire: str) -> None:
    for model in ALL[name].models:
        assert ask(name, address(name, wire), good(wire, model.name)).status == 200


@pytest.mark.parametrize(("name", "wire", "change", "model", "status", "words"), REFUSALS)
def test_an_odd_request_is_refused_in_the_words_of_the_make(
    name: str, wire: str, change: str, model: str, status: int, words: str
) -> None:
    reply = ask(name, address(name, wire), provoked(name, wire, change, model))
    assert reply.status == status
    assert words in (texts(reply.json) if reply.headers["content-type"] == "application/json" else reply.body.decode())


@pytest.mark.parametrize("between", [[], [{"role": "assistant", "content": "I look."}]])
def test_reasoning_stands_before_its_answer_and_all_its_calls(between: list[Any]) -> None:
    call, result = {"type": "function_call", "name": "f", "arguments": "{}"}, {"type": "function_call_output"}
    answer = [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": " "}]},
        *between,
        *(call | {"call_id": "c1"}, call | {"call_id": "c2"}),
        *(result | {"call_id": each, "output": "x"} for each in ("c1", "c2")),
    ]
    body = good("responses", "deepseek-v4-pro") | {"input": [{"role": "user", "content": "go"}, *answer]}
    assert ask("deepseek", address("deepseek", "responses"), body).status == 200


def test_there_is_a_row_for_each_demand() -> None:
    """By the demand that refuses first, in the order of the make."""
    refusing: dict[tuple[str, str], list[Demand | None]] = defaultdict(list)
    for name, wire, change, model, _, _ in REFUSALS:
        body, make = provoked(name, wire, change, model), ALL[name]
        asked = Asked(wire=wire, path="", headers={}, body=body, model=make.model(body["model"]))
        fault = choose(OK, (), map(of_demand, api_of(make, wire).demands), asked)
        if refusing[name, wire][-1:] != [fault.demand]:
            refusing[name, wire].append(fault.demand)
    for name, wire in PLAYED:
        assert refusing[name, wire] == list(api_of(ALL[name], wire).demands), (name, wire)


def test_the_page_says_what_each_refusal_is_about() -> None:
    page = (ROOT / "docs/reference/simulator.md").read_text("utf-8")
    explained = set(re.findall("`([a-z-]+)`", page[page.index("| refusal |") : page.index("### How they answer")]))
    assert {demand.name for make in ALL.values() for api in make.apis for demand in api.demands} <= explained


def test_the_makes_are_the_profiles_and_have_their_apis_and_owners() -> None:
    assert set(MAKES) == set(PROFILES)
    assert {make.profile for make in ALL.values()} <= {"", "none", *PROFILES}
    for name, profile in PROFILES.items():
        make = MAKES[name]
        assert {api.wire.name for api in make.apis} >= set(profile.wires), name
        assert not profile.owners or make.owner in profile.owners, name
        for wire, url in profile.preset.base_urls.items():
            assert not make.models or url.endswith(api_of(make, wire).base), (name, url)
            assert not make.models or make.model(profile.preset.model) is not None, name


@pytest.mark.parametrize("name", [name for name, make in ALL.items() if make.models])
def test_a_make_refuses_a_wrong_key_and_another_path_in_words_of_its_own(name: str) -> None:
    make = ALL[name]
    api = make.apis[0]
    wrong = ask(name, address(name, api.wire.name), good(api.wire.name, make.models[0].name), only="another")
    assert wrong.status in (400, 401, 403)
    listed = ask(name, f"{api.base}/models", only="another")
    assert (listed.status, listed.body) == (wrong.status, wrong.body)
    nowhere = ask(name, "/nowhere/responses", {})
    assert nowhere.status in (200, 404) and nowhere.body != wrong.body
    assert [row["id"] for row in ask(name, f"{api.base}/models").json["data"]] == [each.name for each in make.models]


@pytest.mark.parametrize(
    ("name", "fault", "status", "words"),
    [
        ("deepseek", "quota", 402, "Insufficient Balance"),
        ("kimi", "overloaded", 429, "engine_overloaded_error"),
        ("glm", "quota", 429, "1113"),
        ("gemini", "overloaded", 503, "UNAVAILABLE"),
        ("openrouter", "rate_limit", 429, "is temporarily rate-limited upstream"),
        ("vllm", "rate_limit", 429, "Rate limit reached for this model"),
    ],
)
def test_a_fault_is_in_the_words_of_the_make_where_it_has_some(name: str, fault: str, status: int, words: str) -> None:
    body = good("chat", f"{ALL[name].models[0].name}+{fault}")
    reply = ask(name, address(name, "chat"), body)
    assert reply.status == status and words in texts(reply.json)


def test_a_fault_with_a_change_is_as_it_was_asked_for() -> None:
    assert MAKES["glm"].own(parse({"fault": "quota", "message": "none left"})).problem.message == "none left"


def test_a_model_that_was_set_is_known_and_the_others_are_still() -> None:
    simulator = Simulator(make=MAKES["deepseek"])
    simulator._models = ("mine",)
    assert simulator._known("mine") is not None and simulator._known("deepseek-v4-flash") is not None
    assert simulator._known("other") is None
