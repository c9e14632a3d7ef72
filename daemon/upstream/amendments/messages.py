"""The rules of the Messages wire: third-party servers, clouds behind relays, Anthropic's older and newer models.

Sources of the sentences: platform.claude.com (2026-11), and public reports, by repository and number.
"""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires.anthropic_messages import WIRE, beta_header
from daemon.wires.anthropic_messages import request_changes as changes
from daemon.wires.anthropic_messages import thinking_changes as thinking

_MESSAGES: Final = frozenset({WIRE.name})

_NO: Final = r"(?:is|are) (?:not |un)(?:allowed|supported|permitted|available|accepted|valid)"
_Q: Final = r"['\"`\\]{0,4}"

_SYSTEM_ROLE: Final = (
    rf"unknown variant {_Q}system{_Q}, expected {_Q}(?:user|assistant)",  # DeepSeek: awesome-deepseek#639, Qwen#2244
    rf"(?:invalid|unexpected|unsupported|unknown)(?: message)? role:? {_Q}system\b",  # MiniMax-M2.7#43, ChainForge#271
    rf"\brole:? {_Q}system{_Q} {_NO}",  # claude-code#61412
    rf"\bsystem{_Q} (?:messages?|roles?) {_NO}",
    rf"messages\W+\d+\W+role.{{0,60}}?input should be {_Q}(?:user|assistant)",  # pydantic: Anthropic, Bedrock
    rf"literal_error.{{0,80}}messages.{{0,40}}role.{{0,80}}input should be {_Q}(?:user|assistant)",  # GLM-5#74
    rf"\brole must be (?:one of|either)?:? ?\W*{_Q}(?:user|assistant)",
    r"system messages? must (?:be|come|appear|stand) (?:at the beginning|first)",  # Qwen's template: claude-code#77698
    r"(?:conversation )?roles must alternate.{0,20}user/assistant",  # templates of Llama and Mistral
    r"only user(?:,| and|/) ?(?:assistant|model) roles",
)
_ADAPTIVE: Final = (
    rf"\badaptive{_Q}(?: thinking)? {_NO}",  # claude-code#33506, OmniRoute#1563, llm-gateway#1908
    rf"thinking\.(?:type\.)?adaptive{_Q} {_NO}",
    rf"input tag {_Q}adaptive{_Q} found",  # new-api#3039, cc-switch#29531
    rf"unknown variant {_Q}adaptive",
    rf"(?:invalid|unsupported|unexpected|unknown)[^\n]{{0,60}}?{_Q}adaptive\b",
    r"invalid thinking: only type=enabled",  # Kimi-K2#141
    rf"thinking\.?{_Q}?type{_Q}.{{0,60}}(?:must|should) be (?:one of )?\W*{_Q}(?:enabled|disabled)",
    r"does not support adaptive thinking",
    r"unsupported thinking type",  # Volcano: models.dev#5518
)
_ENABLED: Final = (
    rf"thinking\.type\.enabled{_Q} {_NO}",  # hermes-agent#11137, vscode#311862
    rf"input tag {_Q}enabled{_Q} found",
    rf"unknown variant {_Q}enabled{_Q}, expected.{{0,40}}adaptive",
    rf"(?:manual|extended|budgeted) (?:extended )?thinking {_NO}",
    rf"\bbudget_tokens{_Q} {_NO}",
    rf"\bbudget_tokens{_Q} (?:is|are) (?:no longer|deprecated)",
    r"use adaptive thinking",
)
_DISABLED: Final = (
    rf"thinking\.type\.(?:disabled|between_tools){_Q} {_NO}",  # platform.claude.com: what's new in Opus 5.5
    rf"input tag {_Q}(?:disabled|between_tools){_Q} found",
    r"invalid thinking: only type=enabled",
    r"thinking (?:cannot|can't|can not) be (?:disabled|turned off|switched off)",
)
_NO_THINKING: Final = (
    rf"thinking{_Q} (?:mode )?{_NO}",
    r"does not support (?:extended )?thinking",
    r"thinking: extra inputs are not permitted",
)
_BETA: Final = r"[\w-]+-20\d\d-\d\d-\d\d"
_BETAS: Final = rf"{_BETA}(?:\W{{1,5}}(?:and )?\W?{_BETA})*"

_KINDS: Final = "|".join(changes.REPLACED)

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(
        name="system messages as text",
        wires=_MESSAGES,
        change=changes.system_as_text,
        refusals=Sentences(*_SYSTEM_ROLE),
    ),
    # --- how thinking is asked for ---
    AmendmentRule(
        name="thinking with a budget",
        wires=_MESSAGES,
        change=thinking.budgeted_thinking,
        refusals=Sentences(*_ADAPTIVE),
    ),
    AmendmentRule(
        name="adaptive thinking",
        wires=_MESSAGES,
        change=thinking.adaptive_thinking,
        refusals=Sentences(*_ENABLED),
    ),
    AmendmentRule(
        name="thinking between tools",
        wires=_MESSAGES,
        change=thinking.thinking_between_tools,
        refusals=Sentences(rf"thinking\.type\.disabled{_Q} {_NO}.{{0,80}}between_tools"),
    ),
    AmendmentRule(
        name="thinking left on",
        wires=_MESSAGES,
        change=thinking.thinking_left_on,
        refusals=Sentences(*_DISABLED),
    ),
    AmendmentRule(
        name="budget below max_tokens",
        wires=_MESSAGES,
        change=thinking.budget_below_limit,
        refusals=Sentences(
            rf"max_tokens{_Q} must be (?:greater|larger|more) than {_Q}(?:thinking\.)?budget_tokens",
            rf"budget_tokens{_Q} must be (?:less|smaller|lower) than {_Q}max_tokens",
        ),
    ),
    AmendmentRule(
        name="a forced tool without thinking",
        wires=_MESSAGES,
        change=thinking.forced_tool_instead,
        refusals=Sentences(
            r"thinking may not be enabled when tool_choice forces",  # platform.claude.com: thinking with tools
            rf"tool_choice{_Q}.{{0,60}}(?:incompatible|not compatible|cannot be used|not supported) (?:with|in|when) "
            r"(?:extended )?thinking",
        ),
    ),
    AmendmentRule(
        name="no forced tool",
        wires=_MESSAGES,
        change=thinking.free_tool_choice,
        refusals=Sentences(
            r"tool_choice: type \W*(?:tool|any)\W.{0,20} (?:is|are) not supported",  # oh-my-pi#12939, cookbooks#854
            rf"forced tool (?:use|choice) {_NO}",
        ),
    ),
    AmendmentRule(
        name="a round without thinking",
        wires=_MESSAGES,
        change=thinking.no_thinking_in_the_middle,
        refusals=Sentences(
            rf"expected {_Q}thinking{_Q}(?: or {_Q}redacted_thinking{_Q})?, but found",  # Antigravity-Manager#139
            r"must start with a thinking block",
            r"first block must be \W*thinking",  # claude-code#20705
        ),
    ),
    # --- earlier thinking ---
    AmendmentRule(
        name="no empty thinking",
        wires=_MESSAGES,
        change=changes.without_empty_thinking,
        refusals=Sentences(
            rf"each {_Q}thinking{_Q} block must contain {_Q}thinking",
            r"thinking\.thinking: field required",
            rf"thinking{_Q} (?:blocks?|content|text|field) (?:must|can ?not) (?:not )?be (?:non-)?(?:empty|blank)",
            r"thinking\.thinking: string should have at least 1",
        ),
    ),
    AmendmentRule(
        name="no unsigned thinking",
        wires=_MESSAGES,
        change=changes.without_unsigned_thinking,
        refusals=Sentences(
            rf"\bsignature{_Q}: field required",  # langchain#29971
            rf"thinking.{{0,60}}(?:missing|without|requires)(?: field| a)? {_Q}signature",
            rf"missing field {_Q}signature",
        ),
    ),
    AmendmentRule(
        name="thinking before each call",
        wires=_MESSAGES,
        change=changes.with_thinking_before_calls,
        refusals=Sentences(
            rf"content\[\]\.thinking{_Q} in the thinking mode must be passed back",  # DeepSeek: 9router#2397, aether#31
            rf"reasoning_content{_Q} in the thinking mode must be passed back",  # new-api#4806
            rf"\breasoning_content{_Q} (?:is missing|field) in (?:the )?assistant",  # Kimi: cc-switch#3377, 9router#355
        ),
    ),
    # --- effort and sampling ---
    AmendmentRule(
        name="effort with thinking off",
        wires=_MESSAGES,
        change=thinking.less_effort_without_thinking,
        refusals=Sentences(r"not supported when thinking is disabled"),  # claude-code#81084
    ),
    AmendmentRule(
        name="no effort",
        wires=_MESSAGES,
        change=thinking.no_effort,
        refusals=Sentences(
            r"does not support (?:the |reasoning )?effort(?! level)",  # platform.claude.com; copilot-api#286
            rf"(?:reasoning )?effort{_Q}(?: parameter)? {_NO}(?! when)",
            r"output_config(?:\.effort)?: extra (?:inputs|fields) (?:are )?not permitted",
            rf"(?:unknown|unsupported|unrecognized|unexpected) (?:parameter|field|argument)s?:? {_Q}output_config",
            r"output_config.{0,40}extra_forbidden|extra_forbidden.{0,80}output_config",
        ),
    ),
    AmendmentRule(
        name="no thinking",
        wires=_MESSAGES,
        change=thinking.no_thinking,
        refusals=Sentences(*_NO_THINKING, *_ADAPTIVE, *_ENABLED),
    ),
    # --- the shape of the conversation ---
    AmendmentRule(
        name="turns that alternate",
        wires=_MESSAGES,
        change=changes.alternating_turns,
        refusals=Sentences(
            r"roles must alternate",
            rf"first message must (?:use|have|be|come).{{0,20}}{_Q}user",
            r"must (?:start|begin) with a user (?:message|turn)",
        ),
    ),
    AmendmentRule(
        name="the last word to the user",
        wires=_MESSAGES,
        change=changes.last_word_to_the_user,
        refusals=Sentences(
            r"does not support assistant message prefill",  # platform.claude.com: Opus 4.6
            r"(?:conversation|messages?) must end with a user (?:message|turn)",
        ),
    ),
    # --- what a server does not know ---
    AmendmentRule(
        name="without blocks of the type",
        wires=_MESSAGES,
        change=changes.without_blocks_of,
        refusals=Sentences(
            rf"(?:input tag|unknown variant|(?:unknown|unsupported|invalid) (?:content )?(?:block )?type):? "
            rf"{_Q}({_KINDS})\b",
            rf"\b({_KINDS}){_Q}(?: (?:content )?(?:blocks?|type))? {_NO}",  # claude-code#28870 #25212
        ),
    ),
    AmendmentRule(
        name="without the beta",
        wires=_MESSAGES,
        headers=beta_header.without_betas,
        refusals=Sentences(
            rf"unexpected value\(s\) {_Q}({_BETAS}){_Q} for the {_Q}anthropic-beta",  # Vertex: new-api#2975, ai#10981
            rf"\bbeta\b[^.]{{0,60}}?\b({_BETAS})",
            rf"\b({_BETAS})\W[^.]{{0,60}}?\bbeta\b",
            r"(long context) beta is not",
            r"(?:invalid|unsupported|unknown) (?:anthropic[- _])?beta(?:s|[- _](?:flag|header|value|feature)s?)?\b",
            r"unexpected value\(s\)[^.]{0,200} for the \W*anthropic-beta",
        ),
    ),
)
