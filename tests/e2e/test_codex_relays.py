"""Codex relays such as packycode, played by the simulator: every client is served, or reads the relay's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.simulate.ledger import fingerprint
from tests.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES
from tests.harness import Daemon, Simulator, config, daemon, provider, simulator

SDK: dict[str, Any] = {
    "max_output_tokens": 50,
    "metadata": {"a": "b"},
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "temperature": 0.5,
    "top_p": 0.9,
    "truncation": "auto",
    "user": "u",
}
CODEX = {"user-agent": "codex_exec/0.171.0 (Debian 12.0.0)", "originator": "codex_exec", "x-codex-window-id": "w:0"}
OFFICIAL = "You are Codex, based on GPT-5."


@pytest.fixture(scope="module")
def relay() -> Iterator[Simulator]:
    with simulator("--profile", "codex-relay") as running:
        yield running


@pytest.fixture(scope="module")
def gateway(relay: Simulator) -> Iterator[Daemon]:
    """One provider whose make is known, and one of which nothing is known yet."""
    providers = [provider("known", relay, profile="codex-relay"), provider("fox", relay)]
    with daemon(config(*providers, **MANAGED, disable_cooling=True, request_retry=0)) as running:
        yield running


MANAGED: dict[str, Any] = {"remote_management": {"secret-key": "management-key"}}
MANAGER = {"authorization": "Bearer management-key"}


@pytest.fixture(autouse=True)
def fresh(relay: Simulator, gateway: Daemon) -> None:
    """No fault waits, nothing has been learned."""
    relay.reset()
    for auth in auths(gateway):
        path = f"/v0/management/auths/{auth['id']}/amendments"
        gateway.http.delete(gateway.url + path, headers=MANAGER).raise_for_status()


def auths(gateway: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.get("/v0/management/auths", headers=MANAGER).json()["auths"]
    return found


def attempts(gateway: Daemon, path: str, body: dict[str, Any], **options: Any) -> str:
    answer = gateway.post(path, body, **options)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-tppcd-attempts"]


# --- the shape of requests -------------------------------------------------------------------------


@pytest.mark.parametrize("entry", DIALECTS)
def test_every_entry_is_served_at_once_where_the_make_is_known(gateway: Daemon, entry: str) -> None:
    dialect = DIALECTS[entry]
    assert attempts(gateway, dialect.path, dialect.request("hello", model="known/gpt-5")) == "1"


def test_what_codex_never_sends_is_left_out_from_the_start_and_reported(gateway: Daemon, relay: Simulator) -> None:
    body = RESPONSES.request("hello", model="known/gpt-5", service_tier="flex", **SDK)
    answer = gateway.post(RESPONSES.path, body)
    assert (answer.status_code, answer.headers["x-tppcd-attempts"]) == (200, "1")
    assert set(answer.headers["x-tppcd-lost"].split(",")) == {*SDK, "service_tier"}
    assert not {*SDK, "service_tier"} & relay.requests[-1]["body"].keys()


def test_without_a_profile_two_refusals_are_enough_for_the_whole_list(gateway: Daemon, relay: Simulator) -> None:
    asked = [{"type": "message", "role": "user", "content": "hello"}]
    body = {"model": "fox/gpt-5", "input": asked, "instructions": "", **SDK}
    assert [attempts(gateway, RESPONSES.path, body) for _ in range(2)] == ["3", "1"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("string input", {"input": "hello"}),
        ("no instructions", {"input": [{"type": "message", "role": "user", "content": "hello"}]}),
        ("null instructions", {"input": "hello", "instructions": None}),
        ("bare items", {"input": [{"role": "user", "content": "hello"}], "instructions": ""}),
        ("a system role", {"input": [{"role": "system", "content": "S"}, {"role": "user", "content": "hello"}]}),
        (
            "a late system role",
            {
                "instructions": "I",
                "input": [
                    {"type": "message", "role": "user", "content": "hello"},
                    {"type": "message", "role": "system", "content": "S"},
                    {"type": "message", "role": "user", "content": "hello"},
                ],
            },
        ),
    ],
)
def test_a_shape_of_the_sdks_is_learned_from_one_refusal(gateway: Daemon, what: str, body: dict[str, Any]) -> None:
    known = body | {"model": "known/gpt-5"}
    assert attempts(gateway, RESPONSES.path, known) == "1", what
    unknown = body | {"model": "fox/gpt-5"}
    first, second = (attempts(gateway, RESPONSES.path, unknown) for _ in range(2))
    assert first in ("1", "2")
    assert second == "1", what


def test_the_first_request_to_an_unknown_make_goes_up_as_it_came(gateway: Daemon, relay: Simulator) -> None:
    asked = [{"role": "user", "content": "hello"}]
    attempts(gateway, RESPONSES.path, {"model": "fox/gpt-5", "input": asked, "new": 1})
    assert relay.requests[0]["body"]["input"] == asked
    assert all(request["body"]["new"] == 1 for request in relay.requests)


def test_storage_that_the_relay_refuses_is_given_up(relay: Simulator) -> None:
    open_ = provider("fox", relay, privacy={"disable-response-storage": False}, profile="codex-relay")
    with daemon(config(open_)) as gateway:
        answers = [gateway.post(RESPONSES.path, RESPONSES.request("hello", store=True)) for _ in range(2)]
    assert [answer.headers["x-tppcd-attempts"] for answer in answers] == ["2", "1"]
    assert [answer.headers["x-tppcd-lost"] for answer in answers] == ["store", "store"]


def test_what_was_learned_is_shown_and_cleared(gateway: Daemon) -> None:
    body = {"model": "fox/gpt-5", "input": "hello", "temperature": 1}
    assert attempts(gateway, RESPONSES.path, body) == "3"
    known, fox = auths(gateway)
    assert (known["profile"], known["profile-reason"], known["amendments"]) == ("codex-relay", "configured", [])
    shown = [(each["amendment"], each["model"], each["in-force"]) for each in fox["amendments"]]
    assert (fox["profile"], fox["profile-reason"]) == ("codex-relay", "learned from refusals")
    assert shown == [("shape of Codex", "gpt-5", True), ("leave out temperature", "gpt-5", True)]
    path = f"{gateway.url}/v0/management/auths/{fox['id']}/amendments"
    assert gateway.http.delete(path, headers=MANAGER).json() == {"cleared": 2}
    assert auths(gateway)[1]["amendments"] == []
    assert gateway.http.delete(path.replace("fox", "nobody"), headers=MANAGER).status_code == 404
    assert attempts(gateway, RESPONSES.path, body) == "3"


# --- instructions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", DIALECTS)
def test_instructions_that_must_not_be_blank_get_the_system_text(relay: Simulator, entry: str) -> None:
    dialect, wanted = DIALECTS[entry], "Be brief."
    bodies: dict[str, dict[str, Any]] = {
        "messages": {"system": wanted},
        "chat": {"messages": [{"role": "system", "content": wanted}, {"role": "user", "content": "hello"}]},
        "responses": {"input": [{"role": "developer", "content": wanted}, {"role": "user", "content": "hello"}]},
    }
    with daemon(config(provider("fox", relay, profile="codex-relay"), disable_cooling=True)) as gateway:
        seen = []
        for _ in range(2):
            relay.fail(*["filled-instructions"] * 2)
            seen.append(attempts(gateway, dialect.path, dialect.request("hello") | bodies[entry]))
        sent = relay.requests[-1]["body"]
    assert seen == ["2", "1"]
    assert sent["instructions"] == wanted
    assert wanted not in json.dumps(sent["input"])


def test_a_fixed_text_is_sent_where_the_relay_wants_one(relay: Simulator, tmp_path: Any) -> None:
    text = tmp_path / "official.md"
    text.write_text(f"{OFFICIAL}\nMore of it.\n", "utf-8")
    with daemon(config(provider("fox", relay, instructions=f"file:{text}", profile="codex-relay"))) as gateway:
        for entry, dialect in DIALECTS.items():
            relay.fail({"fault": "official-instructions", "text": OFFICIAL})
            body = dialect.request("hello")
            body |= {"system": "Be brief."} if entry == "messages" else {}
            body |= {"instructions": "Be brief."} if entry == "responses" else {}
            assert attempts(gateway, dialect.path, body) == "1", entry
            sent = relay.requests[-1]["body"]
            assert sent["instructions"].startswith(OFFICIAL)
            assert entry == "chat" or sent["input"][0]["role"] == "developer"


def test_the_error_names_the_setting_where_there_is_none(gateway: Daemon, relay: Simulator) -> None:
    relay.fail(*["official-instructions"] * 4)
    answer = gateway.post(MESSAGES.path, MESSAGES.request("hello", model="known/gpt-5"))
    said = answer.json()["error"]["message"]
    assert answer.status_code == 400
    assert "Instructions are not valid" in said
    assert "instructions: file:" in said
    assert len(relay.requests) <= 2


@pytest.mark.parametrize("entry", DIALECTS)
def test_system_text_goes_into_instructions_where_that_is_set(relay: Simulator, entry: str) -> None:
    dialect = DIALECTS[entry]
    bodies: dict[str, dict[str, Any]] = {
        "messages": {"system": "Be brief."},
        "chat": {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]},
        "responses": {"input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]},
    }
    with daemon(config(provider("fox", relay, instructions="system", profile="codex-relay"))) as gateway:
        attempts(gateway, dialect.path, dialect.request("hello") | bodies[entry])
    sent = relay.requests[-1]["body"]
    assert (sent["instructions"], [item["role"] for item in sent["input"]]) == ("Be brief.", ["user"])


# --- who asks --------------------------------------------------------------------------------------


def test_a_codex_is_let_in_as_codex(gateway: Daemon, relay: Simulator) -> None:
    relay.fail("only-codex")
    body = RESPONSES.request("hello", model="known/gpt-5", instructions="I")
    assert attempts(gateway, RESPONSES.path, body, headers=CODEX | {"session-id": "s-1"}) == "1"
    sent = relay.requests[-1]
    assert (sent["client"], sent["session"]) == ("codex_exec", fingerprint("s-1"))


@pytest.mark.parametrize("entry", DIALECTS)
def test_another_client_reads_why_it_is_not(gateway: Daemon, relay: Simulator, entry: str) -> None:
    dialect = DIALECTS[entry]
    relay.fail(*["only-codex"] * 3)
    answer = gateway.post(dialect.path, dialect.request("hello", model="known/gpt-5"))
    said = answer.json()["error"]["message"]
    assert answer.status_code == 400
    assert "Codex official clients" in said
    assert "headers" in said
    assert len(relay.requests) == 1


@pytest.mark.parametrize("entry", DIALECTS)
def test_a_conversation_has_one_session_id(gateway: Daemon, relay: Simulator, entry: str) -> None:
    dialect = DIALECTS[entry]
    bodies = [dialect.request(prompt, model="known/gpt-5") for prompt in ("hello", "hello", "something else")]
    for body in bodies:
        attempts(gateway, dialect.path, body)
    first, again, other = (request["session"] for request in relay.requests)
    assert first == again != other
    sent = relay.requests[0]["body"]
    assert entry == "responses" or fingerprint(sent["prompt_cache_key"]) == first


# --- what a relay says -----------------------------------------------------------------------------

SAID: list[tuple[str, str, tuple[int, str | None], tuple[int, str | None]]] = [
    ("no-balance", "余额", (402, "billing_error"), (429, "insufficient_quota")),
    ("window", "42", (429, "rate_limit_error"), (429, "usage_limit_reached")),
    ("concurrency", "Limit: 3", (429, "rate_limit_error"), (429, "rate_limit_exceeded")),
    ("no-channel", "无可用渠道", (404, "not_found_error"), (404, "model_not_found")),
    ("word-filter", "sensitive", (400, "invalid_request_error"), (400, "content_policy_violation")),
    ("maintenance", "系统维护中", (529, "overloaded_error"), (503, "server_is_overloaded")),
    ("firewall", "Just a moment", (403, "permission_error"), (403, None)),
    ("invalid-token", "令牌", (401, "authentication_error"), (401, "invalid_api_key")),
]
"""The fault, a word of the relay's, and what clients get: of Messages (status, type), of OpenAI (status, code)."""


@pytest.mark.parametrize(("fault", "word", "anthropic", "openai"), SAID, ids=[each[0] for each in SAID])
def test_the_relays_words_decide_and_are_shown(
    gateway: Daemon,
    relay: Simulator,
    fault: str,
    word: str,
    anthropic: tuple[int, str | None],
    openai: tuple[int, str | None],
) -> None:
    for dialect, (status, kind) in ((MESSAGES, anthropic), (CHAT, openai), (RESPONSES, openai)):
        relay.fail(fault)
        answer = gateway.post(dialect.path, dialect.request("hello", model="known/gpt-5"))
        error = answer.json()["error"]
        assert answer.status_code == status, answer.text
        assert kind is None or (error["type"] if dialect is MESSAGES else error["code"]) == kind
        assert word in error["message"]
        assert "refused this gateway" not in error["message"]
        assert "base-url" not in error["message"]


def test_a_window_says_when_it_ends(gateway: Daemon, relay: Simulator) -> None:
    relay.fail("window", "window")
    told = gateway.post(RESPONSES.path, RESPONSES.request("hello", model="known/gpt-5"))
    error = told.json()["error"]
    assert told.headers["retry-after"] == "2520"
    assert "resets_at" in error
    assert "plan_type" not in error
    other = gateway.post(MESSAGES.path, MESSAGES.request("hello", model="known/gpt-5"))
    assert (other.headers["retry-after"], other.headers["x-should-retry"]) == ("2520", "false")
