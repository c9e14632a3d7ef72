"""A thousand lines of one daemon that meets everything: each of them, read alone, says what happened, to whom, with
which result, and of a failure why.

The places of the code that log are counted in ``tests/test_log_calls.py``; here are the lines that come out.
"""

from __future__ import annotations

import json
import re
import signal
import socket
from typing import Any

import pytest

from tests.dialects import CHAT, MESSAGES, RESPONSES, script
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for

CLIENT = {"x-api-key": "client-key-of-the-lines"}
MANAGE = {"authorization": "Bearer the-management-key"}
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?P<level>[A-Z]+) +(?P<text>.*?)"
    r'(?P<fields>(?: [a-z_]+=(?:"[^"]*"|[^" ]+))*)'
)
FIELD = re.compile(r' ([a-z_]+)=(?:"([^"]*)"|([^" ]+))')
PLACE = r"\S*config\.yaml(?::\d+:\d+)?|state directory \S+|\S+/\S+"

KINDS = {
    "request": r"(?P<result>\d{3}) (?P<who>.+?) [\d.]+ m?s\b.*",
    "requests without a line": r"… and (?P<who>[\d,]+) more (?P<result>refused): (?P<reason>.+)",
    "attempt": r"attempt (?P<result>failed): (?P<reason>.+)",
    "rest of a provider": r"(?P<who>\S+) (?P<result>rests): (?P<reason>.+)",
    "return of a provider": r"(?P<who>\S+) (?P<result>is back).*",
    "key of a provider": r"(?P<who>\S+): (?P<result>the upstream .*key.*) \((?P<reason>.+)\)",
    "load": r"config (?P<result>loaded): (?P<who>generation \d+) .* from \S*config\.yaml, .*",
    "reload": r"config (?P<result>reloaded|unchanged|is good again): (?P<who>generation \d+) .*",
    "refused reload": r"config (?P<result>refused): \d+ errors?, (?P<who>generation \d+) .* in force: (?P<reason>.+)",
    "diagnostic": rf"(?P<who>{PLACE}): (?P<result>error|warning): (?P<reason>.+)",
    "summary": r"(?P<who>clients): (?P<result>\d+ \(\d+ packycode \+ \d+ tppc \+ \d+ store\))",
    "registration": r"(?P<result>registered \d+ models?|unregistered)(?: for)? \S+ \(provider (?P<who>\S+)\)",
    "missing models": r"models of (?P<who>\S+) (?P<result>are not known): (?P<reason>.+)",
    "models": r"models of (?P<who>\S+): (?P<result>\+\d+ -\d+)",
    "models at the start": r"models: (?P<who>.+?) also (?P<result>serves? .+)",
    "profile": r"(?P<who>\S+) has (?P<result>the profile .+)",
    "listener": r"(?P<result>listening) on (?P<who>\S+)",
    "routing": r"(?P<who>routing): (?P<result>.+)",
    "row of the store": r"provider (?P<who>\S+) of the store: (?P<result>.+)",
    "schema of the store": r"(?P<who>the provider store \S+) (?P<result>has now schema .*)",
    "write": r"management: (?P<who>[A-Z]+ /\S+ from \S+): (?P<result>config\.yaml written|done)",
    "refused write": r"management: (?P<who>[A-Z]+ /\S+ from \S+): (?P<result>refused with \d{3}).*?: (?P<reason>.+)",
    "caller": r"management: (?P<result>.*key) from (?P<who>\S+)",
    "stop": r"(?P<who>stopping|stopped serving)(?: after \d+\.\d s,|:) (?P<result>.+)",
    "change": r"(?P<who>[a-z-]+(?:\.[\w-]+|\[[^]]+\])*): (?P<result>.+)",
}
"""What happened -> how a line says it; a group that is missing stands in a field."""
WHO = ("provider", "auth", "request_id", "entry", "address")
WHY = ("reason", "error", "problem")
OWN = {"caller": "the key is the reason"}
"""Kinds whose words are the reason."""


def facts(line: str) -> dict[str, str]:
    """What one line says."""
    read = LINE.fullmatch(line)
    assert read is not None, line
    fields = {name: quoted or bare for name, quoted, bare in FIELD.findall(read["fields"])}
    for what, pattern in KINDS.items():
        if found := re.fullmatch(pattern, read["text"]):
            said = {name: value for name, value in found.groupdict().items() if value}
            who = next((fields[name] for name in WHO if name in fields), "")
            why = next((fields[name] for name in WHY if name in fields), OWN.get(what, ""))
            return {"what": what, "level": read["level"], "who": who, "reason": why, **said}
    raise AssertionError(f"nobody knows what this line is about: {line}")


def test_each_line_of_a_thousand_stands_alone(upstream: Simulator, other_upstream: Simulator) -> None:
    with daemon(settings(upstream, other_upstream)) as gateway:
        for act in (answers, refusals, failures, strangers, changes, writes, store, broken_files):
            act(gateway, upstream, other_upstream)
        answers(gateway, upstream, other_upstream)
        stopped_with_a_stream(gateway)
        lines = gateway.log.splitlines()
    assert len(lines) >= 1000
    seen = set()
    for line in lines:
        said = facts(line)
        seen.add(said["what"])
        failed = said["level"] in ("WARNING", "ERROR")
        missing = [name for name in ("who", "result", *(("reason",) if failed else ())) if not said.get(name)]
        assert not missing, f"{missing} is missing: {line}"
    expected = KINDS.keys() - {"key of a provider", "profile", "models"}
    assert expected - seen == set()


def settings(one: Simulator, two: Simulator, **more: Any) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    return config(
        provider("fox", one, priority=2, models=["gpt-5", "gpt-fox"]),
        provider("wolf", two, models=["gpt-5"]),
        provider("gone", closed, models=["gpt-gone"], disable_cooling=True),
        provider("hare", two, priority=-1),
        provider("dead", closed, priority=-2),
        *more.pop("providers", ()),
        api_keys=[CLIENT["x-api-key"]],
        remote_management={"secret-key": "the-management-key"},
        routing={"session-affinity": False},
        request_retry=0,
        limits={"body": 65_536},
        **more,
    )


def answers(gateway: Daemon, *_upstreams: Simulator) -> None:
    for number in range(20):
        for dialect in (MESSAGES, CHAT, RESPONSES):
            body = dialect.request("hello", stream=bool(number % 2))
            assert gateway.post(dialect.path, body, headers=CLIENT).status_code == 200
    for _ in range(30):
        gateway.get("/v1/models", headers=CLIENT)
        gateway.post("/v1/messages/count_tokens", MESSAGES.request("hello"), headers=CLIENT)


def refusals(gateway: Daemon, *_upstreams: Simulator) -> None:
    for _ in range(70):
        for path in (CHAT.path, MESSAGES.path, RESPONSES.path, "/v1/messages/count_tokens"):
            gateway.http.post(gateway.url + path, content=b"{", headers=CLIENT)
        gateway.post(CHAT.path, CHAT.request("x", model="nobodys"), headers=CLIENT)
        gateway.post(CHAT.path, {"messages": "x" * 70_000}, headers=CLIENT)
        gateway.get("/v1/models/nobodys", headers=CLIENT)


def failures(gateway: Daemon, one: Simulator, _two: Simulator) -> None:
    faults = ("server_error", "bad_gateway", "cut", "context_length", "failed", "html", "malformed", "rate_limit")
    auths = gateway.get("/v0/management/auths", headers=MANAGE).json()["auths"]
    (fox,) = [each["id"] for each in auths if each["name"] == "fox"]
    for fault in faults:
        for model in ("gpt-5", "gpt-fox"):
            one.fail(fault)
            gateway.post(MESSAGES.path, MESSAGES.request("hello", model=model), headers=CLIENT)
            gateway.http.delete(f"{gateway.url}/v0/management/auths/{fox}/cooldown", headers=MANAGE)
    one.reset()
    for _ in range(20):
        gateway.post(MESSAGES.path, MESSAGES.request("hello", model="gpt-gone"), headers=CLIENT)
    one.fail("rate_limit")
    gateway.post(CHAT.path, CHAT.request("hello", model="gpt-fox"), headers=CLIENT)
    body = CHAT.request("hello", model="gpt-fox")
    wait_for(lambda: gateway.post(CHAT.path, body, headers=CLIENT).status_code == 200, "fox to be back")
    with gateway.stream(RESPONSES.path, RESPONSES.request(SLOW, stream=True), headers=CLIENT) as response:
        next(response.iter_lines())


SLOW = script({"text": "x " * 2000})


def strangers(gateway: Daemon, *_: Simulator) -> None:
    for number in range(30):
        gateway.post(f"/scan/{number}", {})


def changes(gateway: Daemon, one: Simulator, two: Simulator) -> None:
    """Good saves: settings, a provider that comes and goes, keys, nothing at all."""
    for number in range(6):
        lynx = [provider("lynx", two, models=["gpt-lynx", f"gpt-{number}"])] if number % 2 else []
        gateway.reload(settings(one, two, providers=lynx, model_aliases={f"alias-{number}": "gpt-5"}))
    gateway.post("/v0/management/reload", {}, headers=MANAGE)


def writes(gateway: Daemon, *_: Simulator) -> None:
    route = gateway.url + "/v0/management/tppc"
    for priority in (3, 4):
        body = {"providers": [{"name": "fox", "priority": priority}]}
        assert gateway.http.patch(route, json=body, headers=MANAGE).status_code == 200
    assert gateway.http.patch(route, json={"providers": [{"name": "fox", "base-url": "x"}]}, headers=MANAGE).is_error
    gateway.get("/v0/management/auths", headers={"authorization": "Bearer wrong"})


def store(gateway: Daemon, _one: Simulator, two: Simulator) -> None:
    route = "/api/v1/providers"
    bear = {"name": "bear", "type": "openai", "base_url": f"{two.url}/v1", "api_key": "k" * 20, "models": ["gpt-bear"]}
    assert gateway.post(route, bear, headers=MANAGE).status_code == 201
    assert gateway.post(route, bear, headers=MANAGE).status_code == 409
    assert gateway.post(f"{route}/bear/disable", {}, headers=MANAGE).status_code == 200
    assert gateway.http.delete(f"{gateway.url}{route}/bear", headers=MANAGE).status_code == 204


def broken_files(gateway: Daemon, one: Simulator, two: Simulator) -> None:
    """What is refused, what is warned of, and a key that cannot be found."""
    for text, answer in (
        ("tppc: [\n", "not valid YAML"),
        ("port: many\n", "expected a whole number"),
        (settings(one, two, debugg=True), "did you mean `debug`"),
    ):
        gateway.save(text)
        gateway.wait_log(answer)
    gateway.reload(settings(one, two, providers=[provider("lost", one, api_key="env:NOBODY_HAS_SET_THIS")]))
    gateway.wait_log("NOBODY_HAS_SET_THIS")
    gateway.reload(settings(one, two))


def stopped_with_a_stream(gateway: Daemon) -> None:
    with gateway.stream(CHAT.path, CHAT.request(SLOW, stream=True), headers=CLIENT) as response:
        lines = response.iter_lines()
        next(lines)
        gateway.process.send_signal(signal.SIGTERM)
        assert list(lines), "the stream ends whole"
    assert gateway.wait() == 0


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-28 22:00:00.000 WARNING something went wrong",
        "2026-11-28 22:00:00.000 INFO    done generation=3",
        json.dumps({"message": "x"}),
    ],
)
def test_a_line_that_says_too_little_is_found(line: str) -> None:
    with pytest.raises(AssertionError):
        facts(line)
