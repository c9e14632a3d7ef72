"""Which texts of a core auth are secrets, and that no text of an error keeps one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.config.schema import ModelEntry
from daemon.errors import ErrorKind, RemoteError
from daemon.masks import Masks
from daemon.secret import Secret
from daemon.upstream.privacy import copied_by, mask_error, masked_event, masked_headers, of_header, secrets_of
from tests.router.auths import core_auth


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("x-secret", " hdr-7788 ", {"hdr-7788"}),
        ("authorization", "Bearer tok-7788", {"Bearer tok-7788", "tok-7788"}),
        ("x-auth", "api-key  tok-7788", {"api-key  tok-7788", "tok-7788"}),
        ("authorization", "Basic dTpwLTc3", {"Basic dTpwLTc3", "dTpwLTc3", "u:p-77", "p-77"}),
        ("authorization", "Basic notbase64!", {"Basic notbase64!", "notbase64!"}),
        ("cookie", "a=1; sid=abcdefgh7; x", {"a=1; sid=abcdefgh7; x", "abcdefgh7"}),
        ("x-sign", 'id="me", key="kkkkkkk9"', {'id="me", key="kkkkkkk9"', "kkkkkkk9"}),
        ("x-pin", "hunter2", {"hunter2"}),
        ("x-on", "true", set()),
        ("x-version", "1.2", set()),
        ("x-team", "research", set()),
        ("content-type", "application/json; charset=utf-8", set()),
        ("Anthropic-Beta", "fine-grained-tool-streaming-2025-05-14", set()),
    ],
)
def test_the_secrets_of_a_header(name: str, value: str, secrets: set[str]) -> None:
    assert set(of_header(name, value)) == secrets


@pytest.mark.parametrize(
    ("changes", "secrets"),
    [
        ({"proxy_url": "http://u:p%40-77@proxy.example:81"}, {"p%40-77", "p@-77", "u:p%40-77", "u:p@-77"}),
        ({"proxy_url": "socks5://u:p#/77@proxy.example"}, {"p#/77", "u:p#/77"}),
        ({"proxy_url": "http://token-77@proxy.example"}, {"token-77"}),
        ({"proxy_url": "direct"}, set()),
        ({"base_url": "https://u:p-77@a.example/v1"}, {"p-77", "u:p-77"}),
        ({"base_url": "https://a.example/KEY-9988/v1"}, {"KEY-9988"}),
        ({"base_url": "https://a.example/a%2Fb9988/v1beta/openai"}, {"a%2Fb9988", "a/b9988"}),
        ({"base_url": "https://a.example/v1?key=ab%2B9&v=2025-04-01-preview&alt=sse"}, {"ab%2B9", "ab+9"}),
        ({"base_url": "https://a.example/openai/deployments/gpt-5.1-mini"}, set()),
        ({"base_url": "https://a.example/compatible-mode/v1/chat/completions"}, set()),
        ({"base_url": "https://[a.example/KEY-9988"}, set()),
        ({"headers": (("x-key", "$X-Key"), ("x-own", "own-7788"))}, {"own-7788"}),
    ],
)  # fmt: skip
def test_the_secrets_of_urls(changes: dict[str, Any], secrets: set[str]) -> None:
    models = (ModelEntry(name="gpt-5.1-mini"),)
    fields: dict[str, Any] = {"api_key": Secret(""), "base_url": "https://a.example", "models": models}
    auth = core_auth(**fields | changes)
    assert set(secrets_of(auth)) - {""} == secrets


def test_what_is_copied_of_a_client_is_a_secret_of_this_request() -> None:
    auth = core_auth(headers=(("x-auth", "$Authorization"), ("x-none", "$X-None"), ("x-own", "own-7788")))
    assert set(copied_by(auth, {"authorization": "Bearer gw-7788"})) == {"Bearer gw-7788", "gw-7788"}


def test_every_text_of_an_error_is_masked() -> None:
    said = 'no: planted-7788 and sk-other77"x'
    error = RemoteError(ErrorKind.API, said, code=said, param=said, upstream_type=said)
    error.plan_type = error.messages_type = said
    mask_error(error, Masks(["planted-7788"]))
    texts = {error.message, error.code, error.param, error.upstream_type, error.plan_type, error.messages_type}
    assert texts | {str(error)} == {'no: *** and sk-***"x'}


def test_a_key_that_only_begins_like_one_is_masked_to_its_end() -> None:
    """What looks like a key is masked last: otherwise its beginning alone would be."""
    error = RemoteError(ErrorKind.API, "no: sk-planted:and,more")
    mask_error(error, Masks(["sk-planted:and,more"]))
    assert error.message == "no: ***"


def test_headers_that_pass_down_lose_their_secrets() -> None:
    masks = Masks(["Planted-7788"])
    headers = (("x-codex-a", "7"), ("x-codex-planted-7788", "1"), ("x-codex-b", "is planted-7788, Planted-7788"))
    assert masked_headers(headers, masks) == (("x-codex-a", "7"), ("x-codex-b", "is ***, ***"))
    assert masked_headers(headers[:1], masks) == headers[:1]


@pytest.mark.parametrize(
    ("event", "masked"),
    [
        ({"error": {"K-778899": ["K-778899"]}}, {"error": {"***": ["***"]}}),
        ({"choices": [{"finish_reason": "K-778899", "x": 1}]}, {"choices": [{"finish_reason": "***", "x": 1}]}),
        ({"item": {"type": "mcp_call", "error": "K-778899"}}, {"item": {"type": "mcp_call", "error": "***"}}),
        ({"response": {"error": {"input": "K-778899"}}}, {"response": {"error": {"input": "***"}}}),
        ({"text": "K-778899"}, None),
        ({"item": {"content": [{"message": "K-778899"}], "arguments": "K-778899"}}, None),
        ({"content_block": {"input": {"message": "K-778899"}}}, None),
        (["K-778899"], None),
        ("K-778899", None),
    ],
)
def test_of_what_passes_through_only_what_is_about_a_failure_is_masked(event: object, masked: object) -> None:
    shown = masked_event(json.dumps(event).encode(), Masks(["K-778899"]))
    assert json.loads(shown) == (event if masked is None else masked)


def test_what_holds_no_secret_passes_through_untouched() -> None:
    payload = b'{"error" : {"message": "no"}}'
    assert masked_event(payload, Masks(["K-778899", "k"])) is payload
