"""The rules for a value that is refused while the upstream says which ones it takes: the limit of an answer, the
effort, and whether the answer is streamed.

Ranges (source): DeepSeek, DashScope, Volcano, Groq, OpenAI, Anthropic, Bedrock, Vertex AI, TGI and relays in front of
them (2026-11).
"""

from __future__ import annotations

import re
from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires import request_changes as changes
from daemon.wires.openai_chat import WIRE as CHAT
from daemon.wires.table import WIRES

AT_MOST: Final = "answer of at most"
AT_LEAST: Final = "answer of at least"
EFFORT: Final = "effort among"
STREAMED: Final = "streamed answer"

_ANY: Final = frozenset(WIRES)

_LIMIT: Final = r"max[_ ]?(?:completion[_ ]?|output[_ ]?|new[_ ]?)?tokens(?:_to_sample)?(?![a-z_])"
_GAP: Final = r"[^\n\[<>≤]{0,80}?"
_NUMBER: Final = r"(?:[a-z]+ ){0,3}(?:\w+=)*['\"`(]{0,2}(\d[\d,]{0,11})(?!\d)(?P<thousand>k\b)?"
_TOP: Final = r"(?:max(?:imum)?|limit|upper bound)"
_MORE: Final = r"(?:greater|larger|more|higher|bigger|above)"
_LESS: Final = r"(?:less|lower|smaller|fewer)"
_NOT: Final = r"(?:can ?not|must not|may not|should not|can't)"

_TOO_MUCH: Final = Sentences(
    rf"{_LIMIT}[^\n\[(]{{0,80}}?[\[(] ?\d+ ?[,~-] ?(\d{{1,12}}) ?[\])]",
    r"\bfrom \d+ \(inclusive\) to (?P<exclusive>\d{1,12}) \(exclusive\)",
    rf"{_LIMIT}{_GAP}(?:between|range|from) \d+ ?(?:and|to|-|~|–|\.\.) ?{_NUMBER}",
    rf"(?:at most|maximum of|up to) {_NUMBER} (?:completion |output )?tokens",
    rf"{_LIMIT}['\"`]?:? \d+ ?> ?{_NUMBER}",
    r"expected a value <=? ?(\d{1,12})(?!\d)",
    rf"{_LIMIT}{_GAP}(?:{_LESS} than or equal to|(?:no|not) {_MORE} than|at most|not exceed(?:ing)?|limited to"
    rf"|{_NOT} (?:exceed|be {_MORE}(?: than)?)|<=|≤|up to|{_TOP}(?: value| allowed)?(?: is| of|:)?) {_NUMBER}",
    rf"{_LIMIT}{_GAP}{_LESS} than (?P<exclusive>\d[\d,]{{0,11}})(?!\d)",
    rf"{_LIMIT}[^\n]{{0,60}}?(?:exceed|above|over|too (?:large|big|high)|{_MORE} than)[^\n]{{0,60}}?"
    rf"(?:{_TOP}|allow\w*|supports?)[^\n\d]{{0,24}}{_NUMBER}",
    rf"{_MORE} than (?:the )?{_TOP}(?: value| allowed)?(?: of)? {_NUMBER}",
    rf"{_TOP}(?: number of)? (?:output|completion|new) tokens?(?: is| are|:)? {_NUMBER}",
    rf"maximum tokens you requested exceeds? the model limit of {_NUMBER}",
    rf"{_LIMIT}[^\n]{{0,30}}?(?:不能大于|不[能得]?超过|最大值?[为是]?|上限[为是]?|小于等于) ?{_NUMBER}",
)
_TOO_LITTLE: Final = Sentences(
    rf"{_LIMIT}[^\n\[]{{0,80}}?\[ ?(\d{{1,12}}) ?[,~-] ?\d+ ?\]",
    r"expected a value >=? ?(\d{1,12})(?!\d)",
    rf"{_LIMIT}{_GAP}(?:at least|{_MORE} than or equal to|>=|≥|no less than"
    rf"|minimum(?: value)?(?: is| of|:)?) {_NUMBER}(?!, got -)",
)

_LEVEL: Final = r"(?:none|minimal|low|medium|high|xhigh|max|default|auto|ultra)"
_OF_EFFORT: Final = re.compile(
    r"\A(?!.*\b(?:verbosity|detail|service_tier|context_size|tool[_ ]choice)\b)"
    r"(?=.*(?:effort|reasoning|\bthink|\blevels?\b|values are:? ['\"`](?:none|minimal|low|medium|high|xhigh)\b))",
    re.IGNORECASE | re.DOTALL,
)
"""Other parameters have values of the same names."""

_LEVELS: Final = re.compile(rf"\b{_LEVEL}\b", re.IGNORECASE)


def _tokens(match: re.Match[str]) -> str:
    """The number that ``match`` says, as the last one that is accepted."""
    said = match.groupdict()
    digits = int(next(group for group in match.groups() if group).replace(",", ""))
    return str(digits * 1000 if said.get("thousand") else digits - 1 if said.get("exclusive") else digits)


def _levels(match: re.Match[str]) -> str:
    return ",".join(dict.fromkeys(level.lower() for level in _LEVELS.findall(match[1])))


RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(
        name=AT_MOST,
        wires=_ANY,
        change=changes.at_most,
        about=re.compile(rf"{_LIMIT}|maximum tokens|completion tokens|output tokens", re.IGNORECASE),
        argument=_tokens,
        of_one_request=re.compile(r"\b(?:prompt|input tokens|messages|remaining)\b", re.IGNORECASE),
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
        refusals=Sentences(
            r"(?:(?<!un)(?<!in)(?:supported|valid|allowed|accepted|available|permitted)"
            r"(?:(?: (?:values?|levels?|options?|efforts?))(?: (?:are|is))?|:)"
            r"|expected(?: one of)?|should be(?: one of)?|must be(?: either| one of)?|\bone of|\bonly|\buse"
            rf"|choose (?:from|between)|(?<!not )supports?(?: only)?|可选值[为是]?|支持(?:的值)?[为是]?)[^\w\n]{{0,6}}"
            rf"({_LEVEL}\b(?:[^\w\n]{{1,8}}(?:(?:or|and)[^\w\n]{{1,4}})?{_LEVEL}\b)*)"
        ),
    ),
    AmendmentRule(
        name=STREAMED,
        wires=frozenset({CHAT.name}),  # the others, and what is translated, are streamed in any case or need not be
        change=changes.streamed,
        refusals=Sentences(
            r"only supports? stream|must have stream=true",
            r"stream(?:ing)?['\"`]?(?: parameter)? must be (?:set to )?['\"`]?true",
            r"non-?stream(?:ing)? calls|when ['\"`]?stream ?= ?false|(?:仅|只)支持流式|非流式调用",
        ),
    ),
)
