"""Profiles: who has which, and why; what it adds to a core auth; the switches of packycode."""

from __future__ import annotations

import pytest
from msgspec import structs

from daemon.config.profiles import CHOICES, NONE, PROFILES, profile_of
from daemon.config.schema import Packycode, TppcProvider
from daemon.config.shape import fields
from daemon.snapshot.core_auths import CoreAuth
from tests.snapshot.world import PACKYCODE, snapshot, tppc

RELAY = PROFILES["codex-relay"]


def only(text: str, **env: str) -> CoreAuth:
    (auth,) = snapshot(text, env=env).core_auths
    return auth


@pytest.mark.parametrize(
    "url, wire, reason",
    [
        ("https://codex-api.packycode.com/v1", "responses", "host packycode.com"),
        ("https://packycode.com", "responses", "host packycode.com"),
        ("HTTPS://API.PackyCode.COM.:8443/v1?k=v", "responses", "host packycode.com"),
        ("https://user:secret@www.88code.org/openai/v1", "responses", "host 88code.org"),
        ("https://code.newcli.com/codex/v1", "responses", "host newcli.com"),
        ("https://chatgpt.com/backend-api/codex", "responses", "path /backend-api/codex"),
        ("http://10.0.0.7:2455/backend-api/codex/responses", "responses", "path /backend-api/codex"),
        ("https://chatgpt.com/v1", "responses", ""),
        ("https://relay.example/backend-api/codexes", "responses", ""),
        ("https://notpackycode.com/v1", "responses", ""),
        ("https://packycode.com.example/v1", "responses", ""),
        ("https://relay.example/packycode.com", "responses", ""),
        ("https://codex-api.packycode.com/v1", "chat", ""),
        ("https://codex-api.packycode.com/v1", "messages", ""),
        ("http://[::1", "responses", ""),
        ("", "responses", ""),
    ],
)
def test_a_profile_is_recognised_by_the_base_url_on_its_own_wire(url: str, wire: str, reason: str) -> None:
    found = profile_of("", is_packycode=False, base_url=url, wire=wire)
    assert found == (RELAY if reason else None, reason)


@pytest.mark.parametrize(
    "configured, is_packycode, name, reason",
    [
        ("", True, "codex-relay", "default of packycode"),
        ("", False, "", ""),
        ("none", True, "", "switched off"),
        ("none", False, "", "switched off"),
        ("codex-relay", True, "codex-relay", "configured"),
        ("codex-relay", False, "codex-relay", "configured"),
    ],
)
def test_what_is_configured_beats_what_is_recognised(
    configured: str, is_packycode: bool, name: str, reason: str
) -> None:
    profile, why = profile_of(configured, is_packycode=is_packycode, base_url="https://x.example", wire="responses")
    assert (profile.name if profile else "", why) == (name, reason)


def test_the_table_is_consistent() -> None:
    """Names are what ``profile:`` may say, hosts are bare lower-case names, wires are values of ``wire-api``."""
    wires = fields(TppcProvider)["wire-api"].shape.choices
    assert CHOICES == ("", NONE, *PROFILES) == fields(Packycode)["profile"].shape.choices
    for name, profile in PROFILES.items():
        assert profile.name == name != NONE
        assert all(host == host.lower().strip("./") and ":" not in host for host in profile.hosts)
        assert all(path.startswith("/") and not path.endswith("/") for path in profile.paths)
        assert profile.wires
        assert set(profile.wires) <= set(wires)


def test_a_profile_adds_its_parameters_to_the_configured_ones() -> None:
    fox = only(tppc("fox, profile: codex-relay, unsupported-parameters: [seed, user]"))
    assert (fox.profile, fox.profile_reason, fox.normalised) == ("codex-relay", "configured", True)
    assert fox.unsupported_parameters == ("seed", "user", *(each for each in RELAY.unsupported if each != "user"))
    plain = only(tppc("fox, unsupported-parameters: [seed]"))
    assert (plain.profile, plain.profile_reason, plain.normalised) == ("", "", False)
    assert plain.unsupported_parameters == ("seed",)


def test_a_disguised_profile_is_no_new_identity() -> None:
    plain, relay = only(tppc("fox")), only(tppc("fox, profile: codex-relay"))
    assert (plain.id, plain.client_id) == (relay.id, relay.client_id)


SWITCHES = """
models: [a, {name: b, alias: c}]
profile: none
headers: {X-Team: t}
proxy-url: socks5://proxy.example:1080
max-concurrent: 3
timeouts: {idle: 7}
instructions: file:/prompt
unsupported-parameters: [seed]
"""


def test_packycode_has_the_switches_of_a_tppc_entry() -> None:
    """The same lines in both places make core auths of the same use."""
    lines = SWITCHES.strip().splitlines()
    block = PACKYCODE + "".join(f"  {line}\n" for line in lines)
    env = {"file:/prompt": "You are Codex.\nBe brief."}
    packycode = only(block, **env)
    entry = ", ".join(lines).replace("file:/prompt", "'file:/prompt'")
    fox = only(tppc(f"fox, base-url: 'https://codex-api.packycode.com/v1', api-key: sk-planted-packy, {entry}"), **env)
    identity = {"id", "client_id", "name", "kind", "source"}
    different = {name for name in CoreAuth.__struct_fields__ if getattr(packycode, name) != getattr(fox, name)}
    assert different == identity
    assert [entry.public for entry in packycode.models] == ["a", "c"]
    assert (packycode.instructions, packycode.instructions_text) == ("file", "You are Codex.\nBe brief.")
    assert (packycode.timeouts.idle, packycode.timeouts.connect, packycode.max_concurrent) == (7, 10, 3)
    assert packycode.unsupported_parameters == ("seed",)


def test_what_packycode_leaves_open_is_the_global_value() -> None:
    auth = only(PACKYCODE + "proxy-url: http://all.example:3128\ntimeouts: {idle: 9}\ndisable-cooling: true\n")
    assert (auth.proxy_url, auth.timeouts.idle, auth.disable_cooling) == ("http://all.example:3128", 9, True)
    assert (auth.instructions, auth.instructions_text, auth.headers) == ("developer", "", ())
    assert auth.defaults.model in {entry.public for entry in auth.models}
    assert structs.replace(auth, proxy_url="").id == auth.id


def test_a_list_of_models_without_the_default_one_defaults_to_its_first() -> None:
    assert only(PACKYCODE + "  models: [gpt-5.1, gpt-5.1-codex]\n").defaults.model == "gpt-5.1"
