"""Quick disable (US3 of the seed): one PATCH, one PUT, one edit, and the next request goes elsewhere; with no provider
left the client gets 503 that says who is disabled."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for
from tests.managing import KEY, ask, generation, text

Change = Callable[[Daemon, bool], None]


def by_patch(gateway: Daemon, enabled: bool) -> None:
    ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "enabled": enabled}]}).raise_for_status()


def by_put(gateway: Daemon, enabled: bool) -> None:
    block = ask(gateway, "GET", "/tppc").json()["tppc"]
    for each in block["providers"]:
        if each["name"] == "fox":
            each["enabled"] = enabled
    ask(gateway, "PUT", "/tppc", block).raise_for_status()


def edited(gateway: Daemon, enabled: bool) -> str:
    data = json.loads(text(gateway))
    data["tppc"]["providers"][0]["enabled"] = enabled
    return json.dumps(data, indent=2) + "\n"


def by_edit_in_place(gateway: Daemon, enabled: bool) -> None:
    before = generation(gateway)
    gateway.config.write_text(edited(gateway, enabled), "utf-8")
    wait_for(lambda: generation(gateway) > before, "a new generation")


def by_rename(gateway: Daemon, enabled: bool) -> None:
    gateway.reload(edited(gateway, enabled))


CHANGES = {"PATCH": by_patch, "PUT": by_put, "edit in place": by_edit_in_place, "rename over it": by_rename}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_next_request_goes_elsewhere_and_back(
    upstream: Simulator, other_upstream: Simulator, change: Change
) -> None:
    """Also that of a session that fox has answered."""
    fox, wolf = provider("fox", upstream, priority=1), provider("wolf", other_upstream)
    with daemon(config(fox, wolf, remote_management={"secret-key": KEY})) as gateway:

        def served() -> tuple[int, str, str]:
            answer = gateway.post(MESSAGES.path, MESSAGES.request("x"))
            return answer.status_code, answer.headers["x-tppcd-provider"], answer.headers["x-tppcd-attempts"]

        assert served() == (200, "fox", "1")
        change(gateway, False)
        assert [served() for _ in range(3)] == [(200, "wolf", "1")] * 3
        change(gateway, True)
        assert served() == (200, "fox", "1")


def test_a_provider_of_the_store_too(upstream: Simulator, other_upstream: Simulator) -> None:
    with daemon(
        config(provider("wolf", other_upstream, priority=-1), remote_management={"secret-key": KEY})
    ) as gateway:

        def store(path: str, body: object = None) -> None:
            url, headers = f"{gateway.url}/api/v1/providers{path}", {"x-management-key": KEY}
            gateway.http.post(url, json=body, headers=headers).raise_for_status()

        def served() -> str:
            return gateway.post(MESSAGES.path, MESSAGES.request("x")).headers["x-tppcd-provider"]

        fox = {"name": "fox", "type": "codex", "base_url": f"{upstream.url}/v1", "api_key": "key-of-fox"}
        store("", {**fox, "models": ["gpt-5"]})
        assert served() == "fox"
        store("/fox/disable")
        assert served() == "wolf"
        store("/fox/enable")
        assert served() == "fox"


@pytest.mark.parametrize("dialect", [MESSAGES, CHAT, RESPONSES], ids=["messages", "chat", "responses"])
def test_with_none_left_the_client_gets_503_with_the_reason(upstream: Simulator, dialect: Dialect) -> None:
    with daemon(config(provider("fox", upstream), remote_management={"secret-key": KEY})) as gateway:
        by_patch(gateway, False)
        answer = gateway.post(dialect.path, dialect.request("x"))
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert "fox" in answer.text and "disabled" in answer.text
        by_patch(gateway, True)
        assert gateway.post(dialect.path, dialect.request("x")).status_code == 200
