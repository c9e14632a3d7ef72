"""A refusal that says what is wrong is recognised, and the request is amended by one rule of the table."""

from __future__ import annotations

import json

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.apply import amend_body, configured, without
from daemon.upstream.amendments.parameters import CODEX_PARAMETERS, LEAVE_OUT, REASONING
from daemon.upstream.amendments.refusals import proposals
from daemon.upstream.amendments.refused_names import refused_parameters
from daemon.upstream.amendments.rule import Amendment, Proposal
from daemon.upstream.amendments.table import RULES, loses_content
from daemon.upstream.amendments.thinking import THINKING_FORM
from tests.gateway.targets import target
from tests.router.auths import candidate, core_auth

BAD = ErrorKind.INVALID_REQUEST
SHAPE = Amendment("shape of Codex")


def refusal(
    message: str, *, code: str | None = None, param: str | None = None, status: int = 400, kind: ErrorKind = BAD
) -> RemoteError:
    return RemoteError(kind, message, code=code, param=param, upstream_status=status)


def proposed(error: RemoteError, *applied: Amendment, wire: str = "responses", request: str = "") -> list[str]:
    return [str(each.amendment) for each in proposals(error, wire, applied, lambda text: text in request)]


OF_MODEL = "Unsupported parameter: 'temperature' is not supported with this model."
OF_TOOLS = "Function tools with reasoning_effort are not supported for gpt-5 in /v1/chat/completions."
OF_SEARCH = "The following tools cannot be used with reasoning.effort 'minimal': web_search."


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("temperature", refusal(OF_MODEL, code="unsupported_parameter", param="temperature")),
        ("temperature", refusal(OF_MODEL, param="temperature")),
        ("top_p", refusal("Unsupported value: 'top_p' does not support 0.5", code="unsupported_value", param="top_p")),
        ("store", refusal("Unknown parameter: 'store'.", code="unknown_parameter", param="store")),
        ("max_output_tokens", refusal("Unsupported parameter: max_output_tokens")),
        ("max_output_tokens", refusal("Unsupported parameter: max_output_tokens", status=500)),
        ("stream_options", refusal("Unrecognized request argument supplied: stream_options")),
        ("top_k", refusal("top_k: Extra inputs are not permitted")),
        ("top_k", refusal("Unexpected fields in the request: {'top_k', 'min_p'}", status=422)),
        ("temperature", refusal("`temperature` is deprecated for this model.")),
        ("store", refusal('Invalid JSON payload received. Unknown name "store": Cannot find field.')),
        ("store", refusal('{"detail":[{"type":"extra_forbidden","loc":["body","store"]}]}', status=422)),
        ("reasoning.summary", refusal("no", code="unsupported_parameter", param="reasoning.summary")),
        ("verbosity", refusal("parameter verbosity is not supported")),
        ("reasoning_effort", refusal(OF_TOOLS, param="reasoning_effort")),
        ("reasoning.effort", refusal(OF_SEARCH, param="tools")),
        (None, refusal("Unknown parameter: 'input[0].cache_control'.", code="unknown_parameter", param="input[0].x")),
        (None, refusal("Unknown parameter: 'tools'.", code="unknown_parameter", param="tools")),
        (None, refusal("Unsupported parameter: 'previous_response_id'", param="previous_response_id")),
        (None, refusal("Invalid value: 'x'", code="invalid_value", param="service_tier")),
        (None, refusal(OF_MODEL, kind=ErrorKind.RATE_LIMIT)),
        (None, refusal(OF_MODEL, kind=ErrorKind.API, status=500)),
    ],
)
def test_which_parameter_is_refused(name: str | None, error: RemoteError) -> None:
    assert next(refused_parameters(error, lambda _: False), None) == name


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Instructions are required", ["shape of Codex", "instructions with text"]),
        ("'instructions' is required", ["shape of Codex", "instructions with text"]),
        ("Missing required parameter: 'instructions'.", ["shape of Codex", "instructions with text"]),
        ("instructions must not be empty", ["shape of Codex", "instructions with text"]),
        ("System messages are not allowed", ["shape of Codex", "no system role"]),
        ("system role is not supported", ["shape of Codex", "no system role"]),
        (
            "Invalid value: 'system'. Supported values are: 'assistant', 'user', and 'developer'.",
            ["shape of Codex", "no system role"],
        ),
        ("developer messages are unsupported", ["shape of Codex", "no system role"]),
        ("Input must be a list", ["shape of Codex"]),
        ("Invalid type for 'input': expected an array, but got a string instead.", ["shape of Codex"]),
        ("Unknown parameter: 'input[2].content'.", ["shape of Codex"]),
        ("Store must be set to false", ["store: false"]),
        ("store=true is not supported", ["store: false"]),
        ("Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.", ["only what is said"]),
        ("Invalid 'input[1].id': 'item_1'. Expected an ID that begins with 'fc'.", ["items without ids"]),
        ("Invalid value: 'web_search_call.action.sources'. Supported values are: 'x'.", ["search without sources"]),
        ("body.include.1: Input should be 'reasoning.encrypted_content'", ["search without sources"]),
        ("[{'loc': ('body', 'include', 1), 'msg': 'no'}]", ["search without sources"]),
        ("Invalid 'include[1]': no such value", ["search without sources"]),
        ("Unknown parameter: 'input[4].status'.", ["leave out field input.status"]),
        ("Unknown parameter: 'input[4].phase'.", ["leave out field input.phase"]),
        ("Unsupported parameter: truncation", ["leave out truncation"]),
        ("Instructions are not valid", []),
        ("This account only allows Codex official clients", []),
        ("Unknown parameter: 'input[0].arguments'.", []),
        ("no such thing", []),
    ],
)
def test_a_sentence_asks_for_its_rows(sentence: str, expected: list[str]) -> None:
    assert proposed(refusal(sentence)) == expected


def test_the_place_may_stand_in_param_alone() -> None:
    error = refusal("Unknown parameter.", code="unknown_parameter", param="input[0].id")
    assert proposed(error) == []
    assert proposed(refusal("Invalid input[0].id", param="input[0].id")) == ["items without ids"]


def test_an_item_that_is_not_found_is_a_refusal_also_as_404() -> None:
    error = refusal("Item with id 'rs_1' not found.", status=404, kind=ErrorKind.NOT_FOUND)
    assert proposed(error) == ["only what is said"]


def test_what_has_been_applied_is_not_proposed_again() -> None:
    assert proposed(refusal("Instructions are required"), SHAPE) == ["instructions with text"]
    assert proposed(refusal(OF_MODEL), Amendment(LEAVE_OUT, "temperature")) == []


def test_rows_of_one_wire_are_not_proposed_for_another() -> None:
    assert proposed(refusal("System messages are not allowed"), wire="chat") == []
    assert proposed(refusal("Unsupported parameter: seed"), wire="chat") == ["leave out seed"]


@pytest.mark.parametrize("sentence", ["Instructions are required", "Unsupported parameter: temperature"])
def test_what_the_client_has_written_itself_is_no_refusal(sentence: str) -> None:
    assert proposed(refusal(f"Invalid tool name '{sentence}'"), request=f'{{"name":"{sentence}"}}') == []


def test_after_two_of_its_list_all_that_codex_never_sends_is_left_out() -> None:
    first = Amendment(LEAVE_OUT, "max_output_tokens")
    assert proposed(refusal("Unsupported parameter: metadata"), first) == [CODEX_PARAMETERS]
    assert {"temperature", "top_p", "user", "metadata"} <= without([Amendment(CODEX_PARAMETERS)])


def test_what_a_model_lacks_says_nothing_of_the_list() -> None:
    first = Amendment(LEAVE_OUT, "top_p")
    assert proposed(refusal(OF_MODEL), first) == ["leave out temperature"]


def test_a_refusal_of_tools_holds_for_requests_with_tools() -> None:
    proposal, *_ = proposals(refusal(OF_TOOLS, param="reasoning_effort"), "chat", (), lambda _: False)
    assert proposal == Proposal(amendment=Amendment(LEAVE_OUT, "reasoning_effort"), condition="tools")


@pytest.mark.parametrize(
    ("lasting", "message"),
    [
        (True, "'temperature' does not support 0.2. Only the default (1) value is."),
        (False, OF_SEARCH),
        (False, "Unsupported value: 'x' is not supported with this model. Supported values are: 'y'."),
    ],
)
def test_a_refused_value_lasts_only_where_no_other_is_taken(lasting: bool, message: str) -> None:
    error = refusal(message, code="unsupported_value", param="temperature")
    assert {each.lasting for each in proposals(error, "responses", (), lambda _: False)} == {lasting}


@pytest.mark.parametrize(
    "error",
    [
        refusal("…", code="invalid_encrypted_content"),
        refusal("The encrypted content for item rs_1 could not be verified. Reason: …"),
        refusal("messages.1.content.0: Invalid `signature` in `thinking` block"),
        refusal("messages.1.content.0: Invalid `data` in `redacted_thinking` block"),
        refusal("Thought signature is not valid."),
        refusal("…", code="thinking_signature_invalid"),
    ],
)
def test_reasoning_that_cannot_be_read_is_left_out_of_this_request(error: RemoteError) -> None:
    (proposal,) = proposals(error, "responses", (), lambda _: False)
    assert proposal == Proposal(amendment=Amendment(REASONING), lasting=False)
    assert target(candidate()).reasoning
    assert not target(candidate()).amended(proposal.amendment).reasoning


def test_a_target_leaves_out_what_is_configured_and_what_was_refused() -> None:
    asked = target(candidate(unsupported_parameters=("top_p",)))
    assert asked.options.unsupported == {"top_p"}
    assert asked.amended(Amendment(LEAVE_OUT, "store")).options.unsupported == {"top_p", "store"}


def test_profile_and_settings_are_amendments_from_the_start() -> None:
    assert configured(core_auth()) == ()
    assert configured(core_auth(profile="codex-relay")) == (SHAPE, Amendment("service tier of Codex"))
    assert configured(core_auth(instructions="system")) == (Amendment("system text in instructions"),)
    assert configured(core_auth(instructions="file", instructions_text="F")) == (Amendment("fixed instructions", "F"),)
    assert configured(core_auth(wire="chat", instructions="system")) == ()


@pytest.mark.parametrize(
    ("profile", "wire", "expected"),
    [
        ("", "chat", []),
        ("codex-relay", "responses", ["shape of Codex", "service tier of Codex"]),
        ("codex-relay", "chat", []),
        ("vllm", "chat", ["system first", "thinking in the form chat_template_kwargs"]),
        ("vllm", "responses", []),
        (
            "deepseek",
            "chat",
            ["developer is system", "reasoning placeholder reasoning_content", "thinking in the form thinking"],
        ),
        ("deepseek", "responses", ["reasoning text placeholder"]),
        ("gemini", "chat", ["signed calls", "thinking in the form reasoning_effort"]),
        ("mistral", "chat", ["call ids length of 9", "thinking in the form reasoning_effort"]),
        ("lmstudio", "chat", ["system first", "empty content for null"]),
    ],
)
def test_a_profile_brings_its_amendments_for_the_wire_that_is_used(
    profile: str, wire: str, expected: list[str]
) -> None:
    assert [str(each) for each in configured(core_auth(profile=profile, wire=wire))] == expected


def test_what_a_change_adds_is_left_out_where_it_was_refused() -> None:
    """A parameter that only the amendment has put in: the wires cannot leave it out."""
    form = Amendment(THINKING_FORM, "enable_thinking")
    body = b'{"reasoning_effort":"low","stop":["x"]}'
    changed, lost = amend_body(body, [form], frozenset({"enable_thinking", "stop", "seed"}))
    assert (json.loads(changed), lost) == ({"stop": ["x"], "thinking_budget": 1024}, ["enable_thinking"])
    assert amend_body(b'{"stop":["x"]}', [form]) == (b'{"stop":["x"]}', [])


def test_a_body_is_read_only_where_something_is_to_change() -> None:
    body = b'{ "instructions": null }'
    assert amend_body(body, [Amendment(LEAVE_OUT, "store")]) == (body, [])
    changed, lost = amend_body(body, [SHAPE, Amendment("store: false")])
    assert (json.loads(changed), lost) == ({"instructions": "", "store": False}, [])


def test_names_of_rows_are_unique_and_say_whether_content_is_lost() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    losing = {"images are text", "audio is text", "documents are text", "nothing but text", "tool turns are text"}
    losing |= {"linked images are text", "calls without text", "only what is said", REASONING}
    losing |= {"tool messages behind their calls", "outputs behind their calls", "tool results behind their uses"}
    assert {rule.name for rule in RULES if loses_content(Amendment(rule.name))} == losing


UNPAIRED = [
    # OpenAI and DeepSeek
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The "
    "following tool_call_ids did not have response messages: call_1",
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
    "insufficient tool messages following tool_calls message",
    "No tool output found for function call call_1.",
    "No tool call found for function call output with call_id call_1.",
    "Duplicate function_call_output for call_id call_1",
    "Duplicate value for 'tool_call_id' of call_1 in message[4]",
    # Anthropic and Bedrock
    "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` "
    "block must have a corresponding `tool_result` block in the next message.",
    "messages.4.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.",
    "messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` blocks with id: t",
    "messages.3.content.1: `tool_use` ids must be unique",
    "Expected toolResult blocks at messages.2.content for the following Ids: tooluse_1",
    "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks of previous turn.",
    # others
    "Not the same number of function calls and responses",
    "Please ensure that the number of function response parts is equal to the number of function call parts of the "
    "function call turn.",
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
    "invalid params, tool call result does not follow tool call (2013)",
    "invalid params, tool result's tool id(call_1) not found (2013)",
    "Invalid request: tool_call_id call_1 not found",
]
NO_PAIRS = [
    "Duplicate tool names: Bash",
    "No tool parser is set: start the server with --tool-call-parser",
    "Tool result is too long",
    "model not found",
]


@pytest.mark.parametrize("wire", ["chat", "responses", "messages"])
def test_a_history_that_is_refused_for_its_calls_is_paired(wire: str) -> None:
    names = {"chat": "tool messages behind", "responses": "outputs behind", "messages": "tool results behind"}
    for sentence in UNPAIRED:
        assert any(names[wire] in each for each in proposed(refusal(sentence), wire=wire)), sentence
    for sentence in NO_PAIRS:
        assert not any(names[wire] in each for each in proposed(refusal(sentence), wire=wire)), sentence


BAD_SCHEMAS = [
    "Invalid schema for function 'Artifact': '^[^\\p{Cc}]$' is not a 'regex'.",  # OpenAI
    'Invalid JSON schema: "^[^\\p{Cc}]$" is not a "regex"',  # opencode's console (9router#3925)
    "Invalid schema for function 'T': None is not of type 'array'.",
    "Invalid schema for function 'pods_exec': In context=('properties', 'command'), array schema missing items.",
    "tools.5.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",  # Anthropic
    "tools.2.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12",
    "Invalid API parameter, please check the documentation.",  # Z.ai
]
MOONSHOT = (
    "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, details: <At path "
    "'properties.source': type is not defined>"
)


@pytest.mark.parametrize("wire", ["chat", "responses", "messages"])
@pytest.mark.parametrize("sentence", BAD_SCHEMAS)
def test_tools_that_are_refused_for_their_schemas_are_repaired(sentence: str, wire: str) -> None:
    assert "portable tool schemas" in proposed(refusal(sentence), wire=wire)


def test_moonshot_wants_a_form_of_its_own() -> None:
    assert proposed(refusal(MOONSHOT), wire="chat") == ["tool schemas of Moonshot"]


def test_a_schema_that_the_client_speaks_of_teaches_nothing() -> None:
    sentence = "the model refused: is not a 'regex'"
    assert "portable tool schemas" not in proposed(refusal(sentence), wire="chat", request=sentence)


@pytest.mark.parametrize("number", ["9" * 900, "99999999999999", "0"])
def test_a_number_that_no_model_has_changes_nothing(number: str) -> None:
    body = b'{"max_tokens":32000}'
    for said in (f"max_tokens must be at least {number}", f"max_tokens must be at most {number}"):
        amendments = [each.amendment for each in proposals(refusal(said), "chat", (), lambda _: False)]
        assert amend_body(body, [each for each in amendments if each.name != LEAVE_OUT]) == (body, [])
