"""What a relay of ChatGPT's Codex backend demands of a request, and how it refuses one, in its own words.

The sentences and shapes are those of the backend, of new-api, sub2api and claude-relay-service (CRS), from
their public sources and from users' reports (2025-10 to 2026-08). ``DEMANDS`` are made by every relay of
this kind, in this order, one complaint at a time; ``HABITS`` are those of some.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from daemon.simulate.conversation import Json
from daemon.simulate.demand import Asked, Demand

UNSUPPORTED = (
    "max_output_tokens",
    "metadata",
    "prompt_cache_retention",
    "safety_identifier",
    "temperature",
    "top_p",
    "truncation",
    "user",
)
"""Parameters of the public Responses API that the Codex backend does not take."""

OFFICIAL = "You are Codex"
"""How the instructions of Codex begin."""

CONCURRENCY = 3
"""Requests at once that relays commonly allow to one key."""

_CODEX_AGENT = re.compile(
    r"^(codex_cli_rs|codex-tui|codex_vscode|codex_exec|codex_app|codex_sdk_ts)/[\d.]+|^Codex ", re.I
)
_CODEX_ORIGINATOR = re.compile(r"^codex[-_ ]", re.I)


def detail(sentence: str) -> Json:
    """The backend's shape."""
    return {"detail": sentence}


def page(title: str) -> str:
    """A web page, as firewalls and maintenance put before the relay."""
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"


def _new_api(code: str, kind: str = "new_api_error") -> Callable[[str], Json]:
    def shape(sentence: str) -> Json:
        message = f"{sentence} (request id: 20261128000000)"
        return {"error": {"message": message, "type": kind, "param": "", "code": code}}

    return shape


def _sub2api(sentence: str) -> Json:
    return {"error": {"type": "forbidden_error", "message": sentence}}


def _crs(title: str, **facts: object) -> Callable[[str], Json]:
    return lambda sentence: {"error": title, "message": sentence, **facts}


def _no_route(sentence: str) -> Json:
    return {"error": {"message": sentence, "type": "invalid_request_error", "param": "", "code": ""}}


def _unknown_parameter(sentence: str) -> Json:
    param = sentence.split("'")[1] if "'" in sentence else None
    error = {"message": sentence, "type": "invalid_request_error", "param": param, "code": "unknown_parameter"}
    return {"error": error}


def _always(sentence: str) -> Callable[[Asked, str], str | None]:
    """A complaint about every request; ``{model}`` in it is replaced."""
    return lambda asked, _: sentence.replace("{model}", str(asked.body.get("model")).partition("+")[0])


def _unless(sentence: str, fine: Callable[[Asked, str], bool]) -> Callable[[Asked, str], str | None]:
    return lambda asked, text: None if fine(asked, text) else sentence


def _items(asked: Asked) -> list[Json]:
    items = asked.body.get("input")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _instructions(asked: Asked) -> str:
    return str(asked.body.get("instructions") or "")


def _other_route(asked: Asked, _: str) -> str | None:
    return None if asked.wire == "responses" else f"Invalid URL (POST {asked.path})"


def _unsupported(asked: Asked, _: str) -> str | None:
    tier = asked.body.get("service_tier", "priority")
    refused = [name for name in UNSUPPORTED if name in asked.body] + ["service_tier"] * (tier != "priority")
    return f"Unsupported parameter: {refused[0]}" if refused else None


def _untyped(asked: Asked, _: str) -> str | None:
    bare = next((number for number, item in enumerate(_items(asked)) if "type" not in item), None)
    return None if bare is None else f"Unknown parameter: 'input[{bare}].content'."


def _is_codex(asked: Asked, _: str) -> bool:
    """All that sub2api and codex2api look at: these three headers together."""
    header = asked.headers.get
    return bool(
        _CODEX_AGENT.match(header("user-agent", ""))
        and _CODEX_ORIGINATOR.match(header("originator", ""))
        and header("x-codex-window-id")
    )


DEMANDS = (
    Demand(name="responses-only", complaint=_other_route, shape=_no_route, status=404),
    Demand(
        name="instructions",
        complaint=_unless("Instructions are required", lambda asked, _: asked.body.get("instructions") is not None),
        shape=detail,
    ),
    Demand(
        name="store-false",
        complaint=_unless("Store must be set to false", lambda asked, _: asked.body.get("store") is False),
        shape=detail,
    ),
    Demand(
        name="stream-true",
        complaint=_unless("Stream must be set to true", lambda asked, _: asked.body.get("stream") is True),
        shape=detail,
    ),
    Demand(
        name="input-list",
        complaint=_unless("Input must be a list", lambda asked, _: isinstance(asked.body.get("input"), list)),
        shape=detail,
    ),
    Demand(
        name="no-system",
        complaint=_unless(
            "System messages are not allowed",
            lambda asked, _: all(item.get("role") != "system" for item in _items(asked)),
        ),
        shape=detail,
    ),
    Demand(name="parameters", complaint=_unsupported, shape=detail),
    Demand(name="typed-items", complaint=_untyped, shape=_unknown_parameter),
)


def concurrency(limit: int) -> Demand:
    """The refusal of CRS once ``limit`` requests of a key are open."""
    sentence = f"Too many concurrent requests. Limit: {limit} concurrent requests"
    return Demand(
        name="concurrency",
        complaint=_always(sentence),
        shape=_crs("Concurrency limit exceeded", currentConcurrency=limit, concurrencyLimit=limit),
        status=429,
        retry_after=1,
    )


HABITS = (
    Demand(
        name="only-codex",
        complaint=_unless("This account only allows Codex official clients", _is_codex),
        shape=_sub2api,
        status=403,
    ),
    Demand(
        name="filled-instructions",
        complaint=_unless("Instructions are required", lambda asked, _: bool(_instructions(asked).strip())),
        shape=detail,
    ),
    Demand(
        name="official-instructions",
        complaint=_unless("Instructions are not valid", lambda asked, text: _instructions(asked).startswith(text)),
        shape=detail,
        text=OFFICIAL,
    ),
    Demand(
        name="firewall",
        complaint=_always("Just a moment..."),
        shape=page,
        status=403,
        headers={"cf-mitigated": "challenge", "server": "cloudflare"},
    ),
    Demand(name="invalid-token", complaint=_always("无效的令牌"), shape=_new_api(""), status=401),
    Demand(
        name="no-balance",
        complaint=_always("用户额度不足, 剩余额度: ＄-0.000002"),
        shape=_new_api("insufficient_user_quota"),
        status=403,
    ),
    Demand(
        name="window",
        complaint=_always("已达到请求次数限制 (100 次)，将在 42 分钟后重置"),
        shape=_crs("Rate limit exceeded", currentRequests=100, requestLimit=100, remainingMinutes=42),
        status=429,
    ),
    concurrency(CONCURRENCY),
    Demand(
        name="no-channel",
        complaint=_always("分组 default 下模型 {model} 无可用渠道（distributor）"),
        shape=_new_api("model_not_found", "packy_api_error"),
        status=503,
    ),
    Demand(
        name="word-filter",
        complaint=_always("sensitive_words_detected"),
        shape=_new_api("sensitive_words_detected"),
        status=500,
    ),
    Demand(name="maintenance", complaint=_always("系统维护中，预计 03:00 恢复"), shape=page, status=200),
)
