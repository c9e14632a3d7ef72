"""The rule for base URLs: what is written may be the host, the API or the endpoint."""

from __future__ import annotations

import pytest

from daemon.config.schema import WireApi
from daemon.upstream.adapters.table import ADAPTERS, adapter_of
from daemon.wires.table import WIRES
from tests.router.auths import core_auth


@pytest.mark.parametrize(
    ("base_url", "wire", "url"),
    [
        ("https://h.example", "responses", "https://h.example/v1/responses"),
        ("https://h.example/", "chat", "https://h.example/v1/chat/completions"),
        ("https://h.example/v1", "messages", "https://h.example/v1/messages"),
        ("https://h.example/v1/", "responses", "https://h.example/v1/responses"),
        ("https://h.example/v1/responses", "responses", "https://h.example/v1/responses"),
        ("https://h.example/v1/responses/", "responses", "https://h.example/v1/responses"),
        ("https://h.example/responses", "responses", "https://h.example/responses"),
        ("https://h.example/v1/chat/completions", "responses", "https://h.example/v1/responses"),
        ("https://h.example/api/paas/v4", "chat", "https://h.example/api/paas/v4/chat/completions"),
        ("https://h.example/api/paas/v4/", "chat", "https://h.example/api/paas/v4/chat/completions"),
        ("https://h.example/v1/chat/completions", "chat", "https://h.example/v1/chat/completions"),
        ("https://h.example/v1/chat/completions/", "chat", "https://h.example/v1/chat/completions"),
        ("https://h.example/v1//", "chat", "https://h.example/v1/chat/completions"),
        ("https://h.example/openai/chat/completions", "chat", "https://h.example/openai/chat/completions"),
        ("https://h.example/openai/v1/messages/", "messages", "https://h.example/openai/v1/messages"),
        ("http://h.example:8000/chat/completions?k=v", "chat", "http://h.example:8000/chat/completions?k=v"),
        ("https://h.example/v1?api-version=2", "responses", "https://h.example/v1/responses?api-version=2"),
        ("https://u:p@h.example:8443/v1", "responses", "https://h.example:8443/v1/responses"),
        (" http://[::1]:8000 ", "chat", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_the_path_is_appended_once(base_url: str, wire: WireApi, url: str) -> None:
    assert url == adapter_of(core_auth(wire=wire)).url(base_url)


@pytest.mark.parametrize(
    ("base_url", "wire", "url"),
    [
        ("https://fox.example", "responses", "https://fox.example/v1/models"),
        ("https://fox.example/v1/responses", "responses", "https://fox.example/v1/models"),
        ("https://fox.example/api/", "chat", "https://fox.example/api/models"),
        ("https://fox.example/v1?k=v", "messages", "https://fox.example/v1/models?k=v"),
    ],
)
def test_where_the_models_are_listed(base_url: str, wire: WireApi, url: str) -> None:
    assert adapter_of(core_auth(wire=wire)).models_url(base_url) == url


def test_only_a_wire_that_counts_has_a_place_for_it() -> None:
    assert adapter_of(core_auth(wire="messages")).count_url("https://a.example") == (
        "https://a.example/v1/messages/count_tokens"
    )
    assert adapter_of(core_auth(wire="chat")).count_url("https://a.example") == ""


def test_every_type_has_its_name_and_every_wire_is_served_by_the_type_without_a_profile() -> None:
    assert all(name == adapter.type and adapter.wire is WIRES[adapter.wire.name] for name, adapter in ADAPTERS.items())
    wires = {"codex": "responses", "openai": "chat", "vllm": "chat", "messages": "messages"}
    assert {name: ADAPTERS[name].wire.name for name in wires} == wires
    served = {wire: adapter_of(core_auth(wire=wire)) for wire in WIRES}
    assert all(adapter.wire is WIRES[wire] for wire, adapter in served.items())
    assert {wire: adapter.type for wire, adapter in served.items() if adapter is ADAPTERS.get(adapter.type)} == {
        "responses": "codex",
        "chat": "openai",
        "messages": "messages",
    }


def test_vllm_is_openai_with_a_profile() -> None:
    vllm, openai = ADAPTERS["vllm"], ADAPTERS["openai"]
    auth = core_auth(wire="chat")
    assert (vllm.profile, openai.profile) == ("vllm", "")
    assert vllm.headers(auth, {}, same_wire=True) == openai.headers(auth, {}, same_wire=True)
