"""A provider with several keys, over real sockets: each key is asked, rests and is shown on its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.api.management.masked import MASK
from daemon.simulate.ledger import fingerprint
from daemon.snapshot.core_auths import short
from tests.dialects import MESSAGES
from tests.harness import Daemon, Simulator, daemon, simulator, tppcd, wait_for
from tests.managing import KEY, ask, generation, text

FIRST, SECOND, THIRD = "sk-planted-first-1", "sk-planted-second-2", "sk-planted-third-3"
TEXT = f"""\
remote-management: {{secret-key: {KEY}}}   # ours
tppc:
  providers:
    # two keys of one account
    - name: Fox
      enabled: true
      base-url: %s/v1
      api-key:
        - {FIRST}    # since May
        - {SECOND}   # since June
      models: [gpt-5]  # one
    - {{name: wolf, enabled: false, base-url: 'http://127.0.0.1:9/v1', api-key: [env:WOLF_1, env:WOLF_2]}}
routing: {{session-affinity: false}}
"""


@pytest.fixture(scope="module")
def picky() -> Iterator[Simulator]:
    """It takes the second key alone."""
    with simulator("--key", SECOND) as running:
        yield running


@pytest.fixture(scope="module")
def _gateway(picky: Simulator) -> Iterator[Daemon]:
    with daemon(TEXT % picky.url) as running:
        wait_for(lambda: {each["verified"] for each in auths(running)} == {"no", "yes"}, "the check of both keys")
        yield running


@pytest.fixture
def gateway(_gateway: Daemon, picky: Simulator) -> Daemon:
    if text(_gateway) != TEXT % picky.url:
        ask(_gateway, "PUT", "/config.yaml?skip-check=1", TEXT % picky.url).raise_for_status()
    for auth in auths(_gateway):
        ask(_gateway, "DELETE", f"/auths/{auth['id']}/cooldown").raise_for_status()
    return _gateway


def auths(gateway: Daemon) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask(gateway, "GET", "/auths?provider=fox").json()["auths"]
    return rows


def auth_id(url: str, key: str) -> str:
    return f"tppc:fox:{short('tppc:fox', key, url)}"


def test_the_good_key_answers_and_the_refused_one_rests_alone(gateway: Daemon, picky: Simulator) -> None:
    url = f"{picky.url}/v1"
    for _ in range(3):
        answer = gateway.post("/v1/messages", MESSAGES.request("x"))
        assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "Fox"), answer.text
    shown = auths(gateway)
    assert [(each["id"], each["key"], each["state"]) for each in shown] == [
        (auth_id(url, FIRST), 1, "cooling"),
        (auth_id(url, SECOND), 2, "ready"),
    ]
    assert {(each["name"], each["source"]) for each in shown} == {("Fox", "config:tppc[fox]")}
    assert len({each["client-id"] for each in shown}) == 2
    gateway.wait_log(rf"attempt failed: .*provider=Fox auth={auth_id(url, FIRST)} ")
    gateway.wait_log(r"Fox \(key 1\) rests: ")
    assert "planted" not in gateway.log


def test_a_reload_of_other_settings_keeps_the_rest_and_is_in_force(gateway: Daemon, picky: Simulator) -> None:
    while [each["state"] for each in auths(gateway)] != ["cooling", "ready"]:
        assert gateway.post("/v1/messages", MESSAGES.request("x")).status_code == 200
    strategies = ("weighted", "fill-first", "least-busy", "headroom", "round-robin")
    for strategy in strategies:
        whole = text(gateway).replace(
            "routing:", f"request-retry: 1\nmax-retry-interval: 2\nrouting: {{strategy: {strategy}}}  #"
        )
        gateway.reload(whole.replace("models: [gpt-5]", "models: [gpt-5]\n      weight: 2\n      max-concurrent: 4"))
        assert ask(gateway, "POST", "/explain", {"model": "gpt-5", "entry": "messages"}).json()["strategy"] == strategy
        assert [each["state"] for each in auths(gateway)] == ["cooling", "ready"]
        assert gateway.post("/v1/messages", MESSAGES.request("x")).headers["x-tppcd-attempts"] == "1"
        gateway.reload(TEXT % picky.url)
    gateway.reload((TEXT % picky.url).replace("models: [gpt-5]", "disable-cooling: true"))
    assert [each["state"] for each in auths(gateway)] == ["ready", "ready"]


def test_each_key_is_tested_by_its_place(gateway: Daemon) -> None:
    result = ask(gateway, "POST", "/providers/fox/test").json()
    assert (result["ok"], result["provider"]) == (False, "Fox")
    assert result["explanation"].startswith("key 1: ")
    assert [(each["key"], each["auth"]) for each in result["keys"]] == [
        (each["key"], each["id"]) for each in auths(gateway)
    ]
    assert [each["ok"] for each in result["keys"]] == [False, True]
    said = tppcd("doctor", "--config", str(gateway.config), home=gateway.home).stdout
    assert re.search(r"^fail  provider Fox \(key 1\): ", said, re.M), said
    assert re.search(r"^ok    provider Fox \(key 2\): ", said, re.M), said
    assert "planted" not in json.dumps(result) + said


def test_what_get_shows_put_back_changes_no_byte(gateway: Daemon, picky: Simulator) -> None:
    shown = ask(gateway, "GET", "/tppc").json()
    fox, wolf = shown["tppc"]["providers"]
    assert (fox["api-key"], wolf["api-key"]) == ([MASK, MASK], ["env:WOLF_1", "env:WOLF_2"])
    assert ask(gateway, "PUT", "/tppc", shown).status_code == 200
    assert ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "api-key": [MASK, MASK]}]}).status_code == 200
    assert text(gateway) == TEXT % picky.url


@pytest.mark.parametrize(
    "keys, lines",
    [
        ([MASK, THIRD], [f"        - {FIRST}    # since May", f"        - {THIRD}   # since June"]),
        ([THIRD, MASK], [f"        - {THIRD}    # since May", f"        - {SECOND}   # since June"]),
        ([SECOND], [f"        - {SECOND}   # since June"]),
        ([FIRST, SECOND, THIRD],
         [f"        - {FIRST}    # since May", f"        - {SECOND}   # since June", f"        - {THIRD}"]),
    ],
)  # fmt: skip
def test_a_patch_touches_the_lines_of_the_keys_that_change(
    gateway: Daemon, picky: Simulator, keys: list[str], lines: list[str]
) -> None:
    before, old = TEXT % picky.url, generation(gateway)
    answer = ask(gateway, "PATCH", "/tppc?skip-check=1", {"providers": [{"name": "FOX", "api-key": keys}]})
    assert answer.status_code == 200, answer.text
    head, rest = before.split(f"        - {FIRST}    # since May\n        - {SECOND}   # since June\n")
    assert text(gateway) == head + "\n".join(lines) + "\n" + rest
    assert generation(gateway) == old + 1
    assert len(auths(gateway)) == len(keys)
    log = wait_for(lambda: re.findall(r"tppc\.providers\[Fox\]\.api-key: (.*)", gateway.log), "the change")
    assert log[-1].startswith("updated")


@pytest.mark.parametrize(
    "keys, path",
    [
        ([MASK], "tppc.providers[0].api-key"),
        ([MASK, MASK, THIRD], "tppc.providers[0].api-key"),
        (MASK, "tppc.providers[0].api-key"),
        ([], "tppc.providers[0].api-key"),
        ([THIRD, ""], "tppc.providers[0].api-key[1]"),
        ([THIRD, None], "tppc.providers[0].api-key[1]"),
        ([THIRD, "env:NOT_THERE"], "tppc.providers[0].api-key[1]"),
        ([THIRD, {"key": "x"}], "tppc.providers[0].api-key[1]"),
        ({"a": THIRD}, "tppc.providers[0].api-key"),
    ],
)
def test_keys_that_cannot_be_are_refused_with_their_place(
    gateway: Daemon, picky: Simulator, keys: object, path: str
) -> None:
    answer = ask(gateway, "PATCH", "/tppc?skip-check=1", {"providers": [{"name": "fox", "api-key": keys}]})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_tppc"), answer.text
    assert [each["path"] for each in answer.json()["details"]] == [path]
    assert text(gateway) == TEXT % picky.url
    assert "planted" not in answer.text


def test_a_reference_of_one_key_that_is_gone_leaves_all_of_them_as_they_were(gateway: Daemon, picky: Simulator) -> None:
    before = [each["id"] for each in auths(gateway)]
    gateway.save((TEXT % picky.url).replace(f"- {SECOND} ", "- file:/nowhere ").replace(FIRST, THIRD))
    wait_for(lambda: gateway.health()["status"] == "degraded", "the failure to show")
    assert [each["id"] for each in auths(gateway)] == before
    gateway.wait_log(r"api-key\[1\]")


def test_only_the_keys_that_are_sent(gateway: Daemon, picky: Simulator) -> None:
    picky.reset()
    for _ in range(4):
        gateway.post("/v1/messages", MESSAGES.request("x"))
    assert {each["key"] for each in picky.requests} <= {fingerprint(FIRST), fingerprint(SECOND)}
