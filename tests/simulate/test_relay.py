"""What a Codex relay refuses, rule by rule, and in which words; the profile over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.simulate.demand import Asked
from daemon.simulate.faults import FAULTS, OK, choose, of_demand, parse
from daemon.simulate.relay import DEMANDS, HABITS, UNSUPPORTED
from tests.dialects import CHAT, MESSAGES, RESPONSES, events, script, streamed_text
from tests.harness import Simulator, simulator, tppcd, wait_for

RELAY = tuple(map(of_demand, DEMANDS))
HI = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
FINE: dict[str, Any] = {"model": "gpt-5", "instructions": "", "store": False, "stream": True, "input": [HI]}
CODEX = {
    "user-agent": "codex_exec/0.171.0 (Debian 12.0.0; x86_64)",
    "originator": "codex_exec",
    "x-codex-window-id": "w:0",
}
BARE = {"role": "user", "content": "hi"}


def asked(body: dict[str, Any] | None = None, headers: dict[str, str] | None = None, wire: str = "responses") -> Asked:
    return Asked(wire=wire, path=f"/v1/{wire}", headers=headers or {}, body=FINE if body is None else body)


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in FINE.items() if field != name}


@pytest.mark.parametrize(
    ("body", "rule", "sentence"),
    [
        (without("instructions"), "instructions", "Instructions are required"),
        (FINE | {"instructions": None}, "instructions", "Instructions are required"),
        (without("store"), "store-false", "Store must be set to false"),
        (FINE | {"store": True}, "store-false", "Store must be set to false"),
        (without("stream"), "stream-true", "Stream must be set to true"),
        (FINE | {"input": "hi"}, "input-list", "Input must be a list"),
        (FINE | {"input": [HI, HI | {"role": "system"}]}, "no-system", "System messages are not allowed"),
        *((FINE | {name: None}, "parameters", f"Unsupported parameter: {name}") for name in UNSUPPORTED),
        (FINE | {"service_tier": "auto"}, "parameters", "Unsupported parameter: service_tier"),
        (FINE | {"input": [HI, BARE]}, "typed-items", "Unknown parameter: 'input[1].content'."),
    ],
)
def test_a_request_is_refused_with_the_one_sentence_about_it(body: dict[str, Any], rule: str, sentence: str) -> None:
    fault = choose(OK, (), RELAY, asked(body))
    assert (fault.name, fault.status, fault.complaint(asked(body))) == (rule, 400, sentence)


@pytest.mark.parametrize(
    "body",
    [
        FINE,
        FINE | {"instructions": "You are X.", "service_tier": "priority"},
        FINE | {"input": [HI | {"role": "developer"}, HI], "include": ["reasoning.encrypted_content"]},
        FINE | {"prompt_cache_key": "k", "text": {"verbosity": "low"}, "tool_choice": "auto"},
        FINE | {"input": []},
    ],
)
def test_what_codex_sends_is_taken(body: dict[str, Any]) -> None:
    assert choose(OK, (), RELAY, asked(body)) is OK


def test_complaints_come_one_at_a_time_until_all_is_right() -> None:
    body: dict[str, Any] = {"model": "gpt-5", "input": "hi", "temperature": 1, "user": "u"}
    fixes: dict[str, Any] = {
        "Instructions are required": {"instructions": ""},
        "Store must be set to false": {"store": False},
        "Stream must be set to true": {"stream": True},
        "Input must be a list": {"input": [BARE]},
        "Unknown parameter: 'input[0].content'.": {"input": [HI]},
    }
    heard = []
    while (fault := choose(OK, (), RELAY, asked(body))) is not OK:
        heard.append(str(fault.complaint(asked(body))))
        body |= fixes.get(heard[-1], {})
        body.pop(heard[-1].removeprefix("Unsupported parameter: "), None)
    fixed = list(fixes)
    assert heard == [*fixed[:4], *(f"Unsupported parameter: {name}" for name in ("temperature", "user")), fixed[4]]


@pytest.mark.parametrize(
    ("habit", "request_", "refused"),
    [
        ("only-codex", asked(headers=CODEX), False),
        (
            "only-codex",
            asked(headers=CODEX | {"user-agent": "Codex Desktop/1.0", "originator": "Codex Desktop"}),
            False,
        ),
        ("only-codex", asked(headers=CODEX | {"user-agent": "tppcd/0.1.0"}), True),
        ("only-codex", asked(headers=CODEX | {"originator": "opencode"}), True),
        ("only-codex", asked(headers={name: CODEX[name] for name in ("user-agent", "originator")}), True),
        ("only-codex", asked(), True),
        ("filled-instructions", asked(FINE | {"instructions": "X"}), False),
        ("filled-instructions", asked(FINE | {"instructions": " \n"}), True),
        ("filled-instructions", asked(without("instructions")), True),
        ("official-instructions", asked(FINE | {"instructions": "You are Codex, based on GPT-5."}), False),
        ("official-instructions", asked(FINE | {"instructions": "You are Claude Code"}), True),
        ("official-instructions", asked(), True),
        *((habit.name, asked(headers=CODEX), True) for habit in HABITS[3:]),
    ],
)
def test_a_habit_refuses_what_it_is_about(habit: str, request_: Asked, refused: bool) -> None:
    assert parse(habit).refuses(request_) is refused


def test_the_official_text_is_the_users_to_name() -> None:
    fault = parse({"fault": "official-instructions", "text": "You are X"})
    assert [fault.refuses(asked(FINE | {"instructions": said})) for said in ("You are X.", "You are Codex")] == [
        False,
        True,
    ]


def test_a_refusal_goes_before_a_broken_answer_and_the_requests_own_fault_before_the_runs() -> None:
    cut, window, balance = (FAULTS[name] for name in ("cut", "window", "no-balance"))
    wrong = asked(FINE | {"store": True})
    assert choose(cut, (), RELAY, wrong).name == "store-false"
    assert choose(cut, (), RELAY, asked()) is cut
    assert choose(window, (balance,), RELAY, wrong) is window
    assert choose(OK, (balance,), RELAY, wrong) is balance
    assert choose(FAULTS["only-codex"], (cut,), (), asked(headers=CODEX)) is cut


# --- over a real socket


@pytest.fixture(scope="module")
def shared_relay() -> Iterator[Simulator]:
    with simulator("--profile", "codex-relay") as running:
        yield running


@pytest.fixture
def relay(shared_relay: Simulator) -> Simulator:
    shared_relay.control(reset=True, always=[], delay_ms=0)
    return shared_relay


def ask(relay: Simulator, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return relay.post(RESPONSES.path, FINE if body is None else body, headers=named)


def test_a_request_as_codex_makes_it_is_answered(relay: Simulator) -> None:
    with relay.stream(RESPONSES.path, FINE) as response:
        seen = list(events(response))
    assert "“hi”" in streamed_text(RESPONSES, seen) and RESPONSES.terminal(seen[-1])


@pytest.mark.parametrize(
    ("fault", "status", "said", "headers"),
    [
        ("instructions", 400, {"detail": "Instructions are required"}, {}),
        ("only-codex", 403, "This account only allows Codex official clients", {}),
        ("official-instructions", 400, {"detail": "Instructions are not valid"}, {}),
        ("filled-instructions", 400, {"detail": "Instructions are required"}, {}),
        (
            "firewall",
            403,
            "<title>Just a moment...</title>",
            {"cf-mitigated": "challenge", "content-type": "text/html"},
        ),
        ("invalid-token", 401, "无效的令牌", {}),
        ("no-balance", 403, "insufficient_user_quota", {}),
        ("no-balance", 403, "用户额度不足", {}),
        ("window", 429, '"remainingMinutes":42', {}),
        ("window", 429, "将在 42 分钟后重置", {}),
        ("no-channel", 503, "分组 default 下模型 gpt-5 无可用渠道（distributor）", {}),
        ("no-channel", 503, "model_not_found", {}),
        ("word-filter", 500, "sensitive_words_detected", {}),
        ("maintenance", 200, "<title>系统维护中", {"content-type": "text/html"}),
        ("concurrency", 429, "Limit: 3 concurrent requests", {"retry-after": "1"}),
        ("official_instructions", 400, "Instructions are not valid", {}),
    ],
)
def test_each_way_of_naming_a_fault_gives_the_relays_words(
    relay: Simulator, fault: str, status: int, said: object, headers: dict[str, str]
) -> None:
    body = without("instructions") if fault == "instructions" else FINE
    relay.fail(fault)
    answers = [ask(relay, body), ask(relay, body, x_simulate=fault), ask(relay, body | {"model": f"gpt-5+{fault}"})]
    relay.control(always=[fault])
    answers += [ask(relay, body), ask(relay, body)]
    for answer in answers:
        assert answer.status_code == status
        assert answer.json() == said if isinstance(said, dict) else str(said) in answer.text
        assert all(answer.headers[name].startswith(value) for name, value in headers.items())


def test_other_words_and_waits_may_be_given(relay: Simulator) -> None:
    relay.fail({"fault": "word-filter", "message": "内容违规", "status": 400, "retry-after": 9})
    answer = ask(relay)
    assert (answer.status_code, answer.headers["retry-after"]) == (400, "9")
    assert answer.json()["error"]["message"].startswith("内容违规")


@pytest.mark.parametrize("path", [MESSAGES.path, CHAT.path, "/v1/messages/count_tokens"])
def test_other_wires_have_no_route_there(relay: Simulator, path: str) -> None:
    answer = relay.post(path, {"model": "gpt-5", "max_tokens": 9, "messages": [BARE]})
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, f"Invalid URL (POST {path})")


def cached(relay: Simulator, **headers: str) -> int:
    long = FINE | {"input": [HI | {"content": [{"type": "input_text", "text": "long " * 2000}]}]}
    with relay.stream(RESPONSES.path, long | {"prompt_cache_key": "same"}, headers=headers) as response:
        usage = list(events(response))[-1]["response"]["usage"]
    return int(usage["input_tokens_details"]["cached_tokens"])


def test_only_a_session_id_that_comes_again_finds_its_prompt(relay: Simulator) -> None:
    assert [cached(relay), cached(relay)] == [0, 0]
    assert [cached(relay, **{"session-id": "a"}), cached(relay, **{"session-id": "b"})] == [0, 0]
    assert cached(relay, **{"session-id": "a"}) >= 1024
    assert cached(relay, session_id="b") >= 1024


def test_requests_are_counted_by_client_with_what_each_met(relay: Simulator) -> None:
    relay.control(always=["only-codex"])
    ask(relay, user_agent="tppcd/0.1.0")
    relay.post(RESPONSES.path, FINE, headers=CODEX | {"session-id": "s"})
    state = relay.state()
    assert state["clients"] == {"tppcd": 1, "codex_exec": 1}
    assert [(seen["client"], seen["fault"], seen["status"]) for seen in state["recent"]] == [
        ("tppcd", "only-codex", 403),
        ("codex_exec", "ok", 200),
    ]
    assert (state["profile"], state["always"]) == ("codex-relay", ["only-codex"])
    first, second = (seen["session"] for seen in state["recent"])
    assert (first, len(second)) == ("", 12)


def test_what_is_set_for_the_run_survives_a_reset_and_is_replaced_whole(relay: Simulator) -> None:
    relay.control(always=["window", "cut"])
    relay.fail("ok")
    assert [ask(relay).status_code for _ in range(3)] == [429] * 3
    assert relay.post("/_simulate", {"always": ["zzz"]}).status_code == 400
    assert relay.state()["always"] == ["window", "cut"]
    relay.control(always=[])
    assert ask(relay).status_code == 200


def test_the_command_line_sets_the_key_the_habits_and_the_limit() -> None:
    long = FINE | {"input": [HI | {"content": script({"text": "word " * 200})}]}
    rules = ("--always", "filled-instructions", "--always", '{"fault": "official-instructions", "text": "You are X"}')
    with simulator(*rules, "--key", "k", "--max-concurrent", "1", "--delay-ms", "5", "--profile", "codex-relay") as run:
        assert f"packycode:\n  enabled: true\n  base-url: {run.url}/v1\n" in run.log
        right = {"authorization": "Bearer k"}
        assert "无效的令牌" in ask(run, authorization="Bearer other").text
        for instructions, said in ((" ", "are required"), ("You are Y", "are not valid")):
            assert said in ask(run, FINE | {"instructions": instructions}, **right).text
        with run.stream(RESPONSES.path, long | {"instructions": "You are X"}, headers=right) as open_:
            flow = events(open_)
            next(flow)
            refused = ask(run, FINE | {"instructions": "You are X"}, **right)
            assert (refused.status_code, "Limit: 1 " in refused.text) == (429, True)
        wait_for(lambda: run.open_requests() == 0, "the request to end")
        assert ask(run, FINE | {"instructions": "You are X"}, **right).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--profile", "zzz"), "codex-relay"),
        (("--always", "zzz"), "only-codex"),
        (("--always", "{zzz"), "JSON"),
    ],
)
def test_an_unknown_name_is_wrong_usage_and_lists_what_there_is(
    tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    wrong = tppcd("simulate", *arguments, home=tmp_path)
    assert (wrong.returncode, named in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)
