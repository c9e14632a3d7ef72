"""The rules for a value that is refused while the upstream says which ones it takes: the limit of an answer, the
effort, and whether the answer is streamed.

Ranges (source): DeepSeek, DashScope, Volcano, Groq, OpenAI, Anthropic, Bedrock, Vertex AI, TGI and relays in front of
them (2026-11).
"""

from __future__ import annotations

import re
from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, sentences
from daemon.wires import request_changes as changes
from daemon.wires.openai_chat import WIRE as CHAT
from daemon.wires.table import WIRES

AT_MOST: Final = "answer of at most"
AT_LEAST: Final = "answer of at least"
EFFORT: Final = "effort among"
STREAMED: Final = "streamed answer"

_ANY: Final = frozenset(WIRES)

_LIMIT: Final = r"max[_ ]?(?:completion[_ ]?|output[_ ]?|new[_ ]?)?tokens(?:_to_sample)?"
_GAP: Final = r"[^\n\[<>≤]{0,80}?"
_NUMBER: Final = r"(?:\w+=)*['\"`(]{0,2}(\d[\d,]*)"

_TOO_MUCH: Final = sentences(
    rf"{_LIMIT}\b[^\n\[]{{0,80}}?\[ ?\d+ ?[,~-] ?(\d+) ?\]",
    r"\bfrom \d+ \(inclusive\) to (?P<exclusive>\d+) \(exclusive\)",
    rf"{_LIMIT}\b{_GAP}between \d+ (?:and|to|-) {_NUMBER}",
    rf"at most {_NUMBER} (?:completion |output )?tokens",
    rf"{_LIMIT}['\"`]?:? \d+ ?> ?{_NUMBER}",
    r"expected a value <=? ?(\d+)",
    rf"{_LIMIT}\b{_GAP}(?:(?:less|lower|smaller) than or equal to|(?:no|not) (?:more|greater|larger|higher) than"
    r"|at most|not exceed(?:ing)?"
    r"|(?:can ?not|must not|may not|should not) (?:exceed|be (?:greater|larger|more|above)(?: than)?)"
    rf"|<=|≤|up to|maximum(?: value| allowed)?(?: is| of|:)?) {_NUMBER}",
    rf"{_LIMIT}\b{_GAP}(?:less|lower|smaller) than (?P<exclusive>\d[\d,]*)",
    rf"{_LIMIT}\b[^\n]{{0,80}}?(?:exceed\w*|above|over|too (?:large|big|high))[^\n\d]{{0,60}}"
    rf"(?:[\d,]+[^\n\d]{{0,60}})??(?:limit|max(?:imum)?|allow\w*|supports?)[^\n\d]{{0,40}}?{_NUMBER}",
    rf"maximum tokens you requested exceeds? the model limit of {_NUMBER}",
    rf"{_LIMIT}[^\n]{{0,30}}?(?:不能大于|不[能得]?超过|最大值?[为是]?|上限[为是]?|小于等于) ?{_NUMBER}",
)
_TOO_LITTLE: Final = sentences(
    rf"{_LIMIT}\b[^\n\[]{{0,80}}?\[ ?(\d+) ?[,~-] ?\d+ ?\]",
    r"expected a value >=? ?(\d+)",
    rf"{_LIMIT}\b{_GAP}(?:at least|(?:greater|larger|more) than or equal to|>=|≥|no less than"
    rf"|minimum(?: value)?(?: is| of|:)?) {_NUMBER}(?!, got -)",
)

_LEVEL: Final = r"(?:none|minimal|low|medium|high|xhigh|max|default|auto|ultra)"
_OF_EFFORT: Final = re.compile(
    r"\A(?!.*\b(?:verbosity|detail|service_tier|context_size)\b)"
    r"(?=.*(?:effort|reasoning|\bthink|\blevels?\b|values are:? ['\"`](?:none|minimal|low|medium|high|xhigh)\b))",
    re.IGNORECASE | re.DOTALL,
)
"""Other parameters have values of the same names."""

_LEVELS: Final = re.compile(rf"\b{_LEVEL}\b", re.IGNORECASE)


def _tokens(match: re.Match[str]) -> str:
    digits = next(group for group in match.groups() if group).replace(",", "")
    exclusive = match.re.groupindex.get("exclusive") and match["exclusive"]
    return str(int(digits) - 1 if exclusive else int(digits))


def _levels(match: re.Match[str]) -> str:
    return ",".join(dict.fromkeys(level.lower() for level in _LEVELS.findall(match[1])))


RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(
        name=AT_MOST,
        wires=_ANY,
        change=changes.at_most,
        about=re.compile(rf"{_LIMIT}|maximum tokens|completion tokens", re.IGNORECASE),
        argument=_tokens,
        refusals=_TOO_MUCH,
    ),
    AmendmentRule(
        name=AT_LEAST,
        wires=_ANY,
        change=changes.at_least,
        about=re.compile(_LIMIT, re.IGNORECASE),
        argument=_tokens,
        refusals=_TOO_LITTLE,
    ),
    AmendmentRule(
        name=EFFORT,
        wires=_ANY,
        change=changes.effort_among,
        about=_OF_EFFORT,
        argument=_levels,
        refusals=sentences(
            r"(?:(?<!un)(?:supported|valid|allowed|accepted|available|permitted) (?:values?|levels?|options?|efforts?)"
            r"(?: (?:are|is))?|expected(?: one of)?|should be(?: one of)?|must be(?: either| one of)?|\bone of"
            rf"|supports?(?: only)?|可选值(?:为|是)?|支持(?:的值)?(?:为|是)?)[^\w\n]{{0,6}}({_LEVEL}\b"
            rf"(?:[^\w\n]{{1,8}}(?:(?:or|and)[^\w\n]{{1,4}})?{_LEVEL}\b)*)"
        ),
    ),
    AmendmentRule(
        name=STREAMED,
        wires=frozenset({CHAT.name}),  # the others, and what is translated, are streamed in any case or need not be
        change=changes.streamed,
        refusals=sentences(
            r"only supports? stream|must have stream=true",
            r"stream(?:ing)?['\"`]?(?: parameter)? must be (?:set to )?['\"`]?true",
            r"non-?stream(?:ing)? calls|when ['\"`]?stream ?= ?false|(?:仅|只)支持流式|非流式调用",
        ),
    ),
)
