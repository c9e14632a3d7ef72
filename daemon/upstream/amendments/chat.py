"""The rules of the Chat wire: servers that put a conversation through a model's template, and makes with forms of their
own (DeepSeek, Kimi, Mistral, GLM, Groq, NIM).

Sources are public reports of 2024 to 2026, named where a wording is not the make's usual one.
"""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires.base import Change
from daemon.wires.openai_chat import WIRE, message_changes, request_changes

_CHAT: Final = frozenset({WIRE.name})

_SYSTEM_FIRST: Final = (
    r"system (?:messages?|prompts?|role) (?:must|should|can only|has to|may only|needs to) "
    r"(?:be|appear|come|stand|only be)"
    r".{0,20}(?:beginning|start|first)",  # Qwen in vLLM, llama.cpp, LM Studio, mlx
    r"(?:only )?(?:the )?first message (?:can|may|must|should) (?:only )?(?:be|have)[\w ]{0,12} ['\"`]?system",
    r"(?:only one|multiple|more than one|at most one|a single|duplicate) ['\"`]?system['\"`]? (?:message|prompt|role)",
    r"unexpected role ['\"`]?(?:system|developer)['\"`]? after",  # mistral-common
    r"only user, assistant,? and tool roles are supported",  # Ministral 3, Devstral (opencode#5034)
    r"system['\"`]? (?:role|messages?) (?:is|are) (?:only )?(?:supported|allowed) (?:only )?(?:at|as) the "
    r"(?:start|beginning|first)",
    r"(?:system|系统)\s?(?:消息|message|提示词?|角色).{0,8}(?:必须|只能|应).{0,8}(?:首|第一|开头|最前)",
)
_INVALID_SYSTEM: Final = (
    r"invalid message role:? ['\"`]?system",  # MiniMax, of a later one
    r"invalid chat setting",  # MiniMax, of two (openclaw#19386)
)
_ROLES_ALTERNATE: Final = (
    r"roles? (?:must|should|need to) (?:be )?alternat",  # Gemma, Mistral, Llama 2 templates
    r"messages?(?:\(s\))? (?:must|should) (?:be )?alternat",  # Perplexity
    r"must alternate between ['\"`]?(?:user|human)",
    # Mistral
    r"unexpected role ['\"`]?(?:user|assistant)['\"`]? after(?: role)? ['\"`]?(?:tool|user|assistant|system)",
    r"(?:consecutive|successive|two|multiple) ['\"`]?(?:user|assistant|same[- ]role)['\"`]? (?:messages|turns|roles)",
    r"expected (?:next|first|last)? ?roles? .{0,40}but got ['\"`]?(?:user|assistant)",
    r"first (?:non-system )?(?:message|turn|role)[\w ]{0,16} (?:must|should) (?:be|have|come)[\w ]{0,12} ['\"`]?user",
    r"(?:conversation|messages) must (?:start|begin) with a ['\"`]?user",
    r"cannot have 2 or more assistant messages",  # llama.cpp, Ollama
)
_USER_LAST: Final = (
    r"expected last role .{0,80}but got ['\"`]?assistant",  # Mistral
    # Copilot, Claude behind Chat
    r"(?:must|should|has to) end with a ['\"`]?(?:user|human)['\"`]? (?:message|turn|role)",
    r"last message (?:must|should|has to) (?:be|have|come)[\w ]{0,16} ['\"`]?(?:user|human|tool)",
    r"cannot set .?add_generation_prompt.? to true when the last message is from the assistant",  # vLLM
    r"prefill(?:ing)? is (?:incompatible|not supported|not allowed)|(?:not support|unsupported)[\w ]{0,12} prefill",
    r"no user (?:query|message) found",  # Qwen 3.5
    r"at least one (?:message (?:with|of|from) .{0,8})?['\"`]?user['\"`]?(?: role)?(?: message)?",
    r"cannot have 2 or more assistant messages",
)
_NO_SYSTEM: Final = (
    r"role['\"`]? does not support ['\"`]?system",  # OpenAI's o1-mini
    # Gemma 2
    r"system role (?:is )?not supported|system['\"`]? (?:role|messages?|prompts?) (?:is|are) (?:not |un)supported",
    r"only ['\"`]?user['\"`]?,?(?: and)? ['\"`]?(?:assistant|model)['\"`]?"
    r"(?:,? and ['\"`]?tool['\"`]?)? roles are supported",
    r"does not support (?:the )?['\"`]?system['\"`]? (?:role|message|prompt|instruction)",
    r"developer instruction is not enabled",  # Gemma at Google
    r"unknown variant ['\"`]?system\b",
    r"role ['\"`]?system['\"`]? is (?:not |un)(?:supported|allowed)",
)
_NO_DEVELOPER: Final = (
    r"role['\"`]? does not support ['\"`]?developer",
    r"unknown variant ['\"`]?developer\b",  # DeepSeek
    r"['\"`]?developer['\"`]? is not one of",  # DashScope
    r"(?:invalid|unknown|unsupported|unexpected|unrecognized) (?:message )?(?:role|value):? ?['\"`]?developer\b",
    r"developer['\"`]? (?:role|messages?) (?:is|are) (?:not |un)(?:supported|allowed|permitted)",
    r"role:? ['\"`]?developer['\"`]? is (?:not |un)(?:supported|allowed|valid|recognized)",
    r"does not support (?:the )?['\"`]?developer\b",
    r"unexpected message role\.?$",  # Qwen's template (halogen-server#3)
    r"input should be 'system', 'user', 'assistant'|must be one of:?"
    r" ['\"`\[]*system['\"`]?, ['\"`]?user['\"`]?, ['\"`]?assistant",
)
_TOOLS_AS_TEXT: Final = (
    r"only ['\"`]?user['\"`]?(?:, ['\"`]?(?:system)['\"`]?)?,? and ['\"`]?"
    r"(?:assistant|model)['\"`]? roles are supported",
    r"(?:role ['\"`]?tool['\"`]?|tool['\"`]? (?:role|messages?)) (?:is|are) (?:not |un)(?:supported|allowed|permitted)",
    r"(?:does not|doesn't) support (?:the )?['\"`]?tool['\"`]? (?:role|messages?)",
    r"unknown variant ['\"`]?tool['\"`]?,",
)
_REASONING: Final = (
    r"\b(reasoning(?:_content)?)\b['\"`]?(?: field)? in (?:the )?thinking mode must be passed back",  # DeepSeek, MiMo
    r"reasoning content in the thinking mode must be passed back()",
    r"missing ['\"`]?(reasoning(?:_content)?)\b",
    r"['\"`]?\b(reasoning(?:_content)?)\b['\"`]?(?: field)? (?:is|are) (?:missing|required|mandatory|empty)",  # Kimi
    r"['\"`]?\b(reasoning(?:_content)?)\b['\"`]?(?: field)? (?:must|should|has to|cannot|can ?not) (?:not )?be"
    r" (?:passed|returned|included|provided|present|set|sent|replayed|preserved|non-?empty|empty|null|blank|missing)",
    r"(?:requires?|include|provide|pass|return|expected?) (?:the |a |an )?"
    r"(?:original |non-empty )?['\"`]?(reasoning_content)\b",
    r"must (?:include|have|contain|carry|provide) (?:the |a )?(?:non-empty )?['\"`]?(reasoning(?:_content)?)\b",
    r"(reasoning_content)['\"`]?\s?(?:字段)?(?:缺失|必须|不能为空|为必填)",
    r"(?:缺少|必须(?:回传|返回|传入|携带|包含)|需要(?:回传|传入)).{0,6}(reasoning_content)",
)
_SIGNATURE: Final = (
    r"missing (?:a |the )?['\"`]?thought[_ ]?signature",  # Gemini 3 (openclaude#583, paws#103)
    r"thought[_ ]?signature['\"`]? (?:is|are) (?:missing|required)",
)
_NULL_CONTENT: Final = (
    r"['\"`]content['\"`]? ?(?:field)? must be a string or an array",  # LM Studio
    r"content.{0,60}(?:got|received|but was|found) ['\"`]?(?:null|none|nil)\b",
    r"invalid type: null, expected",  # serde
    r"none is not of type ['\"`]?string",
    r"missing field ['\"`]?content\b",
    r"['\"`]?content['\"`]? is (?:a )?(?:required|missing)|field required[^\n]{0,80}content|content: field required",
    r"content['\"`]?(?: field)? (?:cannot|can ?not|must not|should not|may not) be (?:null|none|nil|missing)",
    r"null (?:value )?(?:is )?not (?:allowed|permitted|supported)[\w ]{0,20}content|null content",
    r"content\b[^\n]{0,40}: input should be a valid (?:string|list)",  # pydantic
    r"(?:input should be a valid string|string_type)[^\n]{0,200}content|content[^\n]{0,200}string_type",
)
_EMPTY_CONTENT: Final = (
    r"string should have at least 1 character",  # NIM (n8n#21056)
    r"content['\"`]? field that is not empty",  # LM Studio
    r"content['\"`]?(?: field| block)?s? ?(?:in [\w .\[\]]{0,40} )?"
    r"(?:cannot|can ?not|must not|should not|may not) be (?:an )?empty",
    r"content(?: block)?s? must (?:be non-?empty|contain|have at least|not be empty)",
    r"content field[^\n]{0,60} is empty",  # Bedrock
    r"non-?empty (?:string |text )?content|content[\w ]{0,20} (?:is|was) empty|empty (?:string )?content",
    r"must have either ['\"`]?content['\"`]? or ['\"`]?tool_calls",  # Mistral
    r"content\s?和\s?tool_calls.{0,8}不能同时为空|content.{0,6}不能为空|内容不能为空",  # GLM, DashScope
    r"content\b[^\n]{0,60}at least 1 character",
    r"message at position \d+ with role ['\"`]?\w+['\"`]? must not be empty",  # Kimi (kimi-code#1985)
)
_TEXT_BESIDE_CALLS: Final = (
    r"either ['\"`]?content['\"`]? or ['\"`]?tool_calls['\"`]?,? (?:but )?not both",  # Mistral
    r"(?:text )?content is not allowed when ['\"`]?tool_calls",  # Cohere (vercel/ai#5794)
)
_LIST_CONTENT: Final = (
    r"content as (?:a list|an array) is only supported",  # NIM
    # Groq
    r"content['\"`]?(?: field)?s?(?: value)? (?:must|should|has to|needs to) be (?:a )?(?:valid |plain )?"
    r"(?:string|text|str)\b(?! or)",
    r"content['\"`]? : value must be a string",
    r"expected (?:a )?string.{0,60}(?:got|but|instead)[\w ]{0,12} (?:an? )?(?:array|list|sequence)",  # OpenAI, IONOS
    r"invalid type: sequence, expected a string",
    r"cannot unmarshal array into go (?:struct field|value)[^\n]{0,80}string",
    r"unknown content type",
    r"can only concatenate str \(not .{0,3}list.{0,3}\) to str",  # llama-cpp-python
    r"content\b[^\n]{0,40}: input should be a valid string|is not of type ['\"`]?string['\"`]?[^\n]{0,40}content",
    r"(?:input should be a valid string|string_type)[^\n]{0,200}content|content[^\n]{0,200}string_type",
    r"(?:does not|doesn't) support (?:an? )?(?:array|list)[\w -]{0,12} content|content[\w ]{0,12}"
    r"(?:array|list)s? (?:is|are) not",
    r"invalid type for ['\"`]?messages(?:\[\d+\])?(?:\.content)?['\"`]?: expected",
)
_WORD_OF_TOOL_CHOICE: Final = (
    r"invalid tool_choice type: ['\"`]object",  # LM Studio (lmstudio-bug-tracker#670, oh-my-pi#6925)
    r"tool_choice['\"`]? (?:must|should) be (?:a )?(?:string|one of)",
    r"tool_choice['\"`]?:? input should be (?:a valid string|['\"`](?:none|auto|required)['\"`])",
)
_ONE_CALL: Final = (
    r"only supports? (?:a )?single tool[- ]calls?",  # Llama 3 (vllm#25108, vllm#12938)
    r"(?:does not|doesn't) support (?:multiple|parallel) tool[- ]calls?\b",
    r"(?:multiple|parallel) (?:tool|function)[- ]calls? (?:is|are)? ?(?:not |un)(?:supported|implemented|allowed)",
)
_CALL_IDS: Final = (
    r"(?:tool_call_id|tool_calls?\S{0,24}\bid)\b.{0,160}?contains? (letters, numbers, underscores)",
    r"tool[_ ]call[_ ]ids?\b.{0,200}?must be.{0,30}(length of \d{1,2})\b",  # Mistral, vLLM, omlx
    r"(?:tool_call_id|tool_calls?\S{0,24}\bid)\b.{0,160}?(maximum length \d{2,3}|at most \d{2,3})",  # OpenAI
    r"(?:tool_call_id|tool_calls?\S{0,24}\bid|tool_use\S{0,8}\.id)\b.{0,120}?pattern:?"
    r" ['\"`]?(\^\[a-zA-Z0-9_-\]\S{1,3}\$)",
    r"(?:tool_call_id|tool_calls?\S{0,24}\bid)\b.{0,120}?(?:begins?|starts?) with ['\"`]?([a-z]{2,12}_)",
)


def _rule(name: str, change: Change, *refusals: str, loses_content: bool = False) -> AmendmentRule:
    return AmendmentRule(
        name=name,
        wires=_CHAT,
        change=change,
        refusals=Sentences(*refusals),
        loses_content=loses_content,
    )


RULES: Final[tuple[AmendmentRule, ...]] = (
    # --- turns ---
    _rule("developer is system", request_changes.no_developer_role, *_NO_DEVELOPER),
    _rule("system first", request_changes.system_first, *_SYSTEM_FIRST, *_INVALID_SYSTEM),
    _rule("no system message", request_changes.no_system_role, *_NO_SYSTEM, *_INVALID_SYSTEM[:1]),
    _rule("roles alternate", request_changes.alternating, *_ROLES_ALTERNATE),
    _rule("begun answer is a prefix", request_changes.assistant_prefix, r"assistant with prefix true"),
    _rule("user has the last word", request_changes.user_last, *_USER_LAST),
    _rule(
        "tool turns are text", request_changes.tools_as_text, *_TOOLS_AS_TEXT, *_ROLES_ALTERNATE[:1], loses_content=True
    ),
    # --- what a message holds: what is likelier to help comes first, the other one after another refusal ---
    _rule("reasoning placeholder", message_changes.blank_reasoning, *_REASONING),
    _rule("empty reasoning placeholder", message_changes.empty_reasoning, *_REASONING),
    _rule("worded reasoning placeholder", message_changes.worded_reasoning, *_REASONING),
    _rule("signed calls", message_changes.signed_calls, *_SIGNATURE),
    _rule("calls without text", message_changes.calls_without_text, *_TEXT_BESIDE_CALLS, loses_content=True),
    _rule("empty content for null", message_changes.empty_content, *_NULL_CONTENT),
    _rule("null content for empty", message_changes.null_content, *_EMPTY_CONTENT),
    _rule("blank content", message_changes.blank_content, *_NULL_CONTENT, *_EMPTY_CONTENT),
    _rule("content is a string", message_changes.text_content, *_LIST_CONTENT),
    _rule("one call at a time", request_changes.one_call_at_a_time, *_ONE_CALL),
    _rule("call ids", message_changes.call_ids, *_CALL_IDS),
    _rule("tool choice in a word", message_changes.tool_choice_in_a_word, *_WORD_OF_TOOL_CHOICE),
    _rule(
        "tool choice is free",
        message_changes.automatic_tool_choice,
        r"support the provided ['\"`]tool_choice['\"`] value",  # OpenRouter (zed#36094, infiAgent#19)
    ),
)
