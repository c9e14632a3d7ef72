"""Upstreams of known makes: what config.yaml says of them, and what they show themselves, changes their requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects import CHAT, MESSAGES, RESPONSES
from tests.e2e.test_store_pipeline import hand, models, settings
from tests.e2e.test_strict_chat_servers import MANAGED, MANAGER, Answering, Json, Upstream, fox
from tests.harness import Daemon, config, daemon, wait_for

OFF: Json = {"thinking": {"type": "disabled"}}
ON: Json = {"thinking": {"type": "adaptive"}}


class Make(Upstream):
    """An upstream of some make: ``owner`` owns the one model that it lists, ``word`` is its ``server`` header."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = Showing
        self.owner, self.word = "", "nginx"


class Showing(Answering):
    server: Make

    def do_GET(self) -> None:
        self._answer(200, {"data": [{"id": "own-model", "owned_by": self.server.owner}]})

    def version_string(self) -> str:
        return self.server.word


@pytest.fixture
def make() -> Iterator[Make]:
    server = Make()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def profile(gateway: Daemon, name: str) -> tuple[str, str]:
    rows: list[dict[str, Any]] = gateway.get("/v0/management/auths", headers=MANAGER).json()["auths"]
    (row,) = [each for each in rows if each["name"] == name]
    return row["profile"], row["profile-reason"]


def sent(gateway: Daemon, make: Make, dialect: Any, model: str, **fields: Any) -> tuple[Json, str]:
    """What has arrived for one request, and what was lost of it."""
    answer = gateway.post(dialect.path, dialect.request("x", model=model, **fields))
    assert answer.status_code == 200, answer.text
    return make.seen[-1], answer.headers.get("x-tppcd-lost", "")


def test_thinking_is_switched_in_the_form_of_the_make(make: Make) -> None:
    names = ("vllm", "qwen", "deepseek", "minimax", "openrouter", "gemini", "lmstudio")
    entries = [fox(make, name, profile=name, models=["m"]) for name in names]
    with daemon(config(*entries)) as gateway:
        off = {name: sent(gateway, make, MESSAGES, f"{name}/m", **OFF) for name in names}
        on = {name: sent(gateway, make, MESSAGES, f"{name}/m", **ON)[0] for name in names}
        none, _ = sent(gateway, make, RESPONSES, "deepseek/m", reasoning={"effort": "none"})
        own, _ = sent(gateway, make, CHAT, "qwen/m", reasoning_effort="none")
    template = "chat_template_kwargs"
    assert off["vllm"][0][template] == {"enable_thinking": False, "thinking": False}
    assert on["vllm"][template] == {"enable_thinking": True, "thinking": True}
    assert (off["qwen"][0]["enable_thinking"], on["qwen"]["enable_thinking"]) == (False, True)
    assert (off["deepseek"][0]["thinking"], on["deepseek"]["thinking"]) == ({"type": "disabled"}, {"type": "enabled"})
    assert (off["minimax"][0]["thinking"], on["minimax"]["thinking"]) == ({"type": "disabled"}, {"type": "adaptive"})
    assert off["openrouter"][0]["reasoning"] == {"enabled": False}
    assert off["gemini"][0]["reasoning_effort"] == "none"
    assert [name for name in names if "reasoning" in off[name][1]] == ["lmstudio"]
    assert [name for name in names if "reasoning_effort" in off[name][0]] == ["gemini"]
    assert none["thinking"] == {"type": "disabled"}
    assert (own["enable_thinking"], "reasoning_effort" in own) == (False, False)


def test_only_models_that_are_known_to_reason_get_the_default_effort(make: Make) -> None:
    entries = [
        fox(make, "plain", models=["grok-4", "gpt-5", "glm-5"]),
        fox(make, "chosen", models=["grok-4"], defaults={"model-reasoning-effort": "low"}),
    ]
    with daemon(config(*entries)) as gateway:
        assert "reasoning_effort" not in sent(gateway, make, MESSAGES, "plain/grok-4")[0]
        assert "reasoning_effort" not in sent(gateway, make, MESSAGES, "plain/glm-5")[0]
        assert sent(gateway, make, MESSAGES, "plain/gpt-5")[0]["reasoning_effort"] == "high"
        assert sent(gateway, make, MESSAGES, "chosen/grok-4")[0]["reasoning_effort"] == "low"


def test_who_owns_the_models_shows_the_make(make: Make) -> None:
    make.owner = "sglang"
    with daemon(settings("", **MANAGED)) as gateway, hand("", gateway) as store:
        store.create("fox", make, models=None)  # type: ignore[arg-type]  # only its url is looked at
        wait_for(lambda: "own-model" in models(gateway), "the list of models")
        assert profile(gateway, "fox") == ("sglang", "owned_by sglang")
        gateway.wait_log(r"fox has the profile sglang \(owned_by sglang\)")
        body, lost = sent(gateway, make, MESSAGES, "own-model", **OFF)
        assert body["chat_template_kwargs"]["enable_thinking"] is False
        assert "reasoning" not in lost


def profile_or_none(gateway: Daemon) -> tuple[str, str] | None:
    try:
        return profile(gateway, "fox")
    except ValueError:  # the row is not in force yet
        return None


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ({}, ("llama.cpp", "server llama.cpp")),
        ({"profile": "none"}, ("", "switched off")),
        ({"profile": "qwen"}, ("qwen", "configured")),
    ],
)
def test_a_server_header_counts_after_a_refusal_and_where_nothing_is_configured(
    make: Make, configured: Json, expected: tuple[str, str]
) -> None:
    make.word = "llama.cpp"
    with daemon(config(fox(make, models=["m"], **configured), **MANAGED)) as gateway:
        before = profile(gateway, "fox")
        sent(gateway, make, MESSAGES, "fox/m")
        assert profile(gateway, "fox") == before == (expected if configured else ("", ""))
        make.obeys(lambda body: "no such thing" if len(make.seen) == 1 else "")
        gateway.post(MESSAGES.path, MESSAGES.request("x", model="fox/m"))
        assert profile(gateway, "fox") == expected
        body, _ = sent(gateway, make, MESSAGES, "fox/m", **OFF)
        assert ("chat_template_kwargs" in body) is not bool(configured)


def test_a_row_of_the_type_vllm_has_its_profile(make: Make) -> None:
    with daemon(settings("", **MANAGED)) as gateway, hand("", gateway) as store:
        store.create("fox", make, type="vllm", api_key=None)  # type: ignore[arg-type]
        wait_for(lambda: profile_or_none(gateway) == ("vllm", "configured"), "the profile vllm")
        body, _ = sent(gateway, make, MESSAGES, "model-of-fox", **OFF)
        assert "chat_template_kwargs" in json.dumps(body)
