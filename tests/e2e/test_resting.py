"""A core auth that leaves service is passed by, is shown everywhere with its reason, and returns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import httpx
import pytest

from tests.dialects import MESSAGES, RESPONSES
from tests.harness import Daemon, Simulator, config, daemon, provider, tppcd, wait_for
from tests.managing import KEY, ask

BOTH = {"remote_management": {"secret-key": KEY}, "max_retry_interval": 0}


@pytest.fixture
def gateway(upstream: Simulator, other_upstream: Simulator) -> Iterator[Daemon]:
    """``one`` is asked before ``two``."""
    text = config(provider("one", upstream, priority=1), provider("two", other_upstream), **BOTH)
    with daemon(text) as running:
        yield running


def asked(gateway: Daemon, words: str = "x", **more: object) -> httpx.Response:
    return gateway.post(MESSAGES.path, MESSAGES.request(words, **more))


def served_by(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["x-tppcd-provider"], answer.headers["x-tppcd-attempts"]


def auth_of(gateway: Daemon, name: str) -> dict[str, object]:
    auths = ask(gateway, "GET", "/auths").json()["auths"]
    return next(each for each in auths if each["name"] == name)


def explained(gateway: Daemon, *options: str) -> str:
    return tppcd("explain", "--model", "gpt-5", "--config", str(gateway.config), *options, home=gateway.home).stdout


def test_a_refused_key_rests_until_somebody_clears_it(
    upstream: Simulator, other_upstream: Simulator, gateway: Daemon
) -> None:
    upstream.fail("unauthorized")
    assert served_by(asked(gateway)) == (200, "two", "2")
    assert served_by(asked(gateway)) == (200, "two", "1")
    gateway.wait_log(
        r"INFO +one rests: key refused \(http_401\) provider=one auth=\S+ seconds=\S+ model=gpt-5 in_service=two"
    )

    one = auth_of(gateway, "one")
    assert (one["state"], one["reason"]) == ("cooling", "key refused (http_401)")
    assert str(one["until"]).endswith("Z")
    assert auth_of(gateway, "two")["state"] == "ready"
    shown = tppcd("status", home=gateway.home).stdout
    assert "cooling" in shown
    assert "key refused (http_401)" in shown

    targets = ask(gateway, "POST", "/explain", {"model": "gpt-5"}).json()["targets"]
    assert [each["provider"] for each in targets] == ["two", "one"]
    assert "key refused (http_401), 30 min more" in targets[1]["not-now"]
    first, second = explained(gateway).split("  2.  two")
    assert "  1.  one " in first and "config:tppc[one]\n" in first
    assert "      not now: key refused (http_401), 30 min more\n" in first
    assert "config:tppc[two]\n" in second and "not now" not in second

    assert ask(gateway, "DELETE", f"/auths/{one['id']}/cooldown").status_code == 200
    assert auth_of(gateway, "one")["state"] == "ready"
    assert served_by(asked(gateway, "another session")) == (200, "one", "1")
    assert ask(gateway, "DELETE", "/auths/nobody/cooldown").status_code == 404


def test_a_server_that_is_down_is_asked_for_its_models_and_returns(
    upstream: Simulator, other_upstream: Simulator, gateway: Daemon
) -> None:
    upstream.fail({"fault": "server_error", "retry-after": 600})
    assert served_by(asked(gateway)) == (200, "two", "2")
    gateway.wait_log(r"INFO +one rests: upstream failed \(http_500\) for gpt-5")
    sessions = count()
    wait_for(lambda: served_by(asked(gateway, f"session {next(sessions)}"))[1] == "one", "it to be asked again")
    gateway.wait_log(r"INFO +one is back provider=one auth=\S+ model=gpt-5 in_service=\"one, two\"")


@pytest.mark.parametrize("reload", ["key", "url"])
def test_a_changed_key_or_url_starts_fresh(
    upstream: Simulator, other_upstream: Simulator, gateway: Daemon, reload: str
) -> None:
    upstream.fail("unauthorized")
    assert served_by(asked(gateway)) == (200, "two", "2")
    changed = provider("one", upstream, priority=1)
    changed |= {"api-key": "another-key"} if reload == "key" else {"base-url": f"{upstream.url}/"}
    gateway.reload(config(changed, provider("two", other_upstream), **BOTH))
    assert auth_of(gateway, "one")["state"] == "ready"
    assert served_by(asked(gateway, "another session")) == (200, "one", "1")


def test_a_reload_that_keeps_the_core_auth_keeps_its_rest(
    upstream: Simulator, other_upstream: Simulator, gateway: Daemon
) -> None:
    upstream.fail("unauthorized")
    assert served_by(asked(gateway)) == (200, "two", "2")
    changed = provider("one", upstream, priority=2, weight=5)
    gateway.reload(config(changed, provider("two", other_upstream), **BOTH))
    assert auth_of(gateway, "one")["state"] == "cooling"
    assert served_by(asked(gateway, "another session")) == (200, "two", "1")


@pytest.mark.parametrize("whose", ["global", "provider"])
def test_with_disable_cooling_failures_are_reported_and_nobody_rests(
    upstream: Simulator, other_upstream: Simulator, whose: str
) -> None:
    own = {"disable-cooling": True} if whose == "provider" else {}
    more = {"disable_cooling": True} if whose == "global" else {}
    text = config(provider("one", upstream, priority=1, **own), provider("two", other_upstream), **BOTH, **more)
    with daemon(text) as gateway:
        upstream.fail("unauthorized", "unauthorized")
        for session in ("a", "b"):
            assert served_by(asked(gateway, session)) == (200, "two", "2")
        one = auth_of(gateway, "one")
        assert one["state"] == "ready"
        assert "key refused" in str(one["last-error"])
        assert "one rests" not in gateway.log


def test_a_session_stays_where_it_was_answered(upstream: Simulator, other_upstream: Simulator) -> None:
    """Sessions are spread, and each keeps its provider."""
    with daemon(config(provider("one", upstream), provider("two", other_upstream), **BOTH)) as gateway:
        gateway.wait_log("INFO    routing: round-robin; sessions stay with the provider that answered them")
        places: dict[str, set[str]] = {}
        for _ in range(3):
            for session in ("a", "b", "c", "d"):
                answer = gateway.post(RESPONSES.path, {**RESPONSES.request("x"), "prompt_cache_key": session})
                places.setdefault(session, set()).add(answer.headers["x-tppcd-provider"])
        assert all(len(each) == 1 for each in places.values())
        assert {next(iter(each)) for each in places.values()} == {"one", "two"}


def test_without_affinity_they_take_turns(upstream: Simulator, other_upstream: Simulator) -> None:
    text = config(provider("one", upstream), provider("two", other_upstream), routing={"session-affinity": False})
    with daemon(text) as gateway:
        assert [asked(gateway).headers["x-tppcd-provider"] for _ in range(4)] == ["one", "two", "one", "two"]
