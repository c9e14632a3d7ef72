"""The rules of the Responses wire: relays in front of ChatGPT accounts (new-api, sub2api, claude-relay-service)."""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires.openai_responses import WIRE
from daemon.wires.openai_responses import request_changes as changes

_RESPONSES: Final = frozenset({WIRE.name})

_INSTRUCTIONS_MISSING: Final = (
    r"\binstructions['\"`]?(?: field)? (?:is|are) (?:required|missing)",
    r"missing required parameter:? ['\"`]?instructions\b",
    r"\binstructions (?:must|can ?not) (?:not )?be (?:empty|blank|non-empty)",
)
_SYSTEM_REFUSED: Final = (
    r"\b(?:system|developer)['\"`]? (?:messages?|roles?|prompts?) (?:is|are) (?:not |un)"
    r"(?:allowed|supported|permitted)",
    r"\brole:? ['\"`]?(?:system|developer)['\"`]? is (?:not |un)(?:allowed|supported|permitted)",
    r"invalid value:? ['\"`]?(?:system|developer)['\"`]?\. supported values are:? ['\"`]?(?:assistant|user|developer)",
)

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(
        name="shape of Codex",
        wires=_RESPONSES,
        profile="codex-relay",
        change=changes.codex_shape,
        refusals=Sentences(
            *_INSTRUCTIONS_MISSING,
            *_SYSTEM_REFUSED,
            r"\binput['\"`]? must be (?:a list|an array)",
            r"invalid type for ['\"`]?input['\"`]?: expected (?:a list|an array)",
            r"(?:unknown|unsupported|missing required) (?:parameter|field):? ['\"`]?"
            r"input\[\d+\]\.(?:content|role|type)\b",
        ),
    ),
    AmendmentRule(
        name="instructions with text",
        wires=_RESPONSES,
        change=changes.filled_instructions,
        refusals=Sentences(*_INSTRUCTIONS_MISSING),
    ),
    AmendmentRule(
        name="no system role",
        wires=_RESPONSES,
        change=changes.no_system_role,
        refusals=Sentences(*_SYSTEM_REFUSED),
    ),
    AmendmentRule(
        name="store: false",
        wires=_RESPONSES,
        change=changes.store_false,
        refusals=Sentences(
            r"\bstore['\"`]? must be (?:set to )?['\"`]?false",
            r"\bstore['\"`]?(?: ?[=:] ?| set to )true['\"`]? is not (?:allowed|supported)",
        ),
    ),
    AmendmentRule(
        name="only what is said",
        wires=_RESPONSES,
        change=changes.only_what_is_said,
        loses_content=True,
        refusals=Sentences(r"items are not persisted", r"\bitem with id ['\"`]?\S+ not found"),
    ),
    AmendmentRule(
        name="items without ids",
        wires=_RESPONSES,
        change=changes.without_ids,
        refusals=Sentences(
            r"expected an id that begins with",
            r"(?:invalid|unknown parameter:?|unsupported parameter:?) ['\"`]?input\[\d+\]\.id\b",
        ),
    ),
    AmendmentRule(
        name="reasoning text placeholder",
        wires=_RESPONSES,
        change=changes.blank_reasoning,
        refusals=Sentences(
            r"reasoning_text['\"`]? in (?:the )?thinking mode must be passed back",  # DeepSeek, MiMo (bifrost#7320)
            r"(?:missing|requires?|must (?:include|have|contain)) (?:the |a )?['\"`]?reasoning_text\b",
            r"reasoning_text['\"`]?(?: field)? (?:is|are) (?:missing|required)",
        ),
    ),
    AmendmentRule(
        name="search without sources",
        wires=_RESPONSES,
        change=changes.without_sources,
        needs=b'"web_search_call.action.sources"',
        refusals=Sentences(
            r"\bweb_search_call\.action\.sources\b",
            r"\binclude['\"`]?[.\[, ]+\d+\b",
            r"\b(?:values?|items?) (?:of|for|in) ['\"`]?include\b",
        ),
    ),
    # --- from an upstream's profile or its settings alone ---
    AmendmentRule(name="service tier of Codex", wires=_RESPONSES, change=changes.codex_tier),
    AmendmentRule(name="system text in instructions", wires=_RESPONSES, change=changes.system_as_instructions),
    AmendmentRule(name="fixed instructions", wires=_RESPONSES, change=changes.fixed_instructions),
)
