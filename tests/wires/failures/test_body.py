"""The one reader of error bodies: every shape gives the sentence, the code and the status that are in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.masks import Masks
from daemon.upstream.privacy import mask_error
from daemon.wires.failures.body import is_failure
from daemon.wires.failures.remote_errors import decode_error, error_event, no_answer
from daemon.wires.table import WIRES


def nested(value: object) -> str:
    return json.dumps(value)


RAW = {"error": {"message": "the tools are wrong", "code": "invalid_tools"}}
SHAPES: list[tuple[str, Any]] = [
    ("no", {"error": {"message": "no"}}),
    ("no", {"error": "no"}),
    ("no", {"error": True, "message": "no"}),
    ("no", {"error": "Rate limit exceeded", "message": "no"}),
    ("no", [{"error": {"message": "no"}}]),
    ("no", {"error": [{"message": "no"}]}),
    ("no", {"message": "no"}),
    ("no", {"object": "error", "message": "no", "type": "BadRequestError"}),
    ("no", {"code": 500, "msg": "no", "data": None}),
    ("no", {"code": "E1", "msg": "no"}),
    ("no", {"detail": "no"}),
    ("no", {"detail": {"message": "no"}}),
    ("body.input: no", {"detail": [{"loc": ["body", "input"], "msg": "no", "type": "missing"}]}),
    ("no", {"errors": [{"code": 10000, "message": "no"}], "success": False}),
    ("no", {"errors": ["no"]}),
    ("no", {"success": False, "message": "no"}),
    ("no", {"base_resp": {"status_code": 1008, "status_msg": "no"}, "choices": None}),
    ("no", {"code": 0, "msg": "success", "data": {"error": {"message": "no"}}}),
    ("no", {"type": "response.failed", "response": {"error": {"message": "no"}}}),
    ("no", {"error": nested({"error": {"message": "no"}})}),
    ("no", {"error": {"message": nested({"error": {"message": "no"}})}}),
    ("no", {"error": {"message": f"status_code=400, {nested({'detail': 'no'})}"}}),
    ("the tools are wrong", {"error": {"message": "Provider returned error", "metadata": {"raw": nested(RAW)}}}),
    ("the tools are wrong", {"error": {"message": "Provider returned error", "metadata": {"raw": RAW}}}),
    (
        "the tools are wrong",
        {"error": {"message": "Provider returned error", "metadata": {"raw": nested({"detail": nested(RAW)})}}},
    ),
    ("plain words", {"error": {"message": "Provider returned error", "metadata": {"raw": "plain words"}}}),
    (
        "the tools are wrong",
        {"error": {"message": f"Provider returned error ({nested({'raw': nested(RAW), 'provider_name': 'X'})})"}},
    ),
    ("slow upstream", {"error": {"message": "slow upstream", "metadata": {"raw": nested(RAW)}}}),
    ("Upstream request failed", {"error": {"message": "Upstream request failed", "type": "upstream_error"}}),
    ('{"foo":1}', {"error": {"foo": 1}}),
]


@pytest.mark.parametrize(("text", "body"), SHAPES)
def test_the_sentence_is_found(text: str, body: Any) -> None:
    raw = json.dumps(body).encode()
    assert decode_error(500, {}, raw).message == text
    assert decode_error(500, {}, b"\xef\xbb\xbf\r\n " + raw).message == text
    assert decode_error(500, {}, b"data: " + raw + b"\n\n").message == text
    assert decode_error(500, {}, b"event: error\ndata: " + raw + b"\n\ndata: [DONE]\n\n").message == text


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("kind", "text", "body"),
    [
        (ErrorKind.BILLING, "余额不足", {"success": False, "message": "余额不足"}),
        (
            ErrorKind.BILLING,
            "insufficient balance",
            {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        ),
        (ErrorKind.MODEL_NOT_FOUND, "模型不存在", {"code": 500, "msg": "模型不存在", "data": None}),
        (ErrorKind.RATE_LIMIT, "slow", [{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]),
        (
            ErrorKind.OVERLOADED,
            "busy",
            {"message": "busy", "type": "overloaded_error", "code": None, "object": "error"},
        ),
        (ErrorKind.RATE_LIMIT, "并发过高", {"error": "并发过高"}),
    ],
)
def test_an_error_under_a_200_is_judged_like_one_with_a_status(
    wire: str, kind: ErrorKind, text: str, body: Any
) -> None:
    with pytest.raises(RemoteError) as whole:
        WIRES[wire].decode_response(json.dumps(body).encode(), {})
    assert (whole.value.kind, whole.value.message) == (kind, text)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (ErrorKind.RATE_LIMIT, {"error": {"type": "rate_limit_error", "message": "no"}}),
        (ErrorKind.RATE_LIMIT, {"message": "no", "type": "rate_limit_error", "code": "rate_limit_exceeded"}),
        (ErrorKind.BILLING, {"error": "余额不足"}),
        (ErrorKind.BILLING, {"code": 1, "msg": "余额不足"}),
        (
            ErrorKind.BILLING,
            {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        ),
        (ErrorKind.CONTENT, {"type": "error", "error": {"message": "包含敏感词"}}),
    ],
)
def test_an_error_inside_a_stream_is_known_in_any_shape(wire: str, kind: ErrorKind, event: Any) -> None:
    data = b"event: error\ndata: " + json.dumps(event).encode() + b"\n\n"
    last = WIRES[wire].stream_decoder({}).feed(data)[-1]
    error = getattr(last, "error", None)
    assert isinstance(error, RemoteError) and error.kind is kind


@pytest.mark.parametrize(
    "value",
    [
        {"type": "ping"},
        {"type": "keepalive", "message": "still there"},
        {"choices": [], "usage": {}},
        {"error": None},
        {"error": {}},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"code": 200, "msg": "ok", "data": {"id": "x"}},
        [],
        5,
    ],
)
def test_what_is_no_error(value: Any) -> None:
    assert not is_failure(value)
    assert error_event(json.dumps(value).encode()) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "no", "code": "bad_response_status_code", "param": "400"}}),
        (429, {"error": {"message": "no", "code": "bad_response_status_code", "param": "429"}}),
        (500, {"error": {"message": "no", "code": "bad_response_status_code", "param": "x"}}),
        (500, {"error": {"message": "no", "code": 400}}),
    ],
)
def test_the_true_status_may_stand_in_param(status: int, body: Any) -> None:
    assert decode_error(500, {}, json.dumps(body).encode()).upstream_status == status


def page(title: str, more: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{more}</body></html>".encode()


@pytest.mark.parametrize(
    ("kind", "status", "answered", "headers", "body", "words"),
    [
        (ErrorKind.FIREWALL, 403, 403, {"cf-mitigated": "challenge"}, page("Just a moment..."), "Just a moment..."),
        (ErrorKind.FIREWALL, 403, 503, {}, page("Just a moment..."), "a web firewall"),
        (
            ErrorKind.FIREWALL,
            403,
            403,
            {},
            page("Attention Required! | Cloudflare"),
            "Attention Required! | Cloudflare",
        ),
        (ErrorKind.FIREWALL, 403, 403, {}, page("403 Forbidden"), "a web firewall"),
        (ErrorKind.FIREWALL, 403, 403, {}, b"error code: 1020", "error code: 1020"),
        (ErrorKind.FIREWALL, 403, 200, {}, page("宝塔网站防火墙"), "宝塔"),
        (ErrorKind.FIREWALL, 403, 200, {}, page("", "<script src='/cdn-cgi/challenge-platform/x.js'>"), "firewall"),
        (ErrorKind.RATE_LIMIT, 429, 429, {}, page("Access denied | x", "Error 1015"), "Access denied | x"),
        (ErrorKind.RATE_LIMIT, 429, 429, {}, b"error code: 1015", "1015"),
        (ErrorKind.MAINTENANCE, 529, 200, {}, page("系统维护中，预计 03:00 恢复"), "系统维护中，预计 03:00 恢复"),
        (
            ErrorKind.MAINTENANCE,
            529,
            503,
            {},
            page("Site &amp; API under\n maintenance"),
            "Site & API under maintenance",
        ),
        (ErrorKind.TOO_LARGE, 413, 413, {}, page("413 Request Entity Too Large"), "413 Request Entity Too Large"),
        (ErrorKind.API, 521, 521, {}, page("x.com | 521: Web server is down"), "521: Web server is down"),
        (
            ErrorKind.API,
            502,
            301,
            {"location": "https://u:p@relay.example/v1?key=1#x"},
            b"",
            "to https://relay.example: set",
        ),
        (ErrorKind.API, 502, 302, {"location": "/login?next=1"}, page("Moved"), "to another path: check"),
        (ErrorKind.API, 502, 308, {"location": "//[::1]:81/KEY/v1"}, b"", "to https://[::1]:81: set"),
        (ErrorKind.API, 502, 307, {}, b"", "an empty answer"),
    ],
)
def test_pages_and_redirects(
    kind: ErrorKind, status: int, answered: int, headers: dict[str, str], body: bytes, words: str
) -> None:
    error = decode_error(answered, headers, body)
    assert (error.kind, error.status) == (kind, status)
    assert words in error.message and "<" not in error.message
    assert "key=1" not in error.message and len(error.message) < 400


def test_a_title_is_cut() -> None:
    assert len(decode_error(500, {}, page("x" * 5000)).message) < 300


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ("content filter", {"object": "chat.completion", "choices": [], "usage": {"completion_tokens": 0}}),
        ("SAFETY", {"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}),
    ],
)
def test_an_answer_without_choices_was_stopped_by_a_filter(words: str, whole: Any) -> None:
    error = no_answer(whole, "without choices")
    assert error.kind is ErrorKind.CONTENT and words in error.message


@pytest.mark.parametrize(
    ("words", "blamed", "whole"),
    [
        ("without choices", True, {"object": "list", "data": []}),
        ("without choices", True, None),
        ("Welcome", True, {"message": "Welcome"}),
        ("wrapped", False, {"code": 200, "msg": "ok", "data": {"id": "resp_1"}}),
    ],
)
def test_json_that_is_no_answer(words: str, blamed: bool, whole: Any) -> None:
    error = no_answer(whole, "without choices")
    assert error.kind is ErrorKind.API and words in error.message
    assert ("base-url" in error.message) is blamed


def test_a_key_in_any_shape_of_body_is_masked() -> None:
    bodies = [b"sk-planted1", page("sk-planted1"), b'{"error":{"message":"sk-planted1"}}', b'{"x":"sk-planted1"}']
    for error in [decode_error(401, {}, body) for body in bodies]:
        mask_error(error, Masks(()))
        assert "planted" not in error.message and "sk-***" in error.message
