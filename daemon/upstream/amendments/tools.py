"""The rules of every wire for tools: their schemas (``wires.tool_schemas``), and calls and results that are no pairs
(``wires.call_pairs``).

What is translated is repaired from the start. What passes through is left as the client has it until the upstream
refuses it: a lenient server may make more of it.
"""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires import anthropic_messages, openai_chat, openai_responses
from daemon.wires.anthropic_messages import request_calls as messages
from daemon.wires.openai_chat import request_calls as chat
from daemon.wires.openai_responses import request_calls as responses
from daemon.wires.table import WIRES
from daemon.wires.tool_schemas import moonshot_tools, portable_tools

_UNPAIRED: Final = Sentences(
    # OpenAI, DeepSeek, xAI and whoever copies them
    r"['\"`]tool_calls['\"`]? must be followed by tool messages",
    r"tool_call_ids? did not have response messages",
    r"role ['\"`]?tool['\"`]? must be a response to a prec",
    r"insufficient tool messages following",
    r"no tool (?:call|output) found for ",
    r"duplicated? .{0,60}\b(?:tool_?call_?ids?|call_id|tool_?results?|tool_use|function_call_output)",
    r"duplicated? (?:function_call_output|tool_?call_?ids?|call_id|tool_?results?|tool_use)",
    # Anthropic and Bedrock
    r"tool_use[`'\"]? ids? (?:were|was) found without",
    r"unexpected [`'\"]?tool_use_id[`'\"]? found in",
    r"each [`'\"]?tool_use[`'\"]? (?:block )?must have a (?:single|corresponding) (?:[`'\"]?tool_)?result",
    r"[`'\"]?tool_use[`'\"]? ids must be unique",
    r"tool_?results?[`'\"]? block.{0,90}(?:previous|preceding) (?:message|turn)",
    r"expected tool_?result blocks? at",
    # Mistral, Gemini, MiniMax, Kimi, templates
    r"not the same number of function calls and responses",
    r"number of function response parts (?:is|should be) equal to the number of function call parts",
    r"function (?:call|response) turn comes immediately after",
    r"tool call result does not follow tool call",
    r"tool (?:result's tool )?id\(?.{0,80}\)? not found",
    r"tool_call_id\b.{0,80}\bnot found",
    r"unexpected role ['\"`]?tool['\"`]? after role",
    r"message has tool role, but there was no previous assistant message with a tool call",
)

_SCHEMAS: Final = Sentences(
    r"\bis not a (?:valid )?\\?['\"]?regex\b",
    r"\binvalid (?:json )?schema\b",
    r"\binvalid regex\b|\bregex (?:parse|compile|syntax) error\b",
    r"input_schema does not support (?:oneOf|allOf|anyOf)",
    r"json schema is invalid",
    r"array schema missing items",
    r"invalid (?:tool|function) (?:schema|parameters)",
    r"invalid api parameter, please check the documentation",  # Z.ai's 1210, for whatever it is
)

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(name="portable tool schemas", wires=frozenset(WIRES), refusals=_SCHEMAS, change=portable_tools),
    AmendmentRule(
        name="tool schemas of Moonshot",
        wires=frozenset(WIRES),
        refusals=Sentences(r"is not a valid moonshot flavored json schema"),
        change=moonshot_tools,
    ),
    *(
        AmendmentRule(name=name, wires=frozenset({wire.name}), refusals=_UNPAIRED, change=change, loses_content=True)
        for name, wire, change in (
            ("tool messages behind their calls", openai_chat.WIRE, chat.one_result_per_call),
            ("outputs behind their calls", openai_responses.WIRE, responses.one_result_per_call),
            ("tool results behind their uses", anthropic_messages.WIRE, messages.one_result_per_call),
        )
    ),
)
