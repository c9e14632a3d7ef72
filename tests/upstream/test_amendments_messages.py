"""Which sentence of a Messages server asks for which change, as it comes out of the reader of error bodies."""

from __future__ import annotations

import json

import pytest

from daemon.errors import RemoteError
from daemon.upstream.amendments.apply import amend_headers
from daemon.upstream.amendments.parameters import LEAVE_OUT
from daemon.upstream.amendments.refusals import proposals
from daemon.upstream.amendments.rule import Amendment
from daemon.upstream.amendments.table import RULE
from daemon.wires.anthropic_messages import WIRE

TEXT = "system messages as text"
BUDGET, ADAPTIVE, NONE = "thinking with a budget", "adaptive thinking", "no thinking"
BETA = "without the beta"
GLM = {
    "detail": [
        {
            "type": "literal_error",
            "loc": ["body", "messages", 1, "role"],
            "msg": "Input should be 'user' or 'assistant'",
            "input": "system",
            "ctx": {"expected": "'user' or 'assistant'"},
        }
    ]
}
SENTENCES: list[tuple[str, str]] = [
    # a system message: awesome-deepseek#639, Qwen#2244, MiniMax-M2.7#43, claude-code#61412 #77698, ChainForge#271
    ("messages[7].role: unknown variant `system`, expected `user` or `assistant`", TEXT),
    ("Failed to deserialize the JSON body: messages[1].role: unknown variant `system`, expected `user`", TEXT),
    ("invalid params, chat content has invalid message role: system (2013)", TEXT),
    ("role 'system' is not supported on this model", TEXT),
    ("messages.1.role: Input should be 'user' or 'assistant'", TEXT),
    ('messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter', TEXT),
    ("System message must be at the beginning.", TEXT),
    ("Conversation roles must alternate user/assistant/user/assistant/...", TEXT),
    ("system messages are not allowed in messages", TEXT),
    # how to think: new-api#3039, OmniRoute#1563, Kimi-K2#141, hermes-agent#11137, models.dev#5518
    ("thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'enabled'", BUDGET),
    ("adaptive thinking is not supported on this model", BUDGET),
    ("'adaptive' is not supported", BUDGET),
    ("thinking.type: unknown variant `adaptive`, expected `enabled` or `disabled`", BUDGET),
    ("invalid thinking: only type=enabled is allowed for this model", BUDGET),
    ("Invalid value for thinking.type: 'adaptive'", BUDGET),
    ("thinking.type must be one of 'enabled', 'disabled'", BUDGET),
    ("Unsupported thinking type for the current model", BUDGET),
    ('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"', ADAPTIVE),
    ("thinking: Input tag 'enabled' found using 'type' does not match any of the expected tags: 'adaptive'", ADAPTIVE),
    ("`budget_tokens` is not supported for this model", ADAPTIVE),
    (
        '"thinking.type.disabled" is not supported for this model. Use "thinking.type.between_tools"',
        "thinking between tools",
    ),
    ('"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive"', "thinking left on"),
    (
        "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation",
        "budget below max_tokens",
    ),
    ("Thinking may not be enabled when tool_choice forces tool use.", "a forced tool without thinking"),
    ('tool_choice: type "tool" and "any" are not supported for this model.', "no forced tool"),
    (
        "messages.5.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`. When `thinking` is "
        "enabled, a final `assistant` message must start with a thinking block",
        "a round without thinking",
    ),
    (
        "messages.51.content.0: If an assistant message contains any thinking blocks, the first block must be thinking "
        "or redacted_thinking. Found text.",
        "a round without thinking",
    ),
    ("thinking is not supported on this model", NONE),
    ("This model does not support thinking", NONE),
    ("thinking: Extra inputs are not permitted", NONE),
    # earlier thinking: langchain#29971, LibreChat-agents#279, 9router#2397, cc-switch#3377
    ("messages.1.content.0.thinking: each thinking block must contain thinking", "no empty thinking"),
    ("messages.2.content.0.thinking.thinking: Field required", "no empty thinking"),
    ("messages.1.content.0.thinking.signature: Field required", "no unsigned thinking"),
    ("The `content[].thinking` in the thinking mode must be passed back to the API.", "thinking before each call"),
    (
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 3",
        "thinking before each call",
    ),
    # effort and sampling: claude-code#81084, copilot-api#286
    (
        "output_config.effort 'xhigh' is not supported when thinking is disabled on this model. Use effort 'high'",
        "effort with thinking off",
    ),
    ("This model does not support the effort parameter.", "no effort"),
    (
        'output_config.effort "high" was provided, but model claude-haiku-4.5 does not support reasoning effort',
        "no effort",
    ),
    ("output_config: Extra inputs are not permitted", "no effort"),
    ("This model does not support effort level 'max'. Supported levels: high, low.", "effort among high,low"),
    # the conversation
    (
        'messages: roles must alternate between "user" and "assistant", but found multiple "user" roles in a row',
        "turns that alternate",
    ),
    ('messages: first message must use the "user" role', "turns that alternate"),
    (
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "the last word to the user",
    ),
    # fields: claude-code#25597, litellm#15880, opencode#23767, claude-code#4378, sub2api#225
    (
        "system.2.cache_control.ephemeral.scope: Extra inputs are not permitted",
        "leave out field system.cache_control.ephemeral.scope",
    ),
    (
        "tools.20.custom.cache_control.ephemeral.ttl: Extra inputs are not permitted",
        "leave out field tools.custom.cache_control.ephemeral.ttl",
    ),
    (
        "messages.13.content.0.thinking.cache_control: Extra inputs are not permitted",
        "leave out field messages.content.thinking.cache_control",
    ),
    (
        "Invalid value for 'tools.0.eager_input_streaming'. (param: tools.0.eager_input_streaming)",
        "leave out field tools.eager_input_streaming",
    ),
    ("*.cache_control: Extra inputs are not permitted", "leave out field *.cache_control"),
    ("cache_control.ttl: 1h is not supported", "leave out field *.ttl"),
    (
        "tools[0]: unknown field `defer_loading`, expected one of `name`, `description`",
        "leave out field tools.defer_loading",
    ),
    ("unknown field `scope`, expected `type` or `ttl` at line 1 column 90", "leave out field *.scope"),
    ("thinking.adaptive.display: Extra inputs are not permitted", "leave out field thinking.adaptive.display"),
    # blocks: claude-code#28870 #25212
    (
        "messages.166.content.0.tool_result.content.0: Input tag 'tool_reference' found using 'type' does not match "
        "any of the expected tags: 'document', 'image', 'search_result', 'text'",
        "without blocks of the type tool_reference",
    ),
    (
        "messages[3].content: unknown variant `redacted_thinking`, expected one of `text`, `tool_use`, `tool_result`",
        "without blocks of the type redacted_thinking",
    ),
    ("tool_addition blocks are not supported", "without blocks of the type tool_addition"),
    # betas: new-api#2975, claude-code#49370, cc-switch#707
    (
        "Unexpected value(s) `a-beta-2026-01-05`, `b-2025-12-15` for the `anthropic-beta` header. Please consult",
        f"{BETA} a-beta-2026-01-05`, `b-2025-12-15",
    ),
    ("invalid beta flag", BETA),
    ("InvokeModelWithResponseStream, ValidationException: invalid beta flag (request id: 2026)", BETA),
    ("Unsupported beta header: fast-mode-2026-02-01", f"{BETA} fast-mode-2026-02-01"),
    ("The beta feature advisor-tool-2026-03-01 is not enabled", f"{BETA} advisor-tool-2026-03-01"),
    ("advisor-tool-2026-03-01 is not a known beta", f"{BETA} advisor-tool-2026-03-01"),
    ("The long context beta is not yet available for this subscription.", f"{BETA} long context"),
    # nothing of all this
    ("messages: at least one message is required", ""),
    ("max_tokens: Field required", ""),
    ("the model thinks that this is wrong", ""),
    ("messages.0.content: Input should be a valid list", ""),
    ("Your credit balance is too low to use the beta", ""),
]


def refusal(body: object, status: int = 400) -> RemoteError:
    error = WIRE.decode_error(status, {}, json.dumps(body).encode())
    assert isinstance(error, RemoteError)
    return error


def proposed(error: RemoteError, wire: str = "messages", said: str = "") -> list[str]:
    """But for leaving out parameters, which changes nothing inside a conversation."""
    found = proposals(error, wire, (), lambda text: text in said)
    return [str(each.amendment) for each in found if each.amendment.name != LEAVE_OUT]


@pytest.mark.parametrize(("sentence", "first"), SENTENCES)
def test_a_sentence_asks_for_a_change(sentence: str, first: str) -> None:
    error = refusal({"type": "error", "error": {"type": "invalid_request_error", "message": sentence}})
    assert (proposed(error) or [""])[0] == first


def test_details_of_a_check_by_pydantic_are_read_too() -> None:
    assert proposed(refusal(GLM, 422))[0] == TEXT


def test_a_second_refusal_of_the_same_is_met_by_less() -> None:
    error = refusal({"error": {"message": "adaptive thinking is not supported on this model"}})
    asked = proposals(error, "messages", (Amendment(BUDGET),), lambda _: False)
    assert next(str(each.amendment) for each in asked) == NONE


def test_of_two_kinds_of_sampling_one_is_left_out() -> None:
    error = refusal({"error": {"message": "`temperature` and `top_p` cannot both be specified for this model."}})
    first = next(proposals(error, "messages", (), lambda _: False))
    assert (str(first.amendment), first.condition) == ("leave out top_p", "temperature")


def test_what_the_client_wrote_itself_is_no_refusal() -> None:
    sentence = "adaptive thinking is not supported"
    assert proposed(refusal({"error": {"message": f"cannot parse: {sentence}"}}), said=sentence) == []


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_other_wires_have_rules_of_their_own(wire: str) -> None:
    names = {name for name, rule in RULE.items() if wire in rule.wires}
    assert not names & {TEXT, BUDGET, ADAPTIVE, NONE, BETA}


def test_a_header_is_changed_like_a_body() -> None:
    headers = {"anthropic-beta": "a-2025-01-01,b-2025-01-01"}
    amend_headers(headers, (Amendment(BUDGET), Amendment(BETA, "a-2025-01-01")))
    assert headers == {"anthropic-beta": "b-2025-01-01"}
