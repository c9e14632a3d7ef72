"""What makes say where it is not the request that is wrong: no balance, too fast, too busy. By the names of the faults.

Sources: the makes' pages of error codes (November 2026), and public reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from daemon.simulate.faults import Fault, of_demand
from daemon.simulate.rules import envelopes as e
from daemon.simulate.rules.envelopes import Envelope
from daemon.simulate.rules.rule import filled, rule


class Failure(Struct, frozen=True):
    """``kind`` and ``code`` are those of the body, as its envelope has them."""

    fault: str
    status: int
    words: str
    says: Envelope
    kind: str = "invalid_request_error"
    code: str | None = None


_TABLE: Final[Mapping[str, tuple[Failure, ...]]] = {
    "anthropic": (
        Failure(
            "quota",
            400,
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or"
            " purchase credits.",
            e.anthropic,
        ),
        Failure(
            "rate_limit",
            429,
            "This request would exceed the rate limit for your organization of 50 requests per minute.",
            e.anthropic,
            "rate_limit_error",
        ),
        Failure("overloaded", 529, "Overloaded", e.anthropic, "overloaded_error"),
    ),
    "deepseek": (
        Failure("quota", 402, "Insufficient Balance", e.openai, "unknown_error", "invalid_request_error"),
        Failure(
            "overloaded",
            503,
            "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.",
            e.openai,
            "service_unavailable_error",
        ),
    ),
    "kimi": (
        Failure(
            "quota",
            429,
            "Your account org-simulated <ak-simulated> is suspended, please check your plan and billing details",
            e.untyped,
            "exceeded_current_quota_error",
        ),
        Failure(
            "rate_limit",
            429,
            "Your account org-simulated<ak-simulated> request reached organization max RPM: 20, please try again after"
            " 1 seconds",
            e.untyped,
            "rate_limit_reached_error",
        ),
        Failure(
            "overloaded",
            429,
            "The engine is currently overloaded, please try again later",
            e.untyped,
            "engine_overloaded_error",
        ),
    ),
    "glm": (
        Failure("quota", 429, "余额不足或无可用资源包,请充值。", e.glm, code="1113"),
        Failure("rate_limit", 429, "您的账户已达到速率限制，请您控制请求频率", e.glm, code="1302"),
        Failure("overloaded", 429, "该模型当前访问量过大，请您稍后再试", e.glm, code="1305"),
    ),
    "qwen": (
        Failure(
            "quota",
            400,
            "Access denied, please make sure your account is in good standing.",
            e.openai,
            "Arrearage",
            "Arrearage",
        ),
        Failure(
            "rate_limit",
            429,
            "Requests rate limit exceeded, please try again later.",
            e.openai,
            "limit_requests",
            "limit_requests",
        ),
        Failure(
            "overloaded",
            503,
            "Too many requests. Your requests are being throttled due to system capacity limits. Please try again"
            " later.",
            e.openai,
            "ServiceUnavailable",
            "ServiceUnavailable",
        ),
    ),
    "minimax": (
        Failure("quota", 429, "insufficient balance (1008)", e.minimax, "insufficient_balance_error", "429"),
        Failure("rate_limit", 429, "rate limit exceeded(RPM) (1002)", e.minimax, "rate_limit_error", "429"),
        Failure(
            "overloaded",
            529,
            "当前服务集群负载较高，请稍后重试 (2064)",
            e.minimax,
            "overloaded_error",
            "529",
        ),
    ),
    "mistral": (
        Failure("rate_limit", 429, "Rate limit exceeded", e.mistral, "rate_limited", "1300"),
        Failure("overloaded", 503, "Service unavailable.", e.mistral, "unreachable_backend", "1100"),
    ),
    "groq": (
        Failure(
            "rate_limit",
            429,
            "Rate limit reached for model `{model}` in organization `org_simulated` service tier `on_demand` on tokens"
            " per minute (TPM): Limit 8000, Used 7900, Requested 900. Please try again in 1s.",
            e.openai,
            "tokens",
            "rate_limit_exceeded",
        ),
        Failure(
            "overloaded",
            503,
            "{model} is currently over capacity. Please try again and back off exponentially.",
            e.openai,
            "internal_server_error",
        ),
    ),
    "xai": (
        Failure(
            "quota",
            403,
            "Your newly created team doesn't have any credits or licenses yet. You can purchase those on"
            " https://console.x.ai.",
            e.xai,
            code="The caller does not have permission to execute the specified operation",
        ),
        Failure(
            "rate_limit",
            429,
            "Too many requests for team 00000000-0000-0000-0000-000000000000 and model {model}. Your team's rate limit"
            " is reached.",
            e.xai,
            code="Some resource has been exhausted",
        ),
        Failure(
            "overloaded",
            503,
            "Service temporarily unavailable. The model is at capacity.",
            e.xai,
            code="The service is currently unavailable",
        ),
    ),
    "gemini": (
        Failure(
            "quota",
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            e.gemini,
            code="RESOURCE_EXHAUSTED",
        ),
        Failure(
            "rate_limit",
            429,
            "Resource has been exhausted (e.g. check quota). Please retry in 1s.",
            e.gemini,
            code="RESOURCE_EXHAUSTED",
        ),
        Failure("overloaded", 503, "The model is overloaded. Please try again later.", e.gemini, code="UNAVAILABLE"),
    ),
    "openrouter": (
        Failure(
            "quota",
            402,
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
            e.openrouter,
            code="402",
        ),
        Failure(
            "rate_limit",
            429,
            "{model} is temporarily rate-limited upstream. Please retry shortly, or add your own key to accumulate your"
            " rate limits",
            e.openrouter_raw,
            code="429",
        ),
    ),
    "fireworks": (
        Failure(
            "quota",
            412,
            "Account simulated is suspended, possibly due to reaching the monthly spending limit or failure to pay past"
            " invoices.",
            e.fireworks,
            code="PRECONDITION_FAILED",
        ),
        Failure(
            "overloaded", 503, "The model is currently overloaded. Please retry later.", e.fireworks, code="UNAVAILABLE"
        ),
    ),
    "doubao": (
        Failure(
            "quota",
            403,
            "The request failed because your account has an overdue balance.",
            e.volcano,
            "Forbidden",
            "AccountOverdueError",
        ),
        Failure(
            "overloaded",
            429,
            "The service is currently unable to handle additional requests due to server overload.",
            e.volcano,
            "TooManyRequests",
            "ServerOverloaded",
        ),
    ),
    "new-api": (
        Failure(
            "quota",
            403,
            "用户额度不足, 剩余额度: ＄-0.000002",
            e.new_api,
            code="insufficient_user_quota",
        ),
        Failure("overloaded", 429, "当前分组上游负载已饱和，请稍后再试", e.new_api, "rate_limit_error"),
    ),
}


def failures(name: str) -> dict[str, Fault]:
    """The faults that the make ``name`` has words of its own for."""
    return {each.fault: _fault(each) for each in _TABLE.get(name, ())}


def _fault(failure: Failure) -> Fault:
    demand = rule(
        failure.fault,
        lambda asked: filled(failure.words, asked),
        failure.says,
        status=failure.status,
        kind=failure.kind,
        code=failure.code,
        param=None,
    )
    return of_demand(demand)
