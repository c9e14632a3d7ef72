"""What relays say, from their bytes to what rests, for how long, and who is asked next: each class of words with each
status that it comes with (new-api, one-api, sub2api, claude-relay-service and their neighbours, 2026-11)."""

from __future__ import annotations

import json

import pytest

from daemon.errors import RemoteError
from daemon.wires.failures.remote_errors import decode_error, remote_error
from tests.router.auths import candidate
from tests.router.conversation import World

A, B, C = candidate("a"), candidate("b"), candidate("c")
ALWAYS, ONCE, NEVER = "a b c", "a b", "a"
MOST = 1800.0

ROWS: dict[str, tuple[str, str, float, str, tuple[int, ...]]] = {
    # class: words, what rests, seconds, who is asked where each of three says it, statuses
    "balance": (
        "余额不足|额度不足|额度已用尽|额度已耗尽|账户欠费|请充值|预扣费额度失败, 用户剩余额度: 0"
        "|用户额度不足|quota is not enough"
        "|Insufficient Balance|订阅已过期|套餐已过期|请续费"
        "|code:insufficient_user_quota|code:pre_consume_token_quota_failed|code:billing_error|code:1113",
        "auth",
        MOST,
        ALWAYS,
        (403, 401, 429, 400, 402, 200),
    ),
    "limit of a window": (
        "今日额度已用完|每日额度已用完|已达到请求次数限制 (100 次)，将在 42 分钟后重置"
        "|每日费用限制已达到|账号池额度已耗尽"
        "|code:daily_cost_limit_exceeded|code:usage_limit_reached|code:account_pool_usage_limit_reached"
        "|code:insufficient_quota",
        "auth",
        MOST,
        ALWAYS,
        (429, 402, 503),
    ),
    "limit that ends soon": ("已达到每日费用限制，将在 10 分钟后重置", "auth", 600.0, ALWAYS, (429, 402, 503)),
    "too fast": (
        "您已达到请求数限制|请求过于频繁|当前并发过高|Concurrency limit exceeded"
        "|Too many pending requests|error code: 1015",
        "auth",
        1.0,
        ALWAYS,
        (429,),
    ),
    "too fast, with a time": ("请求过于频繁，请在 30 秒后重试", "auth", 30.0, ALWAYS, (429,)),
    "too fast, with a window": ("您已达到请求数限制：1分钟内最多请求10次", "auth", 60.0, ALWAYS, (429,)),
    "overloaded": (
        "当前分组上游负载已饱和|模型负载已经达到上限|请稍后重试|请稍后再试|无可用账号|No available accounts"
        "|No available OpenAI account|Selected model is at capacity|号池暂时不可用",
        "auth",
        1.0,
        ALWAYS,
        (429, 503, 402, 500),
    ),
    "maintenance": ("系统维护中|系统升级中|Under maintenance", "auth", 60.0, ALWAYS, (200, 503)),
    "model": (
        "模型 gpt-5 无可用渠道（distributor）|该令牌无权访问模型 gpt-5|模型不存在|模型 gpt-5 未开通|不支持的模型: gpt-5"
        "|The 'gpt-5' model is not supported when using Codex with a ChatGPT account."
        "|code:model_not_found|code:unsupported_model",
        "model",
        MOST,
        ALWAYS,
        (503, 403, 400, 404),
    ),
    "key": (
        "无效的令牌|令牌已过期|令牌状态不可用|未提供令牌|Invalid API key|该令牌已被禁用",
        "auth",
        MOST,
        ALWAYS,
        (401, 403),
    ),
    "account or group": (
        "用户已被封禁|该用户已被禁用|无权访问 vip 分组|该分组已被禁用|code:permission_denied",
        "auth",
        MOST,
        ALWAYS,
        (403,),
    ),
    "tool": ("Image generation is not enabled for this group", "", 0.0, ALWAYS, (403,)),
    "region": ("Country, region, or territory not supported|当前地区不支持", "", 0.0, ALWAYS, (403, 400)),
    "wrong client": (
        "This account only allows Codex official clients|Only Codex clients are allowed|Client not allowed"
        "|Third-party clients are not supported|请使用最新版的codex客户端|仅限 Claude Code 客户端"
        "|仅支持 Codex 客户端访问"
        "|暂不支持非 Claude Code 请求|code:codex_access_restricted",
        "family",
        MOST,
        ALWAYS,
        (403, 400),
    ),
    "firewall": (
        "Just a moment|Attention Required|Your request was blocked|宝塔防火墙",
        "auth",
        60.0,
        ALWAYS,
        (403, 503),
    ),
    "word filter": (
        "code:sensitive_words_detected|内容包含敏感词|内容违规|内容安全审核未通过",
        "",
        0.0,
        ONCE,
        (500, 400, 403),
    ),
    "the model's own policy": (
        "code:cyber_policy|code:content_policy|code:content_policy_violation",
        "",
        0.0,
        NEVER,
        (500, 400, 403, 502, 200),
    ),
    "request": (
        "Instructions are required|System messages are not allowed|Input must be a list|Store must be set to false"
        "|Stream must be set to true|Unsupported parameter: max_output_tokens",
        "",
        0.0,
        NEVER,
        (400, 422, 500),
    ),
}
CASES = [
    pytest.param(name, status, word, id=f"{name}-{status}-{word}")
    for name, row in ROWS.items()
    for status in row[4]
    for word in row[0].split("|")
]


def said(status: int, word: str) -> RemoteError:
    error = {"code": word[5:], "message": "no"} if word.startswith("code:") else {"message": word}
    whole = {"error": error | {"type": "new_api_error"}}
    return remote_error(whole) if status == 200 else decode_error(status, {}, json.dumps(whole).encode())


@pytest.mark.parametrize(("name", "status", "word"), CASES)
def test_what_rests_how_long_and_who_is_asked(name: str, status: int, word: str) -> None:
    _, reach, seconds, asked, _ = ROWS[name]
    world = World(A, B, C)
    for each in "abc":
        world.fails(each, said(status, word))
    fault = said(status, word)
    assert world.ask(family="codex") == f"{asked} !{fault.kind}"
    rests = [(key.reach, rest.until - world.now) for key, rest in world.router.rests(A.auth.id)]
    assert rests == ([(reach, seconds)] if reach else [])


def test_the_headers_of_a_firewall_are_enough() -> None:
    world = World(A, B)
    world.fails("a", decode_error(403, {"cf-mitigated": "challenge", "content-type": "text/html"}, b"<html></html>"))
    assert world.ask() == "a b"
    assert [rest.until - world.now for _, rest in world.router.rests(A.auth.id)] == [60.0]
