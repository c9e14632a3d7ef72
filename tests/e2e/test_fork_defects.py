"""The fourteen defects of the seed's fork, each as a test that bears its number.

They are listed in section 0.3 of the seed system's reference. All are shown on a running daemon, over
HTTP, with upstreams that tell what they were sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.config.document import parse
from daemon.simulate.ledger import fingerprint
from tests.dialects import MESSAGES
from tests.harness import Daemon, Simulator, daemon, tppcd, wait_for
from tests.managing import KEY, ask, generation, models, text

TEXT = """\
# the gateway
remote-management: {{secret-key: {key}}}
disable-cooling: true
packycode:
  enabled: true   # since May
  base-url: {first}/v1
  credentials:
    openai-api-key: key-of-packycode  # rotate in autumn
tppc:
  providers:
    - name: Fox
      enabled: true
      base-url: {second}/v1
      api-key: key-of-fox
      models: [gpt-5, fox-large]
    - name: wolf
      enabled: true
      base-url: {second}/v1/
      api-key: key-of-wolf  # not paid yet
      models: [gpt-5, wolf-large]
routing: {{session-affinity: false}}
"""
SENT: dict[str, Any] = {"enabled": True, "credentials": {"openai-api-key": "key-of-packycode"}}


def config_text(first: Simulator, second: Simulator) -> str:
    return TEXT.format(key=KEY, first=first.url, second=second.url)


@pytest.fixture(scope="module")
def running(_first: Simulator, _second: Simulator) -> Iterator[Daemon]:
    with daemon(config_text(_first, _second)) as one:
        yield one


@pytest.fixture
def gateway(running: Daemon, upstream: Simulator, other_upstream: Simulator) -> Daemon:
    """The one daemon of this module with the text above in force; packycode is at ``upstream``, the others
    are at ``other_upstream``."""
    wanted = config_text(upstream, other_upstream)
    if text(running) != wanted:
        ask(running, "PUT", "/config.yaml", wanted).raise_for_status()
    return running


def block(gateway: Daemon, name: str = "packycode") -> Any:
    return ask(gateway, "GET", f"/{name}").json()[name]


def served(gateway: Daemon, model: str) -> tuple[int, str]:
    """Status, and who answered."""
    answer = gateway.post(MESSAGES.path, MESSAGES.request("x", model=model))
    return answer.status_code, answer.headers.get("x-tppcd-provider", "")


def keys(simulator: Simulator) -> set[str]:
    """Fingerprints of the keys that an upstream was shown."""
    return {request["key"] for request in simulator.requests}


@pytest.mark.parametrize("wrapped", [True, False])
def test_defect_01_a_wrapped_put_is_no_empty_configuration(gateway: Daemon, upstream: Simulator, wrapped: bool) -> None:
    sent = {**SENT, "base-url": f"{upstream.url}/v1/responses"}
    answer = ask(gateway, "PUT", "/packycode", {"packycode": sent} if wrapped else sent)
    assert (answer.status_code, answer.json()["packycode"]["enabled"]) == (200, True)
    assert parse(text(gateway).encode()).data["packycode"] == sent
    assert served(gateway, "packycode/gpt-5") == (200, "packycode")
    assert "# since May" in text(gateway)


@pytest.mark.parametrize("wrapped", [True, False])
def test_defect_02_a_wrapped_patch_keeps_true_true_and_the_list_whole(gateway: Daemon, wrapped: bool) -> None:
    before = text(gateway)
    for enabled in (False, True):
        patch = {"enabled": enabled}
        answer = ask(gateway, "PATCH", "/packycode", {"packycode": patch} if wrapped else patch)
        assert (answer.status_code, answer.json()["packycode"]["enabled"]) == (200, enabled)
        assert bool(models(gateway, "packycode")) is enabled
    listed: dict[str, Any] = {"providers": [{"name": "wolf", "enabled": True}]}
    assert ask(gateway, "PATCH", "/tppc", {"tppc": listed} if wrapped else listed).status_code == 200
    assert text(gateway) == before


def test_defect_03_a_patch_of_tppc_merges_by_name(gateway: Daemon) -> None:
    before = text(gateway)
    answer = ask(gateway, "PATCH", "/tppc", {"tppc": {"providers": [{"name": " FOX ", "enabled": False}]}})
    assert answer.status_code == 200
    assert text(gateway) == before.replace("Fox\n      enabled: true", "Fox\n      enabled: false")
    assert [(each["name"], each["enabled"]) for each in block(gateway, "tppc")["providers"]] == [
        ("Fox", False),
        ("wolf", True),
    ]


def test_defect_04_a_bad_wire_api_is_told_and_not_put_right(gateway: Daemon) -> None:
    before = text(gateway), generation(gateway)
    for method in ("PUT", "PATCH"):
        answer = ask(gateway, method, "/packycode", {**SENT, "base-url": "https://a.example", "wire-api": "chat"})
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid_packycode")
        assert answer.json()["message"] == 'wire-api must be "responses"'
    assert (text(gateway), generation(gateway)) == before


def test_defect_05_an_absent_flag_is_its_default_and_not_false(gateway: Daemon) -> None:
    shown = ask(gateway, "PUT", "/packycode", {**SENT, "base-url": "https://a.example/v1"}).json()["packycode"]
    assert (shown["requires-openai-auth"], shown["privacy"]) == (True, {"disable-response-storage": True})
    keyless = {"enabled": True, "base-url": "https://a.example/v1"}
    assert ask(gateway, "PUT", "/packycode", keyless).status_code == 422
    assert ask(gateway, "PUT", "/packycode", {**keyless, "requires-openai-auth": False}).status_code == 200


def test_defect_06_storage_model_and_effort_reach_the_request(gateway: Daemon, upstream: Simulator) -> None:
    def sent(**changes: object) -> Any:
        assert ask(gateway, "PATCH", "/packycode", changes).status_code == 200
        assert served(gateway, "claude-sonnet-5")[0] == 200
        return upstream.requests[-1]["body"]

    off = {"providers": [{"name": name, "enabled": False} for name in ("Fox", "wolf")]}
    assert ask(gateway, "PATCH", "/tppc", off).status_code == 200
    body = sent()
    assert (body["store"], body["model"], body["reasoning"]["effort"]) == (False, "gpt-5", "high")
    defaults = {"model": "gpt-5-codex", "model-reasoning-effort": "low"}
    body = sent(defaults=defaults, privacy={"disable-response-storage": False})
    assert ("store" in body, body["model"], body["reasoning"]["effort"]) == (False, "gpt-5-codex", "low")


def test_defect_07_the_source_in_force_is_told_field_by_field(tmp_path: Path, upstream: Simulator) -> None:
    """config.yaml over the environment over Codex CLI; what is taken away falls back, and says so."""
    (tmp_path / "config.toml").write_text(
        f'model_provider = "packycode"\n[model_providers.packycode]\nbase_url = "{upstream.url}/v1"\n'
    )
    (tmp_path / "auth.json").write_text('{"OPENAI_API_KEY": "key-of-codex-cli"}')
    switched_on = f"remote-management: {{secret-key: {KEY}}}\npackycode: {{enabled: true}}\n"

    def sources(gateway: Daemon) -> tuple[str, str, str]:
        shown = block(gateway)
        assert served(gateway, "gpt-5") == (200, "packycode")
        assert upstream.requests[-1]["body"]["store"] is False
        fields = shown["effective-sources"]
        return shown["effective-source"], fields["base-url"], fields["credentials.openai-api-key"]

    with daemon(switched_on, env={"CODEX_HOME": str(tmp_path)}) as gateway:
        assert sources(gateway) == ("codex-cli", "codex-cli", "codex-cli")
        assert upstream.requests[-1]["key"] == fingerprint("key-of-codex-cli")
    with daemon(switched_on, env={"CODEX_HOME": str(tmp_path), "PACKYCODE_API_KEY": "key-of-env"}) as gateway:
        assert sources(gateway) == ("mixed", "codex-cli", "env")
        assert upstream.requests[-1]["key"] == fingerprint("key-of-env")
        own = {"base-url": f"{upstream.url}/v1", "credentials": {"openai-api-key": "key-of-file"}}
        assert ask(gateway, "PATCH", "/packycode", own).status_code == 200
        assert sources(gateway) == ("config.yaml", "config.yaml", "config.yaml")
        assert upstream.requests[-1]["key"] == fingerprint("key-of-file")
        assert ask(gateway, "PATCH", "/packycode", {"credentials": None}).status_code == 200
        assert sources(gateway) == ("mixed", "config.yaml", "env")
        assert ask(gateway, "PATCH", "/packycode", {"effective-source": "env", "base-url": None}).status_code == 200
        assert sources(gateway) == ("mixed", "codex-cli", "env")
        assert "key-of" not in gateway.log


@pytest.mark.parametrize("change", [{"base-url": "https://b.example/v1"}, {"api-key": "key-of-another"}])
def test_defect_08_a_changed_key_or_url_leaves_no_old_client(gateway: Daemon, change: dict[str, str]) -> None:
    (old,) = ask(gateway, "GET", "/auths?provider=fox").json()["auths"]
    assert ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", **change}]}).status_code == 200
    (new,) = ask(gateway, "GET", "/auths?provider=fox").json()["auths"]
    assert (old["id"] != new["id"], old["client-id"] != new["client-id"]) == (True, True)
    assert ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "enabled": False}]}).status_code == 200
    assert models(gateway, "fox") == []
    assert "fox-large" not in gateway.get("/v1/models").text
    assert old["id"] not in ask(gateway, "GET", "/auths").text


def test_defect_09_there_is_one_packycode_credential_however_many_providers(gateway: Daemon) -> None:
    rows = ask(gateway, "GET", "/auths").json()["auths"]
    assert [row["name"] for row in rows] == ["packycode", "Fox", "wolf"]
    assert len({row["id"] for row in rows}) == len({row["client-id"] for row in rows}) == 3
    assert not [row["id"] for row in rows if row["id"].endswith(("-1", "-2"))]


def test_defect_10_each_provider_is_called_with_its_own_key_only(
    gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    for name in ("Fox", "wolf", "packycode"):
        other_upstream.reset()
        assert served(gateway, f"{name}/gpt-5") == (200, name)
        asked = upstream if name == "packycode" else other_upstream
        assert keys(asked) == {fingerprint(f"key-of-{name.lower()}")}
    upstream.fail(*["server_error"] * 20)
    other_upstream.reset()
    assert {served(gateway, "gpt-5") for _ in range(6)} == {(200, "Fox"), (200, "wolf")}
    assert keys(upstream) == {fingerprint("key-of-packycode")}
    assert keys(other_upstream) == {fingerprint("key-of-fox"), fingerprint("key-of-wolf")}


def test_defect_11_every_listed_model_can_be_called(gateway: Daemon) -> None:
    listed = [row["id"] for row in gateway.get("/v1/models").json()["data"]]
    assert {"gpt-5-high", "fox-large", "wolf-large"} <= set(listed)
    assert {model: served(gateway, model)[0] for model in listed} == dict.fromkeys(listed, 200)


@pytest.mark.parametrize(
    ("option", "written", "sentence"),
    [
        ("--packycode", "packycode: {enabled: true}", "base-url is required when packycode.enabled=true"),
        (
            "--packycode",
            "packycode: {enabled: true, base-url: 'ftp://a', credentials: {openai-api-key: k}}",
            "base-url must be a valid http(s) URL",
        ),
        (
            "--tppc",
            "tppc: {providers: [{name: fox, enabled: true, base-url: 'https://a.example'}]}",
            "providers[0].api-key is required when providers[0].enabled=true",
        ),
        ("--tppc", "tppc: {providers: [{name: fox}]}", "tppc"),
    ],
    ids=["no base-url", "no URL", "no key", "none enabled"],
)
def test_defect_12_an_invalid_start_ends_with_a_message_and_78(
    tmp_path: Path, option: str, written: str, sentence: str
) -> None:
    (tmp_path / "config.yaml").write_text(f"{written}\n")
    done = tppcd("run", "--port", "0", option, home=tmp_path)
    assert (done.returncode, sentence in done.stderr) == (78, True), done.stderr
    assert "config.yaml:1:" in done.stderr or "enabled" in done.stderr
    assert "Traceback" not in done.stderr


def test_defect_13_a_url_is_shown_by_its_host_alone(gateway: Daemon) -> None:
    secretive = "https://user:hidden@b.example:8443/hidden/v1?token=hidden"
    change = {"providers": [{"name": "fox", "base-url": secretive}]}
    told = ask(gateway, "PATCH", "/tppc?dry-run=1", change).json()["changes"]
    (line,) = [each for each in told if "base-url" in each]
    assert line.startswith("tppc.providers[Fox].base-url: http://127.0.0.1:")
    assert line.endswith(" -> https://b.example:8443")
    assert ask(gateway, "PATCH", "/tppc", change).status_code == 200
    audit = gateway.state_directory / "audit.jsonl"
    wait_for(lambda: "b.example:8443" in audit.read_text("utf-8"), "the change in the audit file")
    wait_for(lambda: line in gateway.log, "the change in the log")
    shown = [ask(gateway, "GET", path).text for path in ("/tppc", "/auths", "/history", "/logs")]
    assert "hidden@" not in "".join(shown) + gateway.log + audit.read_text("utf-8")
    assert "token=hidden" not in "".join(shown) + gateway.log + audit.read_text("utf-8")


def test_defect_14_switching_packycode_switches_nothing_else(gateway: Daemon) -> None:
    def others() -> list[dict[str, Any]]:
        rows = [row for row in ask(gateway, "GET", "/auths").json()["auths"] if row["name"] != "packycode"]
        return [{key: row[key] for key in row.keys() - {"verified", "verified-at"}} for row in rows]

    before = others()
    for enabled in (False, True):
        ask(gateway, "PATCH", "/packycode", {"enabled": enabled}).raise_for_status()
        assert others() == before
        assert [served(gateway, f"{name}/gpt-5") for name in ("Fox", "wolf")] == [(200, "Fox"), (200, "wolf")]
    assert json.dumps(before).count('"ready"') == 2
