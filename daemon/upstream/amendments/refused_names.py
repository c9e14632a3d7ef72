"""Which parameter a refusal means, in whatever words and spelling.

What stands in quotation marks may be a value: where an upstream says ``'adaptive' is not supported``, nothing is called
so. A name that is found wrongly costs one more request: what is remembered is only what has helped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.rule import Sentences, matches
from daemon.wires.failures.own_words import InRequest, is_own, is_repeated

_MEANINGFUL: Final = frozenset(
    {
        "model",
        "input",
        "messages",
        "system",
        "instructions",
        "prompt",
        "tools",
        "stream",
        "previous_response_id",
        "conversation",
        "thread",
        "response_format",
        "text",
        "text.format",
        "output_config",
        "output_config.format",
    }
)
_CONTENT: Final = frozenset({"input", "messages", "system", "tools", "response_format"})
"""What no field is left out of either."""

_ALSO_CALLED: Final = {word: "reasoning_effort" for word in ("think", "effort", "thinking_level")}
_SAME: Final = (
    ("reasoning_effort", "reasoning.effort", "output_config.effort"),
    ("thinking", "reasoning", "reasoning_effort"),
    ("verbosity", "text.verbosity"),
    ("stop", "stop_sequences"),
)
"""What one upstream may call by the name of another wire."""

READ: Final = 1000
"""Characters of a refusal that are searched for what it refuses."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z0-9_]{1,64})?")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACE: Final = re.compile(r"^(?:body|request|root|params?)\.", re.IGNORECASE)
_CODES: Final = frozenset({"unsupported_parameter", "unknown_parameter", "unsupported_value", "unrecognized_parameter"})
_NOT_TAKEN: Final = re.compile(
    r"\b(?:not|\w+n't|no longer) (?:\w+ )?"
    r"(?:supported|support|allowed|permitted|recogni[sz]ed|accept|accepted|available)\b"
    r"|\bnot a valid|\bcannot be set|\bnot have additional"
    r"|\bun(?:supported|known|recogni[sz]ed|expected)\b|extra (?:inputs|fields|key)|deprecated|only the default"
    r"|不支持|仅支持|未知",
    re.IGNORECASE,
)
"""Words beside which the parameter that an error names is the refused one."""

_WORDS: Final = re.findall(
    r"\w+",
    "adaptive enabled disabled required auto none any tool function default minimal low medium high xhigh max ultra"
    " json_object json_schema json text image image_url input_image audio video file developer system user assistant"
    " true false null",
)
"""Words that stand for a value where they are quoted alone."""

_VALUE_OF: Final = re.compile(
    r"(?:value|role|type|mode|level|effort|format|choice|model|variant|tag|feature|endpoint)s?[:=]? ?$", re.IGNORECASE
)
"""What stands before a quoted word that is a value."""

_INSIDE: Final = re.compile(r"\b(?:messages|input|tools)['\"`]?[./\[]\d[^;\n]{0,80}$")
"""What stands before the name of a field that is inside a message or a tool."""

_N: Final = r"(?<!\w)([a-zA-Z][\w.]{0,127})"
_Q: Final = r"['\"`\\\[({]{0,4}"
_E: Final = r"['\"`\\\])}]{0,4}"
_EFFORT: Final = r"reasoning[ _.]effort|effort|thinking[ _]level"
_SAMPLING: Final = r"temperature|top_p|top_k|\w+_penalty"
_NOUN: Final = r"(?:parameter|param|field|argument|option|property|key|input)(?:s|\(s\))?"
_NEVER: Final = (
    r"(?:is|are) (?:currently )?(?:not (?:yet )?(?:supported|allowed|permitted|accepted)|unsupported|deprecated)"
)
_OF_A_VALUE: Final = Sentences(
    # a parameter that is refused for what it says
    rf"\b([a-z][a-z0-9]*_\w{{1,64}}(?:\.\w{{1,64}})?){_E}[:=]? {_Q}(?:{'|'.join(_WORDS)}){_E} {_NEVER}",
    rf"{_N}{_E} parameter does not support being set to",
    rf"does(?: not|n't) support this {_Q}(tool_choice)\b",
    rf"\b(tool[_ ]choice){_E}(?:[:=]? {_Q}\w+{_E})? "
    rf"(?:(?:is )?(?:incompatible|not compatible)|can ?not be|must be|{_NEVER})",
    rf"\b({_EFFORT}){_E}[:=]? {_Q}(?:{'|'.join(_WORDS)}){_E} (?:{_NEVER}|not allowed)",
    rf"invalid (?:value for )?{_Q}({_EFFORT})\b",
    rf"\b({_SAMPLING}){_E}[^\n.]{{0,40}}? (?:(?:must|should|can only) be|range)\b(?![^\n]*unset)",
    rf"\brange of ['\"`]?({_SAMPLING})\b",
    rf"\b(think) value {_Q}\w+{_E} {_NEVER}",  # Ollama
    r"tools cannot be used with ([a-z][a-z_.]+) ['\"`]",  # the web search of gpt-5, of the effort "minimal"
)
_PARAMETERS: Final = Sentences(
    r"unexpected fields in the request: \{['\"]([\w.]{1,128})",  # transformers serve 5.24: one of a set
    rf"(?:unsupported|unknown|unrecognized|unexpected|extraneous)(?: request| keyword| body)? {_NOUN}"
    rf"(?: in object| supplied)?:? {_Q}{_N}\b(?!\[|['\"\\]* at )",
    rf"unknown name {_Q}{_N}\b(?!['\"\\]* at )",
    rf"(?:^|#/){_Q}{_N}{_E}: extra (?:inputs|fields) (?:are )?not permitted",
    rf"extra inputs are not permitted, field: {_Q}{_N}",
    r"extra_forbidden[^\]]*?loc\W+body\W+([\w.]{1,128})",
    rf"invalid {_Q}{_N}{_E}:? only [\d.]+ is allowed",  # Kimi
    rf"{_N}{_E} may only be set to",
    r"['\"`]([\w.]{1,128})['\"`] parameter is only allowed when",  # OpenAI's Chat API, of metadata without store
    rf"{_N}{_E} must be [^\n]{{0,60}}\bunset\b",
    r"\b(thinking) (?:may|can) ?not be enabled",
    rf"temperature{_E} and {_Q}(top_p){_E} cannot both",
    rf"additional properties are not allowed \({_Q}{_N}",
    rf"property {_Q}{_N}{_E} should not exist",
    rf"(?:argument|parameter) not supported on this model: {_Q}{_N}",
    rf"['\"`]([\w.]{{1,128}})['\"`] (?:parameter|argument|field|option) {_NEVER}",
    rf"\b(thinking|reasoning) {_NEVER}|does(?: not|n't) support (thinking|reasoning)\b(?![ _]\w)",
    rf"(?:parameter|property|argument|field|option) {_Q}{_N}{_E} (?:(?:is|are) )?"
    r"(?:not (?:supported|allowed|permitted|recogni[sz]ed)|unsupported|unknown)",
    rf"does(?: not|n't) support (?:the )?(?:parameters?|arguments?|fields?|options?):? {_Q}{_N}",
    rf"does(?: not|n't) support (?:the )?{_Q}{_N}{_E} (?:parameter|argument|field|option)\b",
    r"does(?: not|n't) support (?:the )?([a-z][a-z0-9]*_\w{1,64})\b",
    rf"the parameter {_Q}{_N}{_E} specified in the request (?:is|are) not (?:valid|supported)",  # Volcano
    r"invalid (?:parameter|argument|field)s?:? ['\"`]([\w.]{1,128})['\"`]",
    r"tools with ([a-z][a-z_.]+) are not supported",  # OpenAI's Chat API of gpt-5.4 and later, of the effort
    rf"(?:^|[.:;,] |\bparameter )"
    rf"([a-z][a-z0-9]*_\w{{1,64}}|store|stop|seed|user|metadata|temperature|verbosity|truncation|thinking) {_NEVER}",
    rf"(?:不支持|未知|无效)的?参数[:： ]*{_Q}{_N}",
    rf"参数 ?{_Q}{_N}{_E} ?(?:不支持|不被支持|无效|不合法|非法)",
    rf"{_N}{_E} ?参数(?:不支持|不被支持|非法|有误|错误|无效)",
)
_KNOWN: Final = re.compile(
    r"(?<![\w.])(temperature|top_?p|top_?k|min_p|seed|stop|store|metadata|logprobs|verbosity|truncation|logit_bias"
    r"|(?:frequency|presence|repetition)_penalty|top_logprobs|parallel_tool_calls|tool_choice|reasoning_effort|service_tier"
    r"|stream_options|stop_sequences|prompt_cache_key|prompt_cache_retention|safety_identifier|context_management"
    r"|web_search_options|chat_template_kwargs|enable_thinking"
    r"|[a-z]+(?:Penalty|Effort|Choice|Calls|Key|Options|Logprobs|Tier|Bias))(?![\w\[=]|\.\w)"
)
"""Words that are names wherever they stand."""

_ALONE: Final = Sentences(
    rf"['\"`]([\w.]{{1,128}})['\"`] {_NEVER}",
    r"does(?: not|n't) support (?:the )?['\"`]([\w.]{1,128})['\"`]",
    rf"(?:unsupported|unknown) value:? {_Q}{_N}",
)
"""A quoted word alone, which may be a value."""


def refused_parameters(error: RemoteError, in_request: InRequest) -> Iterator[str]:
    """The parameter that ``error`` refuses by name, in the spelling of the wires, followed by what it is called on
    other wires: upstreams name what they translate it to."""
    if error.kind is not ErrorKind.INVALID_REQUEST:
        return
    for written in _written(error, error.message[:READ], in_request):
        name = _CAMEL.sub("_", _PLACE.sub("", written.rstrip("."))).lower().replace(" ", "_")
        name = _ALSO_CALLED.get(name, name)
        if _NAME.fullmatch(name) is None or name in _MEANINGFUL or name.partition(".")[0] in _CONTENT:
            continue
        yield name
        yield from (other for names in _SAME if name in names for other in names if other != name)
        return


def of_a_value(error: RemoteError) -> bool:
    """Whether it is what the parameter says that was refused: then nothing is known of other values, unless only the
    default one is taken."""
    if next(matches(_OF_A_VALUE, error.message), None):
        return True
    return error.code == "unsupported_value" and "only the default" not in error.message.lower()


def _written(error: RemoteError, text: str, in_request: InRequest) -> Iterator[str]:
    """The names in the upstream's own spelling, the surest first."""
    refused = (match for match in _NOT_TAKEN.finditer(text) if not is_repeated(match, in_request))
    believed = error.param if error.param and (error.code in _CODES or next(refused, None)) else ""
    if believed and believed.rpartition(".")[2] in text:
        yield believed
    for pattern, match in _matches(text):
        inside = _INSIDE.search(text, 0, match.start()) is not None
        value = pattern in _ALONE and (match[1].lower() in _WORDS or _VALUE_OF.search(text, 0, match.start()))
        if not inside and not value and is_own(match, in_request):
            yield match[match.lastindex or 0]
    if believed:
        yield believed
    for match in _KNOWN.finditer(text):
        sentence = text[max(match.start() - 60, 0) : match.end() + 60]
        inside = _INSIDE.search(text, 0, match.start()) is not None
        if _NOT_TAKEN.search(sentence) and not inside and not is_repeated(match, in_request):
            yield match[1]


def _matches(text: str) -> Iterator[tuple[re.Pattern[str], re.Match[str]]]:
    for pattern in (*_OF_A_VALUE, *_PARAMETERS, *_ALONE):
        for match in pattern.finditer(text):
            yield pattern, match
