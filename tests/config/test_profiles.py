"""Profiles: who has which, and why; what it adds to a core auth; the switches of packycode."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec import structs

from daemon.config.profile import ThinkingForm
from daemon.config.profiles import CHOICES, MOST_SERVER, NONE, PROFILES, owned_profile, profile_of, server_profile
from daemon.config.schema import Packycode, TppcProvider
from daemon.config.shape import fields
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.amendments.table import RULE
from daemon.wires.openai_chat.thinking_forms import FORMS
from tests.config.world import loaded
from tests.snapshot.world import PACKYCODE, snapshot, tppc

RELAY = PROFILES["codex-relay"]
MAKES = """openai anthropic codex-relay azure vllm sglang llama.cpp ollama lmstudio deepseek kimi glm qwen minimax
mistral groq xai gemini openrouter fireworks nvidia"""


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
    "url, wire, name",
    [
        ("https://api.openai.com/v1", "responses", "openai"),
        ("https://eu.api.openai.com/v1", "chat", "openai"),
        ("https://api.openai.com/v1", "messages", ""),
        ("https://openai.com", "chat", ""),
        ("https://api.openai.com.example/v1", "chat", ""),
        ("https://api-openai.com/v1", "chat", ""),
        ("https://relay.example/api.openai.com/v1", "chat", ""),
        ("https://api.openai.com@relay.example/v1", "chat", ""),
        ("https://relay.example/v1?up=api.openai.com", "chat", ""),
        ("https://api.anthropic.com", "messages", "anthropic"),
        ("https://team.openai.azure.com/openai/v1", "responses", "azure"),
        ("https://team.services.ai.azure.com/openai/v1", "chat", "azure"),
        ("https://team.azure.com/openai/v1", "chat", ""),
        ("https://api.deepseek.com", "chat", "deepseek"),
        ("https://api.deepseek.com/anthropic/v1", "messages", "deepseek"),
        ("https://api.deepseek.com:8443/v1", "responses", "deepseek"),
        ("https://my-api.deepseek.com/v1", "chat", ""),
        ("https://api.moonshot.cn/v1", "chat", "kimi"),
        ("https://api.kimi.com/coding/v1", "messages", "kimi"),
        ("https://api.moonshot.ai/v1", "responses", ""),
        ("https://api.z.ai/api/coding/paas/v4", "chat", "glm"),
        ("https://open.bigmodel.cn/api/anthropic/v1", "messages", "glm"),
        ("https://xapi.z.ai/v1", "chat", ""),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "chat", "qwen"),
        ("https://coding-intl.dashscope.aliyuncs.com/v1", "chat", "qwen"),
        ("https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "chat", "qwen"),
        ("https://oss.aliyuncs.com/v1", "chat", ""),
        ("https://api.minimaxi.com/anthropic/v1", "messages", "minimax"),
        ("https://api.mistral.ai/v1", "chat", "mistral"),
        ("https://api.groq.com/openai/v1", "chat", "groq"),
        ("https://us-east-1.api.x.ai/v1", "chat", "xai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "chat", "gemini"),
        ("https://storage.googleapis.com/v1", "chat", ""),
        ("https://OpenRouter.AI./api/v1", "chat", "openrouter"),
        ("https://api.fireworks.ai/inference/v1", "chat", "fireworks"),
        ("https://integrate.api.nvidia.com/v1", "chat", "nvidia"),
        ("https://ollama.com/v1", "chat", "ollama"),
        ("http://127.0.0.1:11434/v1", "chat", ""),
        ("http://vllm:8000/v1", "chat", ""),
    ],
)
def test_a_make_is_recognised_by_its_host_and_by_nothing_that_looks_like_it(url: str, wire: str, name: str) -> None:
    profile, reason = profile_of("", is_packycode=False, base_url=url, wire=wire)
    assert (profile.name if profile else "") == name
    assert reason.startswith("host ") is bool(name)


@pytest.mark.parametrize(
    "owners, wire, name, reason",
    [
        ({"vllm"}, "chat", "vllm", "owned_by vllm"),
        ({"vllm"}, "messages", "vllm", "owned_by vllm"),
        ({"sglang"}, "chat", "sglang", "owned_by sglang"),
        ({"llamacpp"}, "chat", "llama.cpp", "owned_by llamacpp"),
        ({"organization_owner"}, "chat", "lmstudio", "owned_by organization_owner"),
        ({"library"}, "chat", "ollama", "owned_by library"),
        ({"deepseek"}, "responses", "deepseek", "owned_by deepseek"),
        ({"moonshot"}, "chat", "kimi", "owned_by moonshot"),
        ({"moonshot"}, "responses", "", ""),
        ({"vllm", "sglang"}, "chat", "", ""),
        ({"vllm", "somebody"}, "chat", "", ""),
        ({"deepseek", ""}, "chat", "", ""),
        ({"openai"}, "chat", "", ""),
        ({"VLLM"}, "chat", "", ""),
        (set(), "chat", "", ""),
    ],
)
def test_a_make_is_recognised_by_who_owns_all_its_models(owners: set[str], wire: str, name: str, reason: str) -> None:
    """Relays list the models of several makes, and most of them say ``openai`` of each."""
    profile, why = owned_profile(owners, wire)
    assert (profile.name if profile else "", why) == (name, reason)


@pytest.mark.parametrize(
    "header, wire, name",
    [
        ("llama.cpp", "chat", "llama.cpp"),
        ("LLAMA.CPP/b4321", "messages", "llama.cpp"),
        ("llama.cppx", "chat", ""),
        ("nginx/1.27", "chat", ""),
        ("uvicorn", "chat", ""),
        ("", "chat", ""),
        ("x" * MOST_SERVER + " llama.cpp", "chat", ""),
    ],
)
def test_a_make_is_recognised_by_a_word_of_its_server_header(header: str, wire: str, name: str) -> None:
    profile, reason = server_profile(header, wire)
    assert (profile.name if profile else "", reason) == (name, f"server {name}" if name else "")


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
        assert set(profile.preset.base_urls) <= set(profile.wires)
        assert all(server == server.lower() and " " not in server for server in profile.servers)
        assert set(profile.unsupported) <= set(profile.wires)
        assert {rule for rule, _ in profile.amendments} <= RULE.keys()
        assert profile.thinking in {"", *FORMS}
    assert set(FORMS) == set(get_args(ThinkingForm)) - {""}


def test_no_two_makes_are_known_by_the_same() -> None:
    for known_by in ("hosts", "paths", "owners", "servers"):
        every = [each for profile in PROFILES.values() for each in getattr(profile, known_by)]
        assert len(set(every)) == len(every), known_by


def test_every_make_of_the_issue_has_a_row() -> None:
    assert set(PROFILES) == set(MAKES.split())


@pytest.mark.parametrize(
    "wrong, nearest",
    [("deepsek", "deepseek"), ("vLLM", "vllm"), ("llamacpp", "llama.cpp"), ("open-router", "openrouter")],
)
def test_a_wrong_name_gets_the_nearest(wrong: str, nearest: str) -> None:
    (fault,) = loaded(tppc(f"fox, profile: {wrong}")).diagnostics
    assert (fault.code, fault.path[-1]) == ("wrong-value", "profile")
    assert fault.hint.endswith(f"did you mean `{nearest}`?")


def test_a_profile_adds_its_parameters_to_the_configured_ones() -> None:
    fox = only(tppc("fox, profile: codex-relay, unsupported-parameters: [seed, user]"))
    assert (fox.profile, fox.profile_reason) == ("codex-relay", "configured")
    assert fox.unsupported_parameters == (
        "seed",
        "user",
        *(each for each in RELAY.unsupported_on("responses") if each != "user"),
    )
    plain = only(tppc("fox, unsupported-parameters: [seed]"))
    assert (plain.profile, plain.profile_reason) == ("", "")
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
