"""Diff and change summary: a line for each change, in file order, with nothing secret in any of them."""

from __future__ import annotations

import re

import pytest

from daemon.snapshot.diff import ChangeSet, diff
from daemon.snapshot.summary import clients_line, discovery_line, heading, lines
from tests.snapshot.world import PACKYCODE, snapshot, tppc


def changed(old: str, new: str) -> list[str]:
    return list(lines(diff(snapshot(old), snapshot(new, generation=2))))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{}", "{}", []),
        ("{}", "port: 8318", ["port: 8317 -> 8318 (restart needed)"]),
        ("{}", "host: 0.0.0.0", ["host: 127.0.0.1 -> 0.0.0.0 (restart needed)"]),
        ("{}", "debug: true", ["debug: false -> true"]),
        ("{}", "limits: {body: 1MiB}", ["limits.body: 64MiB -> 1MiB"]),
        ("{}", "limits: {body: 1000}", ["limits.body: 64MiB -> 1000"]),
        ("{}", "timeouts: {idle: 0.5}", ["timeouts.idle: 300 -> 0.5"]),
        ("{}", "routing: {strategy: weighted}", ["routing.strategy: round-robin -> weighted"]),
        ("{}", "api-keys: [a, b]", ["api-keys: set (2)"]),
        ("api-keys: [a, b]", "api-keys: [c]", ["api-keys: updated (2 -> 1)"]),
        ("api-keys: [a]", "{}", ["api-keys: removed"]),
        ("{}", "timeouts: {total: 90}", ["timeouts.total: <none> -> 90"]),
        (tppc("a"), tppc("a, timeouts: {total: 90}"), ["tppc.providers[a].timeouts.total: inherit -> 90"]),
        (tppc("a, api-key: sk-1"), tppc("a, api-key: [sk-1]"), []),
        (tppc("a, api-key: sk-1"), tppc("a, api-key: [sk-1, sk-2]"),
         ["tppc.providers[a].api-key: updated (1 -> 2 keys)"]),
        (tppc("a, api-key: [sk-1, sk-2]"), tppc("a, api-key: [sk-1, sk-3]"), ["tppc.providers[a].api-key: updated"]),
        (tppc("a, api-key: [sk-1, sk-2]"), tppc("a, api-key: [sk-2, sk-1]"), ["tppc.providers[a].api-key: updated"]),
        (tppc("a, api-key: [sk-1, sk-2, sk-3]"), tppc("a, api-key: [sk-3]"),
         ["tppc.providers[a].api-key: updated (3 -> 1 keys)"]),
        (tppc("a, api-key: [], enabled: false"), tppc("a, api-key: [sk-1, sk-2], enabled: false"),
         ["tppc.providers[a].api-key: set (2 keys)"]),
        (tppc("a, api-key: [], enabled: false"), tppc("a, api-key: sk-1, enabled: false"),
         ["tppc.providers[a].api-key: set"]),
        (tppc("a, api-key: [sk-1, sk-2], enabled: false"), tppc("a, api-key: '', enabled: false"),
         ["tppc.providers[a].api-key: removed"]),
        ("{}", "remote-management: {secret-key: x}", ["remote-management.secret-key: set"]),
        ("remote-management: {secret-key: x}", "{}", ["remote-management.secret-key: removed"]),
        ("{}", "proxy-url: 'http://u:p@p.example:1/x'", ["proxy-url: <none> -> http://p.example:1"]),
        ("{}", "logging: {file: /var/log/tppcd.log}", ["logging.file: <none> -> /var/log/tppcd.log"]),
        ("{}", "logging: {file: sk-planted-in-the-wrong-place}", ["logging.file: <none> -> <redacted>"]),
        ("{}", "model-aliases: {claude-*: gpt-5-codex}",
         ["model-aliases[claude-*]: the provider's default model -> gpt-5-codex"]),
        ("{}", "model-aliases: {claude-*: , x: gpt-5}", ["model-aliases[x]: added (gpt-5)"]),
        ("model-aliases: {a: m, b: m}", "model-aliases: {b: m, a: m}", ["model-aliases: order changed"]),
        ("{}", "model-aliases: {}", ["model-aliases[claude-*]: removed"]),
        (PACKYCODE, PACKYCODE.replace("true", "false"), ["packycode.enabled: true -> false"]),
        (PACKYCODE, PACKYCODE.replace("-packy", "-new"), ["packycode.credentials.openai-api-key: updated"]),
        (PACKYCODE, PACKYCODE.replace("/v1", "/v2"),
         ["packycode.base-url: https://codex-api.packycode.com -> https://codex-api.packycode.com"
          " (changed beyond what is shown)"]),
        (tppc("Fox"), tppc("Fox", "wolf", "bear, enabled: false"),
         ["tppc.providers[wolf]: added (enabled)", "tppc.providers[bear]: added (disabled)"]),
        (tppc("a", "b"), tppc("b", "a"), ["tppc.providers: order changed"]),
        (tppc("a", "b", "c"), tppc("c", "a"), ["tppc.providers: order changed", "tppc.providers[b]: removed"]),
        (tppc("fox"), tppc("fox, api-key: sk-planted-other"), ["tppc.providers[fox].api-key: updated"]),
        (tppc("fox"), tppc("fox, disable-cooling: true"), ["tppc.providers[fox].disable-cooling: inherit -> true"]),
        (tppc("fox"), tppc("fox, timeouts: {idle: 3}"), ["tppc.providers[fox].timeouts.idle: inherit -> 3"]),
        (tppc("fox, headers: {A: planted, B: x}"), tppc("fox, headers: {A: planted2, C: x}"),
         ["tppc.providers[fox].headers[A]: updated", "tppc.providers[fox].headers[C]: set",
          "tppc.providers[fox].headers[B]: removed"]),
        (tppc("fox, models: [a, b]"), tppc("fox, models: [a, {name: c, alias: d}]"),
         ["tppc.providers[fox].models[d]: added", "tppc.providers[fox].models[b]: removed"]),
        (tppc("fox"), tppc("fox, models: seed"), ["tppc.providers[fox].models: discover -> seed"]),
        (tppc("fox, models: discover"), tppc("fox, models: []"), []),
        (tppc("fox, models: seed"), tppc("fox, models: [a, {name: c, alias: d}]"),
         ["tppc.providers[fox].models: seed -> a, d"]),
        (tppc("fox, models: [a, b]"), tppc("fox"), ["tppc.providers[fox].models: a, b -> discover"]),
        (PACKYCODE, PACKYCODE + "  exclude-models: ['*-Mini', gpt-4*]",
         ["packycode.exclude-models: <none> -> *-mini, gpt-4*"]),
        (tppc("fox, exclude-models: [a, b]"), tppc("fox, exclude-models: [B, A, b]"), []),
        (tppc("fox, models: [a]"), tppc("fox, models: [{name: c, alias: a}]"),
         ["tppc.providers[fox].models[a].name: a -> c", "tppc.providers[fox].models[a].alias: <none> -> a"]),
        (tppc("fox, unsupported-parameters: [a]"), tppc("fox, unsupported-parameters: [a, b]"),
         ["tppc.providers[fox].unsupported-parameters: a -> a, b"]),
        ("tppc: {providers: [{weight: 1}]}", "tppc: {providers: [{weight: 2}]}", ["tppc.providers[0].weight: 1 -> 2"]),
    ],
)  # fmt: skip
def test_lines(old: str, new: str, expected: list[str]) -> None:
    assert expected == changed(old, new)
    assert "planted" not in "".join(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("developer", "system", "developer -> system"),
        ("developer", "file:/a", "developer -> file:/a"),
        ("file:/a", "file:/b", "file:/a -> file:/b"),
        ("file:/a", "env:SAME", None),
        ("file:/a", "developer", "file:/a -> developer"),
        ("env:ROLE", "developer", "system -> developer"),
    ],
)
@pytest.mark.parametrize("block", ["packycode", "tppc.providers[fox]"])
def test_fixed_instructions_show_as_their_reference(block: str, old: str, new: str, text: str | None) -> None:
    env = {"file:/a": "planted a", "file:/b": "planted b", "env:SAME": "planted a", "env:ROLE": "system"}

    def made(value: str) -> str:
        if block == "packycode":
            return f"{PACKYCODE}  instructions: '{value}'\n"
        return tppc(f"fox, instructions: '{value}'")

    before, after = snapshot(made(old), env=env), snapshot(made(new), env=env)
    assert list(lines(diff(before, after))) == ([f"{block}.instructions: {text}"] if text else [])


def test_a_changed_text_of_instructions_is_an_update() -> None:
    text = tppc("fox, instructions: 'file:/a'")
    before, after = (snapshot(text, env={"file:/a": each}) for each in ("planted\nold", "planted\nnew"))
    assert list(lines(diff(before, after))) == ["tppc.providers[fox].instructions: updated"]


def test_lines_come_in_the_order_of_the_file() -> None:
    old = tppc("fox", "gone") + "port: 1\n" + PACKYCODE
    new = "debug: true\n" + tppc("wolf", "fox, weight: 2") + "port: 2\n" + PACKYCODE.replace("-packy", "-x")
    assert [line.partition(": ")[0] for line in changed(old, new)] == [
        "debug",
        "tppc.providers[wolf]",
        "tppc.providers[fox].weight",
        "tppc.providers[gone]",
        "port",
        "packycode.credentials.openai-api-key",
    ]


def test_core_auths_are_counted_by_provider() -> None:
    """A new key or URL is a changed provider, though its IDs are new."""
    old = snapshot(PACKYCODE + tppc("fox", "wolf"))
    new = snapshot(tppc("fox, api-key: sk-planted-other", "bear"))
    changes = diff(old, new)
    assert (changes.added, changes.changed, changes.removed) == (1, 1, 2)


def test_the_heading() -> None:
    old, new = snapshot(tppc("fox")), snapshot(tppc("fox") + PACKYCODE, generation=7)
    assert re.fullmatch(
        r"config reloaded: generation 7 \(revision [0-9a-f]{12}…\), 3 changes, 2 core auths \(\+1 ~0 -0\), 4\.2 ms",
        heading(diff(old, new), new, 4.24),
    )


def test_the_first_load_has_no_changes() -> None:
    first = snapshot(PACKYCODE)
    assert diff(None, first) == ChangeSet(first=True, added=1)
    assert re.fullmatch(
        r"config loaded: generation 1 \(revision [0-9a-f]{12}…\) from /etc/config.yaml, 1 core auth, 4\.2 ms",
        heading(diff(None, first), first, 4.24, "/etc/config.yaml"),
    )


def test_the_client_summary() -> None:
    assert clients_line(snapshot(PACKYCODE + tppc("a", "b"))) == "clients: 3 (1 packycode + 2 tppc + 0 store)"


@pytest.mark.parametrize(
    ("config", "who"),
    [
        (PACKYCODE, "packycode also serves what its upstream lists"),
        (PACKYCODE + tppc("a, models: seed", "b, models: [x]"), "packycode also serves what its upstream lists"),
        (tppc("a", "b"), "a, b also serve what their upstreams list"),
        (tppc(*"abcdefg"), "a, b, c, d, e and 2 more also serve what their upstreams list"),
    ],
)
def test_the_start_says_who_is_asked_for_models(config: str, who: str) -> None:
    asked = "(GET {base-url}/models, asked soon after the start and every hour); 'models: seed' turns this off"
    assert discovery_line(snapshot(config)) == f"models: {who} {asked}"


@pytest.mark.parametrize("config", ["{}", tppc("a, models: seed", "b, models: [x]")])
def test_it_says_nothing_where_nobody_is_asked(config: str) -> None:
    assert discovery_line(snapshot(config)) == ""
