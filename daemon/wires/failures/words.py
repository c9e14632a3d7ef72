"""What upstreams' words mean: one table, the first row that matches decides.

Relays say everything with one status: an empty balance as 403, 401, 429, 400 or 200, a missing channel as
503, a word filter as 500. So their words are read before the status (``judge`` says in which
order). ``codes`` are compared with the upstream's ``code`` and ``type``, in lower case; ``sentences`` are
searched for in its message. What is also in the request does not count as the upstream's word.

Sources: new-api, one-api, sub2api, claude-relay-service, CLIProxyAPI, codex2api, Zhipu, MiniMax, DeepSeek,
Kimi, DashScope, OpenRouter, Anthropic, OpenAI, Cloudflare, transformers (2026-11).

Words that decide nothing, because they stand beside everything: 请联系管理员, "Upstream request failed",
``upstream_error``, ``new_api_error``, ``one_api_error``, ``bad_response_status_code``.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from msgspec import Struct

from daemon.errors import ErrorKind, Failover, Scope
from daemon.wires.failures.own_words import InRequest, is_own


class FailureClass(Struct, frozen=True):
    """One row of the table: what a kind of failure is recognised by. ``scope`` and ``failover`` where they differ from
    what is usual for the kind."""

    kind: ErrorKind
    sentences: re.Pattern[str]
    codes: frozenset[str] = frozenset()
    scope: Scope | None = None
    failover: Failover | None = None


class Verdict(NamedTuple):
    """``evidence`` is the piece of text that decided, '' for a code."""

    row: FailureClass
    evidence: str


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


NOT_MADE_HERE: Final = _words(
    # OpenAI: "Item with id 'rs_1' not found", "Previous response with id 'resp_1' not found"; "No such File object:
    # file-1", "Container with id 'cntr_1' not found"; Anthropic: "File not found: file_1" (2026-11)
    r"\b(?:items?|response|conversation|prompt|files?|containers?|vector stores?)(?: objects?)?(?: with)?(?: ids?)?:? ?"
    r"[\['\"`]{0,2}[a-z]{2,20}[-_][\w-]{1,160}['\"`\]]{0,2},? (?:was |were |is |could )?"
    r"(?:not (?:be )?found|does not exist|doesn't exist|has expired|is expired|expired)",
    r"\bno (?:such )?(?:item|file|container|conversation|response)s?(?: objects?)?(?: found)?(?: with)?(?: ids?)?:? ?"
    r"['\"`]?[a-z]{2,20}[-_]\w",
    r"\b(?:file|container) not found: ?['\"`]?(?:file|cntr|container)[-_]\w",
    r"encrypted content .{0,200}could not be (?:verified|decrypted)",
    r"invalid `?(?:signature|data)`? in `?(?:redacted_)?thinking",
    r"thought signature is not valid|corrupted thought signature",
)
"""The upstream has been sent an id or an encrypted piece that it did not make, or keeps no more."""

NOT_MADE_CODES: Final = frozenset(
    {"invalid_encrypted_content", "thinking_signature_invalid", "previous_response_not_found", "conversation_not_found"}
    | {"item_not_found", "file_not_found", "container_not_found"}
)

_OFFICIAL = r"(?:codex(?!-)|claude[- ]?(?:code|cli)\b(?!-)|gemini[- ]cli|official|官方)"

TABLE: tuple[FailureClass, ...] = (
    FailureClass(ErrorKind.INVALID_REQUEST, NOT_MADE_HERE, NOT_MADE_CODES),
    FailureClass(
        ErrorKind.INVALID_REQUEST,
        _words(
            r"instructions are required",
            r"instructions are not valid",
            r"system messages are not allowed",
            r"input must be a list",
            r"(?:store|stream) must be set to (?:true|false)",
            r"items are not persisted when .?store.? is set to false",
            r"expected an id that begins with",
            r"(?:unsupported|unknown|unrecognized) (?:parameter|request argument supplied)s?:",
            r"(?:parameter|argument|property|field|option)s? ['\"`]?[\w.]+['\"`]? (?:is|are) "
            r"(?:not (?:supported|allowed|permitted)|unsupported)",
            # transformers serve 5.24: generate() refuses a value after the stream has begun with a 200
            r"`\w+`(?: \(=[^)]{0,40}\))? (?:has to|must) be "
            r"(?:greater|(?:a |an )?(?:strictly |positive )*(?:float|int|dict))",
            r"stop string preprocessing was unable",
        ),
        frozenset({"unknown_parameter", "unsupported_parameter", "unsupported_value", "invalid_value"})
        | {"string_above_max_length", "missing_required_parameter", "invalid_type"},
    ),
    FailureClass(
        ErrorKind.WRONG_CLIENT,
        _words(
            r"official clients?",
            rf"\bonly\b.{{0,40}}{_OFFICIAL}.{{0,30}}clients?\b",
            rf"(?:restricted|limited|available) (?:only )?(?:to|for|in) .{{0,20}}{_OFFICIAL}.{{0,20}}clients?\b",
            rf"only (?:accepts|allows|serves|supports) requests from .{{0,20}}{_OFFICIAL}",
            r"client.{0,20}(?:is not|isn't|not) (?:allowed|authorized|authorised|supported|permitted)",
            r"(?:third[- ]party|unofficial|unsupported|non-codex) clients?\b",
            rf"please use (?:in |the |an? )?(?:latest )?{_OFFICIAL}",
            r"only authorized for use with claude code",
            rf"请(?:使用|通过|在).{{0,16}}{_OFFICIAL}.{{0,16}}(?:客户端|cli\b|中使用|中调用)",
            rf"(?:仅限?|只)(?:支持|允许|能|可|供|限|接受|对|在|向)?.{{0,24}}{_OFFICIAL}.{{0,16}}(?:客户端|cli|使用|访问|调用|请求)",
            r"(?:仅限?|只)(?:支持|允许|限).{0,16}客户端",
            rf"不(?:支持|允许|接受)(?:非|除).{{0,16}}{_OFFICIAL}",
            r"(?:不支持|禁止|拒绝|不允许|未授权的?)(?:的|使用)?(?:第三方|该|此|非官方|当前|您的|其他)?(?:的|使用的)?客户端",
            r"客户端.{0,8}(?:未授权|未被授权|不被允许|不允许|受限|校验失败|验证失败|不受支持|不支持)",
            r"非官方客户端",
        ),
        frozenset({"codex_access_restricted", "client_not_allowed", "client_validation_error", "client_restricted"})
        | {"claude_code_only", "codex_only"},
    ),
    FailureClass(
        ErrorKind.QUOTA,
        _words(
            r"(?:[今当本单每][日天周月]|时段|周期内?|(?<!上下文)窗口).{0,12}"
            r"(?:额度|限额|配额|用量|次数|费用|限制|上限|使用量)",
            r"(?:\d{1,3}|一|五|七|几) ?(?:个?小时|h|天).{0,8}(?:额度|限额|配额|用量|使用上限|费用)",
            r"(?:日|周|月)(?:费用|使用|消费|用量)?(?:限额|限制|额度|上限)",
            r"已?达到.{0,40}(?:限制|上限).{0,30}后?(?:重置|恢复|刷新)",
            r"(?:额度|限额|配额|次数|用量)[^。]{0,24}(?:明日|明天|次日|隔日|重置|刷新|恢复)",
            r"账[号户]池.{0,4}额度",
            r"(?:daily|weekly|monthly|hourly|5[- ]?h(?:our)?|session).{0,30}(?:limit|quota|usage|cap\b).{0,24}"
            r"(?:exceeded|reached|exhausted|used up|hit)",
            r"(?:exceeded|reached|exhausted|hit|used).{0,30}(?:daily|weekly|monthly|5[- ]?h(?:our)?) .{0,20}"
            r"(?:limit|quota|usage|cap\b)",
            r"usage limits?.{0,20}(?:reached|exceeded)",
            r"(?:hit|reached|exceeded) your .{0,24}usage limits?",
        ),
        frozenset({"usage_limit_reached", "usage_not_included", "quota_exceeded", "usage_limit_exceeded"})
        | {"daily_cost_limit_exceeded", "weekly_opus_cost_limit_exceeded", "weekly_cost_limit_exceeded"}
        | {"account_pool_usage_limit_reached", "entitlement_daily_limit_exceeded", "daily_limit_exceeded"}
        | {"weekly_limit_exceeded", "monthly_limit_exceeded", "1308", "1310", "1304"},
    ),
    FailureClass(
        ErrorKind.BILLING,
        _words(
            r"余额.{0,6}(?:不足|不够|已?用[尽完]|已?耗尽|为零|为0|过低)",
            r"(?:额度|配额|积分|点数|credits?|次数).{0,4}(?:不足|不够|已?用[尽完光]|已?耗尽|已?超限|已?透支)",
            r"(?:欠费|已?停机欠费)|请(?:前往.{0,10}|先|及时|尽快)?(?:充值|续费)|预扣费.{0,4}额度失败|用户剩余额度|无可用资源包",
            r"(?:订阅|套餐|会员|资源包).{0,6}(?:已?过期|已?到期|已?失效|未生效)",
            r"总费用(?:限制|上限)",
            r"quota is not enough|not enough (?:quota|balance|credits?)",
            r"insufficient (?:account |user |token )?(?:balance|credits?|funds)",
            r"(?:balance|credits?) .{0,28}(?:too low|insufficient|exhausted|depleted|run out|used up|not enough)",
            r"out of credits?|requires more credits|negative balance|payment required|in arrears",
            r"overdue[- ](?:payment|balance|bill)|failure to pay|(?:doesn't|does not|don't) have any credits",
            r"no active subscription|subscription (?:has |is )?(?:expired|inactive|not active|suspended)",
        ),
        frozenset({"insufficient_user_quota", "pre_consume_token_quota_failed", "billing_error", "1113", "1008"})
        | {"insufficient_balance", "insufficient_credits", "billing_hard_limit_reached", "billing_not_active"}
        | {"api_key_quota_exhausted", "total_cost_limit_exceeded", "entitlement_total_limit_exceeded", "1309"}
        | {"exceeded_current_quota_error", "arrearage", "accountoverdueerror", "subscription_not_found"}
        | {"entitlement_required", "entitlement_inactive", "insufficient_balance_error", "token_quota_exhausted"}
        | {"subscription_expired"},
    ),
    FailureClass(
        ErrorKind.PERMISSION,
        _words(
            r"(?:账[号户]|用户|组织|租户).{0,12}(?:封禁|封号|禁用|冻结|锁定|停用|注销)",
            r"(?:account|organi[sz]ation|user|project) .{0,24}"
            r"(?:banned|suspended|deactivated|disabled|not active|locked)",
        ),
        frozenset({"user_inactive", "user_disabled", "account_deactivated", "account_disabled", "1112"}),
    ),
    FailureClass(  # a place that the upstream does not serve: the next provider may be elsewhere, and the key is fine
        ErrorKind.PERMISSION,
        _words(
            r"\b(?:countr(?:y|ies)|regions?|territor(?:y|ies)|user location)\b.{0,40}"
            r"(?:not (?:supported|available|allowed|permitted|served|eligible)|unsupported|blocked|banned|restricted)",
            r"(?:unsupported|restricted|blocked|banned|forbidden) .{0,12}(?:country|region|territory|location)\b",
            r"(?:not|isn't|unavailable) .{0,24}(?:in|from) (?:your|this|the) (?:current )?"
            r"(?:country|region|territory|location|area)\b",
            r"(?:国家|地区|区域|地域).{0,12}(?:不支持|不可用|无法|禁止|受限|限制|未开放|不在)",
            r"(?:不支持|禁止|限制|未开放|无法在).{0,12}(?:国家|地区|区域|地域)",
        ),
        frozenset({"unsupported_country_region_territory", "unsupported_country_code", "unsupported_region"})
        | {"region_not_supported", "region_restricted", "geo_blocked"},
        scope=Scope.REQUEST,
        failover=Failover.ALWAYS,
    ),
    FailureClass(  # the model's own judgement of the request: any other way to it ends the same
        ErrorKind.CONTENT,
        _words(
            r"cyber[_ ]policy|content[_ ](?:management )?policy|usage polic(?:y|ies)|safety (?:system|reasons?)",
        ),
        frozenset({"cyber_policy", "content_policy", "content_policy_violation", "image_content_policy_violation"})
        | {"content_filter", "content_filtered", "responsibleaipolicyviolation", "moderation_blocked", "safety"}
        | {"violation_fee.grok.csam", "bio_policy"},
        failover=Failover.NEVER,
    ),
    FailureClass(  # a relay's, or its vendor's, list of words
        ErrorKind.CONTENT,
        _words(
            r"敏感|屏蔽词|违禁词|违规|内容(?:安全|审核|风险|审查)|不合规|涉黄|涉政|涉嫌违法|风控拦截",
            r"sensitive[_ ]words?|content (?:filter(?:ed|ing)?|moderation|exists risk)",
            r"safety filter|inappropriate content|prohibited content",
            r"(?:prompt|input|content|request|message).{0,60}(?:flagged|high risk)|flagged (?:as|for|by)",
        ),
        frozenset({"sensitive_words_detected", "prompt_blocked", "data_inspection_failed", "1301"})
        | {"1026", "1027", "content_moderation"},
    ),
    FailureClass(
        ErrorKind.RATE_LIMIT,
        _words(
            r"请求(?:次)?数.{0,4}限制|(?:请求|访问|操作|调用).{0,4}(?:频繁|频率|过快|太快|过多)|并发|限流|限速|速率",
            r"concurren(?:t|cy).{0,24}(?:limit|exceeded|requests)|queue (?:is )?full",
            r"too many (?:pending |concurrent )?requests",
            r"rate[- ]?limit(?:ed)?\b|error(?: code)?:? 1015\b|requests? too (?:frequent|fast)",
        ),
        frozenset({"token_concurrency_limit_reached", "concurrency_limit_exceeded", "too_many_requests"})
        | {"tokens_exceeded_error", "1302", "1303"},
    ),
    FailureClass(
        ErrorKind.FIREWALL,
        _words(
            r"just a moment|attention required|you have been blocked|checking your browser|verify you are human",
            r"enable javascript and cookies|performing security verification|ddos[- ](?:guard|protection)",
            r"your request (?:was|has been) blocked|error(?: code)?:? 10(?:0[6-9]|10|12|20)\b",
            r"used cloudflare to restrict access|web application firewall|\bwaf\b|incapsula|imunify360|\bsucuri\b",
            r"宝塔|防火墙|云锁|安全狗|(?:请求|访问|地址|ip).{0,6}被?(?:拦截|拉黑)",
        ),
    ),
    FailureClass(
        ErrorKind.MODEL_NOT_FOUND,
        _words(
            r"server is pinned to '[^']{1,200}'; requested '",  # transformers serve 5.24, started with one model
            r"无可用(?:的)?渠道|没有可用(?:的)?渠道(?!密钥)|(?:的)?可用渠道失败|无有效上游渠道",
            r"无权(?:访问|使用|调用)(?:任何|该|此|所选|当前)?模型",
            r"模型.{0,40}(?:不存在|未开通|不支持|未找到|已下线|已下架|无权|未上线|未启用)",
            r"(?:不支持|未开通|未找到|未知)(?:的|该|此|所选|当前|指定)*模型",
            r"no available channels?\b|no channels? available|model[_ ]not[_ ]found|(?:unsupported|unknown) model\b",
            r"no available accounts? .{0,20}support.{0,20}model|no available accounts?.{0,10}requested model",
            r"\bmodel\b.{0,80}(?:is not supported|not available|do(?:es not|esn't) exist|not found|no longer exists?)"
            r"|^model: [\w.:/@-]+(?:\n|$)",
            r"\bmodel (?:not supported|(?:is )?(?:unsupported|unavailable))\b"
            r"|not available (?:for|on|in|with) your (?:current )?(?:plan|account|subscription)",
            r"(?:does not support|not support|no access to|access to|not allowed to use|not authorized to use) "
            r"(?:the )?(?:requested |this )?model\b",
        ),
        frozenset(
            {"model_not_found", "unsupported_model", "model_not_supported", "invalid_model", "model_not_available"}
        )
        | {"modelnotfound", "model_price_error", "1211", "deploymentnotfound"},
    ),
    FailureClass(
        ErrorKind.PERMISSION,
        _words(
            r"(?:image generation|web ?search|tools?) (?:is|are) not (?:enabled|available)",
            r"image generation is not (?:allowed|permitted)",
            r"(?:图片|图像|绘图|联网|搜索).{0,8}(?:未开启|未启用|未开通)|未(?:开启|启用|开通)(?:图片|图像|绘图|联网)",
        ),
        scope=Scope.REQUEST,
        failover=Failover.ALWAYS,
    ),
    FailureClass(
        ErrorKind.PERMISSION,
        _words(
            r"无权(?:访问|使用|调用|进行).{0,24}|分组.{0,12}(?:禁用|停用|弃用|不存在|无权|不可用|未授权)|权限不足|无权限",
            r"group .{0,30}(?:disabled|not allowed|no permission|not permitted|denied|unavailable)",
            r"(?:no|without|lacks?|insufficient) permissions?\b|permission[_ ]denied",
        ),
        frozenset({"permission_denied", "group_not_allowed", "insufficient_permissions", "1220"}),
    ),
    FailureClass(
        ErrorKind.AUTHENTICATION,
        _words(
            r"无效的? ?(?:令牌|密钥|token\b|api ?-?key|秘钥)",
            r"(?:令牌|密钥|秘钥|api[-_ ]?key).{0,12}(?:无效|过期|不可用|禁用|不存在|错误|验证失败|失效|有误)",
            r"\btoken ?(?:状态)?已?被?(?:无效|过期|不可用|禁用|失效)",
            r"未(?:提供|携带|填写) ?(?:有效的?)? ?(?:令牌|token\b|api ?-?key|密钥)",
            r"(?:invalid|incorrect|missing|expired|wrong|unknown|no|revoked) (?:or \w+ )?(?:x-)?api[-_ ]?key",
            r"api[-_ ]?key.{0,24}(?:not valid|invalid|disabled|expired|required|not found|missing|revoked|incorrect)",
            r"(?:didn't|did not|must|please) provide an? (?:valid )?api[-_ ]?key",
            r"invalid (?:access|auth\w*|bearer|user) ?(?:key|token|header|credentials?)|^invalid token\b(?! ')",
            r"(?<!upstream )authentication (?:fails|failed|error)",
            r"token (?:has |is )?(?:been )?(?:expired|revoked|invalidated)",
        ),
        frozenset({"invalid_api_key", "api_key_required", "api_key_disabled", "api_key_expired", "incorrect_api_key"})
        | {"token_expired", "invalid_token", "unauthenticated", "2049"},
    ),
    FailureClass(
        ErrorKind.MAINTENANCE,
        _words(
            r"维护(?!人员|者|员)|升级中|系统升级|停机|停服|更新中",
            r"\bmaintenance\b|be(?:ing|en) (?:upgraded|updated) (?:now|at)|upgrade in progress|system upgrade",
        ),
        frozenset({"maintenance", "under_maintenance", "service_maintenance"}),
    ),
    FailureClass(
        ErrorKind.OVERLOADED,
        _words(
            r"负载(?:已经|已)?(?:达到上限|饱和|过高|较高|过大)|(?:无|没有)可用(?:的)?.{0,12}(?:账[号户]|渠道密钥|节点)|号池|账[号户]池",
            r"(?:系统|服务器?|模型|当前|上游).{0,6}(?:繁忙|过载|拥挤|拥堵)",
            r"算力不足|资源(?:紧张|不足)|服务(?:暂时|暂|当前)?不可用",
            r"no available .{0,30}accounts?\b|no (?:healthy|usable) accounts?|no available (?:key|provider)s?",
            r"all .{0,20}accounts? .{0,30}(?:unavailable|limited|exhausted)",
            r"(?:at|over) capacity|overloaded|server overload|temporarily unavailable|server is busy|high demand",
        ),
        frozenset({"channel:no_available_key", "no_available_accounts", "no_available_account", "1305"})
        | {"serveroverloaded"},
    ),
)

GENERIC: dict[str, ErrorKind] = {
    "context_length_exceeded": ErrorKind.CONTEXT_LENGTH,
    "context_too_large": ErrorKind.CONTEXT_LENGTH,
    "exceed_context_size_error": ErrorKind.CONTEXT_LENGTH,
    "model_context_window_exceeded": ErrorKind.CONTEXT_LENGTH,
    "rate_limit_exceeded": ErrorKind.RATE_LIMIT,
    "rate_limit_error": ErrorKind.RATE_LIMIT,
    "resource_exhausted": ErrorKind.RATE_LIMIT,
    "insufficient_quota": ErrorKind.QUOTA,
    "server_is_overloaded": ErrorKind.OVERLOADED,
    "slow_down": ErrorKind.OVERLOADED,
    "overloaded_error": ErrorKind.OVERLOADED,
    "overloaded": ErrorKind.OVERLOADED,
    "service_unavailable_error": ErrorKind.OVERLOADED,
    "service_unavailable": ErrorKind.OVERLOADED,
    "unavailable": ErrorKind.OVERLOADED,
    "engine_overloaded_error": ErrorKind.OVERLOADED,
    "authentication_error": ErrorKind.AUTHENTICATION,
    "permission_error": ErrorKind.PERMISSION,
    "not_found_error": ErrorKind.NOT_FOUND,
    "not_found": ErrorKind.NOT_FOUND,
    "request_too_large": ErrorKind.TOO_LARGE,
    "invalid_prompt": ErrorKind.INVALID_REQUEST,
    "vector_store_timeout": ErrorKind.TIMEOUT,
    "timeout": ErrorKind.TIMEOUT,
    "timeout_error": ErrorKind.TIMEOUT,
    "deadline_exceeded": ErrorKind.TIMEOUT,
    "internal_error": ErrorKind.API,
    "internal_server_error": ErrorKind.API,
}
"""Codes and types that are true as far as they go: a sentence knows better, the status does not."""

VAGUE: dict[str, ErrorKind] = {
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    "invalid_request": ErrorKind.INVALID_REQUEST,
    "invalid_argument": ErrorKind.INVALID_REQUEST,
    "bad_request": ErrorKind.INVALID_REQUEST,
    "badrequesterror": ErrorKind.INVALID_REQUEST,
    "api_error": ErrorKind.API,
    "server_error": ErrorKind.API,
}
"""Types that relays put on anything: the status knows better."""

_AGAIN_LATER = re.compile(r"稍后(?:再|重)试|稍候(?:再|重)试|请重试|稍后再来|please retry later", re.IGNORECASE)
_LATER = FailureClass(ErrorKind.OVERLOADED, _AGAIN_LATER)


def by_code(*words: str | None) -> FailureClass | None:
    """The row that lists one of these codes or types; the first word decides first."""
    for word in words:
        if word is not None:
            row = _ROW_OF_CODE.get(word.lower())
            if row is not None:
                return row
    return None


def by_sentence(text: str, param: str | None, in_request: InRequest) -> Verdict | None:
    """The first row with a sentence in ``text`` that is not the request's as well. ``param`` is the field that the
    error names: "… is not supported" is said of parameters as it is of models."""
    for row in TABLE:
        if row.kind is ErrorKind.MODEL_NOT_FOUND and param not in (None, "model"):
            continue
        for match in row.sentences.finditer(text):
            if is_own(match, in_request):
                return Verdict(row, match[0])
    return None


def retry_later(text: str, in_request: InRequest) -> Verdict | None:
    """ "请稍后再试" beside no other word: it stands beside most of them."""
    sentence = next((match[0] for match in _AGAIN_LATER.finditer(text) if is_own(match, in_request)), None)
    return None if sentence is None else Verdict(_LATER, sentence)


_ROW_OF_CODE = {code: row for row in reversed(TABLE) for code in row.codes}
