"""What upstreams' words mean, whatever the status they come with. The sentences are those of relays' sources and
reports (new-api, one-api, sub2api, claude-relay-service, CPA, codex2api) and of their neighbours."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, Failover, Failure, Scope
from daemon.wires.failures.judge import judge
from daemon.wires.failures.words import TABLE

SENTENCES: dict[ErrorKind, list[tuple[int, str]]] = {
    ErrorKind.BILLING: [
        (403, "余额不足"),
        (403, "额度不足"),
        (401, "额度已用尽"),
        (429, "额度已耗尽"),
        (200, "账号已欠费"),
        (400, "请充值"),
        (403, "预扣费额度失败, 用户剩余额度: ＄0.02, 需要预扣费额度: ＄0.1"),
        (403, "用户额度不足, 剩余额度: ＄-0.1"),
        (403, "token quota is not enough, token remain quota"),
        (402, "Insufficient Balance"),
        (403, "订阅已过期"),
        (403, "您的套餐已过期，请续费"),
        (429, "Your account org-x is suspended due to insufficient balance, please recharge"),
        (400, "Your credit balance is too low to access the Anthropic API"),
        (402, "This request requires more credits, or fewer max_tokens"),
        (429, "API Key 额度不足"),
        (403, "Insufficient account balance"),
        (403, "该令牌额度已用尽 TokenStatusExhausted[sk-abc***xyz]"),
        (403, "API key 额度已用完"),
        (402, "已达到总费用限制 ($100)"),
        (429, "您的余额已用完"),
        (403, "账户余额为0"),
        (500, "insufficient credits"),
        (403, "The request failed because your account has an overdue balance."),
        (403, "Your newly created team doesn't have any credits or licenses yet."),
        (
            412,
            "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past bills",
        ),
    ],
    ErrorKind.QUOTA: [
        (429, "今日额度已用完"),
        (429, "每日额度已用尽，请明日再试"),
        (429, "已达到请求次数限制 (100 次)，将在 42 分钟后重置"),
        (402, "已达到每日费用限制 ($10)"),
        (503, "账号池额度已耗尽"),
        (429, "The usage limit has been reached"),
        (402, "已达到 Opus 周费用限制 ($20)"),
        (429, "daily usage limit exceeded"),
        (429, "api key 5小时限额已用完"),
        (429, "您的限额将在 2025-10-20 15:30:00 重置"),
        (429, "额度已用完，次日重置"),
        (400, "You have reached your specified API usage limits. You will regain access"),
        (429, "已达到费用限制 ($5)，将在 12 分钟后重置"),
        (429, "Weekly limit reached"),
        (429, "本周用量已达上限"),
        (429, "Daily quota exhausted"),
        (403, "当日额度不足"),
    ],
    ErrorKind.RATE_LIMIT: [
        (429, "您已达到请求数限制：1分钟内最多请求10次"),
        (429, "您已达到总请求数限制：3分钟内最多请求10次，包括失败次数"),
        (429, "请求过于频繁，请在 30 秒后重试"),
        (503, "当前并发过高"),
        (429, "Concurrency limit exceeded for user, please retry later"),
        (429, "Too many pending requests, please retry later"),
        (429, "error code: 1015"),
        (500, "触发限流，请稍后再试"),
        (200, "请求频率过高"),
        (429, "Too many concurrent requests. Limit: 3 concurrent requests"),
        (429, "Request timed out waiting for concurrency slot. Limit: 3"),
        (400, "您的账户已达到速率限制"),
    ],
    ErrorKind.OVERLOADED: [
        (503, "openai/gpt-oss-120b is currently over capacity. Please try again and back off exponentially."),
        (429, "The service is currently unable to handle additional requests due to server overload."),
        (503, "当前分组上游负载已饱和，请稍后再试"),
        (429, "模型负载已经达到上限"),
        (500, "请稍后重试"),
        (429, "服务异常，请稍后再试"),
        (503, "无可用账号"),
        (503, "No available accounts"),
        (402, "No available OpenAI account"),
        (400, "Selected model is at capacity. Please try a different model."),
        (503, "号池暂时不可用"),
        (500, "系统繁忙"),
        (402, "No available accounts: no available accounts"),
        (503, "Service temporarily unavailable"),
        (500, "当前没有可用的账号"),
    ],
    ErrorKind.MAINTENANCE: [
        (503, "系统维护中"),
        (200, "系统升级中，请稍后"),
        (503, "Service is under maintenance"),
        (500, "站点维护，预计 03:00 恢复"),
    ],
    ErrorKind.MODEL_NOT_FOUND: [
        (503, "分组 default 下模型 gpt-5.1-high 无可用渠道（distributor）"),
        (403, "该令牌无权访问模型 gpt-5"),
        (400, "模型不存在"),
        (404, "模型 gpt-5 未开通"),
        (400, "不支持的模型: x"),
        (400, "The 'gpt-5' model is not supported when using Codex with a ChatGPT account."),
        (503, "No available channel for model gpt-5 under group default (distributor)"),
        (503, "No available accounts: no available accounts supporting model: gpt-9"),
        (403, "The current group does not support the requested model"),
        (403, "该令牌无权访问任何模型"),
        (500, "获取分组 default 下模型 gpt-5 的可用渠道失败（distributor）: x"),
        (400, "Unknown model: foo"),
        (400, "模型 x 不支持"),
        (400, "Server is pinned to 'tiny'; requested 'nope'."),  # transformers serve 5.24
    ],
    ErrorKind.AUTHENTICATION: [
        (401, "无效的令牌"),
        (403, "令牌已过期"),
        (403, "该令牌状态不可用"),
        (400, "未提供令牌"),
        (403, "Invalid API key"),
        (403, "该令牌已被禁用"),
        (500, "无效的 token"),
        (200, "API key not valid. Please pass a valid API key."),
        (401, "Missing API key"),
        (403, "API key is disabled"),
        (401, "该 token 已过期"),
        (403, "api key 已过期"),
        (403, "密钥错误"),
    ],
    ErrorKind.PERMISSION: [
        (403, "用户已被封禁"),
        (401, "该用户已被禁用"),
        (403, "无权访问该分组"),
        (500, "无权访问 vip 分组"),
        (403, "该分组已被禁用"),
        (403, "Image generation is not enabled for this group"),
        (401, "User account is not active"),
        (400, "Your organization has been disabled"),
        (200, "账号已被封禁，请联系管理员"),
    ],
    ErrorKind.WRONG_CLIENT: [
        (403, "This account only allows Codex official clients"),
        (403, "Only Codex clients are allowed"),
        (403, "Please use in Codex. Third-party clients are not supported"),
        (403, "请使用最新版的codex客户端或codex cli调用"),
        (403, "仅限 Claude Code 客户端"),
        (400, "仅支持 Codex 客户端访问"),
        (400, "暂不支持非 Claude Code 请求"),
        (503, "No available accounts: this group only allows Claude Code clients"),
        (403, "This endpoint only accepts requests from Claude Code CLI"),
        (403, "This group is restricted to Claude Code clients (/v1/messages only)"),
        (400, "Access denied. 本服务仅限 Claude Code 客户端使用，禁止通过其他方式接入。"),
        (403, "该分组仅允许 Claude Code 客户端"),
        (
            400,
            "This credential is only authorized for use with Claude Code and cannot be used for other API requests.",
        ),
        (403, "不支持第三方客户端"),
        (403, "请通过官方 Claude Code CLI 访问"),
        (403, "该渠道只允许使用 Codex CLI"),
    ],
    ErrorKind.FIREWALL: [
        (403, "Your request was blocked."),
        (403, "error code: 1020"),
        (403, "您的请求已被宝塔防火墙拦截"),
        (403, "Sorry, you have been blocked"),
    ],
    ErrorKind.CONTENT: [
        (500, "sensitive_words_detected"),
        (400, "包含敏感词"),
        (403, "内容违规"),
        (500, "内容安全审核不通过"),
        (400, "Content Exists Risk"),
        (400, "The request was rejected because it was considered high risk"),
        (400, "Invalid prompt: your prompt was flagged as potentially violating our usage policy"),
        (400, "Input data may contain inappropriate content."),
    ],
    ErrorKind.INVALID_REQUEST: [
        # transformers serve 5.24 says these inside a stream that began with a 200
        (200, "`temperature` (=-1.0) has to be a strictly positive float, otherwise your next token scores will be"),
        (200, "`max_new_tokens` must be greater than 0, but is 0."),
        (200, "`penalty` has to be a strictly positive float, but is -2.0"),
        (200, "`sequence_bias` has to be a dict with floats as values, but is {(1,): 500}."),
        (200, "Stop string preprocessing was unable to identify tokens matching one or more of the supplied stop"),
        (400, "Instructions are required"),
        (403, "Instructions are not valid"),
        (500, "System messages are not allowed"),
        (400, "Input must be a list"),
        (400, "Store must be set to false"),
        (400, "Unknown parameter: 'input[1].content'."),
        (404, "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."),
        # what another upstream made, or what is kept no more
        (404, "Item with id 'rs_68af4030' not found."),
        (400, "Previous response with id 'resp_68af4030' not found."),
        (404, "Conversation with id 'conv_68af4030' not found."),
        (404, "Container with id 'cntr_68af4030' not found."),
        (400, "Vector store with id ['vs_68af4030'] not found."),
        (404, "No such File object: file-abc123XYZ"),
        (404, "No file found with id file-abc123XYZ"),
        (404, "File not found: file_011CNha8iCJcU1wXNR6q4V8w"),
        (404, "The file 'file-abc123XYZ' was not found"),
        (404, "Container not found: container_011CNha8"),
        (500, "The encrypted content gAAAA... could not be verified."),
        (400, "messages.1.content.0: Invalid `signature` in `thinking` block"),
        (400, "messages.1.content.0: Invalid `data` in `redacted_thinking` block"),
        (400, "Thought signature is not valid."),
        (400, "Invalid 'input[0].id': 'x'. Expected an ID that begins with 'msg'."),
        (400, "Unsupported parameter: max_output_tokens"),
        (400, "'temperature' is not supported with this model"),
        (
            400,
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default "
            "(1) value is supported.",
        ),
        (400, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"),
        (400, "tools.0.custom.strict: Extra inputs are not permitted"),
        (400, "file: extra fields not permitted"),
        (400, "max_tokens is too large: 32000. This model supports at most 16384 completion tokens"),
        (400, "Model grok does not support parameter stop."),
        (400, "Argument not supported on this model: stop"),
        (400, "System message must be at the beginning."),
        (400, "Invalid token '}' at line 1"),
    ],
    ErrorKind.API: [
        (502, "Upstream request failed"),
        (500, "请联系管理员"),
        (500, "File not found: model_config.json"),
        (500, "No such file or directory: '/srv/app.py'"),
        (502, "Response from upstream was not found"),
        (502, "Upstream authentication failed, please contact administrator"),
        (502, "Upstream access forbidden, please contact administrator"),
        (500, "The server had an error while processing your request. Sorry about that!"),
    ],
    ErrorKind.CONTEXT_LENGTH: [
        (400, "输入 prompt is too long"),
    ],
}
CODES: list[tuple[ErrorKind, int, str]] = [
    (ErrorKind.BILLING, 429, "1113"),
    (ErrorKind.BILLING, 403, "insufficient_user_quota"),
    (ErrorKind.BILLING, 403, "pre_consume_token_quota_failed"),
    (ErrorKind.BILLING, 403, "INSUFFICIENT_BALANCE"),
    (ErrorKind.BILLING, 403, "billing_error"),
    (ErrorKind.QUOTA, 402, "daily_cost_limit_exceeded"),
    (ErrorKind.QUOTA, 503, "account_pool_usage_limit_reached"),
    (ErrorKind.QUOTA, 400, "usage_limit_reached"),
    (ErrorKind.QUOTA, 429, "insufficient_quota"),
    (ErrorKind.RATE_LIMIT, 400, "1302"),
    (ErrorKind.RATE_LIMIT, 500, "rate_limit_error"),
    (ErrorKind.OVERLOADED, 500, "channel:no_available_key"),
    (ErrorKind.MODEL_NOT_FOUND, 503, "model_not_found"),
    (ErrorKind.MODEL_NOT_FOUND, 400, "unsupported_model"),
    (ErrorKind.AUTHENTICATION, 403, "invalid_api_key"),
    (ErrorKind.PERMISSION, 401, "USER_INACTIVE"),
    (ErrorKind.PERMISSION, 500, "permission_denied"),
    (ErrorKind.WRONG_CLIENT, 403, "codex_access_restricted"),
    (ErrorKind.CONTENT, 500, "sensitive_words_detected"),
    (ErrorKind.CONTENT, 403, "cyber_policy"),
    (ErrorKind.INVALID_REQUEST, 403, "unsupported_parameter"),
    (ErrorKind.API, 500, "new_api_error"),
    (ErrorKind.API, 502, "upstream_error"),
    (ErrorKind.PERMISSION, 403, "invalid_request_error"),
]
OWN_STATUS = {
    ErrorKind.BILLING: 402,
    ErrorKind.QUOTA: 429,
    ErrorKind.RATE_LIMIT: 429,
    ErrorKind.OVERLOADED: 529,
    ErrorKind.MAINTENANCE: 529,
    ErrorKind.MODEL_NOT_FOUND: 404,
    ErrorKind.AUTHENTICATION: 401,
    ErrorKind.PERMISSION: 403,
    ErrorKind.WRONG_CLIENT: 400,
    ErrorKind.FIREWALL: 403,
    ErrorKind.CONTENT: 400,
}


@pytest.mark.parametrize(("kind", "status", "text"), [(kind, *row) for kind, rows in SENTENCES.items() for row in rows])
def test_a_sentence_decides_before_the_status(kind: ErrorKind, status: int, text: str) -> None:
    failure = Failure(status=status if status >= 400 else None, type="new_api_error", message=text)
    error = judge(failure)
    assert error.kind is kind, error.evidence
    assert error.evidence in text and error.message == text
    assert error.status == OWN_STATUS.get(kind, error.status)


@pytest.mark.parametrize(("kind", "status", "word"), CODES)
@pytest.mark.parametrize("field", ["code", "type"])
def test_a_code_decides_wherever_it_stands(kind: ErrorKind, status: int, word: str, field: str) -> None:
    failure = Failure(status=status, message="no", code=word) if field == "code" else Failure(status=status, type=word)
    error = judge(failure)
    assert (error.kind, error.evidence) == (kind, "")
    assert error.status == OWN_STATUS.get(kind, error.status)


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (ErrorKind.BILLING, "rate_limit_error", "余额不足"),
        (ErrorKind.BILLING, "insufficient_quota", "余额不足"),
        (ErrorKind.BILLING, "authentication_error", "该令牌额度已用尽"),
        (ErrorKind.WRONG_CLIENT, "permission_error", "This group only allows Claude Code clients"),
        (ErrorKind.CONTENT, "invalid_prompt", "Your prompt was flagged as potentially violating our usage policy"),
        (ErrorKind.QUOTA, "account_pool_usage_limit_reached", "额度已耗尽"),
        (ErrorKind.OVERLOADED, "overloaded_error", "请稍后再试"),
        (ErrorKind.RATE_LIMIT, "rate_limit_error", "请稍后再试"),
        (ErrorKind.CONTEXT_LENGTH, "context_length_exceeded", "余额不足"),
    ],
)
def test_a_sentence_beats_a_generic_code_and_a_code_of_the_table_beats_a_sentence(
    kind: ErrorKind, code: str, text: str
) -> None:
    assert judge(Failure(status=429, code=code, message=text)).kind is kind


@pytest.mark.parametrize(
    ("scope", "failover", "text"),
    [
        (Scope.CLIENT, Failover.ALWAYS, "This account only allows Codex official clients"),
        (Scope.REQUEST, Failover.ONCE, "sensitive_words_detected"),
        (Scope.REQUEST, Failover.NEVER, "Instructions are required"),
        (Scope.REQUEST, Failover.ALWAYS, "Image generation is not enabled for this group"),
        (Scope.CREDENTIAL, Failover.ALWAYS, "无权访问该分组"),
        (Scope.CREDENTIAL, Failover.ALWAYS, "余额不足"),
        (Scope.MODEL, Failover.ALWAYS, "无可用渠道"),
        (Scope.PROVIDER, Failover.ALWAYS, "No available accounts"),
        (Scope.PROVIDER, Failover.ALWAYS, "Your request was blocked."),
    ],
)
def test_what_rests_and_whether_another_is_asked(scope: Scope, failover: Failover, text: str) -> None:
    error = judge(Failure(status=403, message=text))
    assert (error.scope, error.failover) == (scope, failover)


def test_not_supported_is_said_of_parameters_too() -> None:
    text = "model: 'temperature' is not supported"
    assert judge(Failure(status=400, message=text, param="temperature")).kind is ErrorKind.INVALID_REQUEST
    assert judge(Failure(status=400, message=text)).kind is ErrorKind.MODEL_NOT_FOUND


def test_codes_are_in_lower_case_and_in_one_row_only() -> None:
    codes = [code for row in TABLE for code in row.codes]
    assert all(code == code.lower() for code in codes)
    assert len(codes) == len(set(codes))
