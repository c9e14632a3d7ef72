"""What Chat servers of every make say when they refuse a conversation, and which amendment that asks for."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.parameters import LEAVE_OUT
from daemon.upstream.amendments.refusals import proposals
from daemon.upstream.amendments.rule import Amendment

QWEN = "System message must be at the beginning."
LLAMA_CPP = (
    "\n------------\nWhile executing CallExpression at line 47, column 32 in source:\n...== 0) %}↵            "
    "{{- raise_exception('After the optional system message, con...\n                ^\nError: Jinja Exception: After "
    "the optional system message, conversation roles must alternate user and assistant roles except for tool calls and "
    "results."
)
MISTRAL_ID = "Tool call id was toolu_01A but must be a-z, A-Z, 0-9, with a length of 9."
GROQ = (
    "'messages.1' : for 'role:assistant' the following must be satisfied"
    "[('messages.1' : property 'reasoning_content' is unsupported)]"
)
CEREBRAS = "messages.2.assistant.reasoning_content: property 'messages.2.assistant.reasoning_content' is unsupported"
DEEPSEEK_IMAGE = (
    "Failed to deserialize the JSON body into the target type: messages[3]: unknown variant `image_url`, "
    "expected `text` at line 1 column 300"
)
DEEPSEEK_ROLE = (
    "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant `developer`, "
    "expected one of `system`, `user`, `assistant`, `tool` at line 1 column 85"
)
PLACEHOLDERS = ["reasoning placeholder", "empty reasoning placeholder", "worded reasoning placeholder"]

SENTENCES: list[tuple[str, str, str]] = [
    # --- the order of turns (sentence, the first amendment, source) ---
    (QWEN, "system first", "litellm#39852"),
    (f"Chat template error: {QWEN}", "system first", "Rapid-MLX#1543"),
    (f"------------\nError: Jinja Exception: {QWEN}", "system first", "llama.cpp#27367"),
    ("system message must be at the beginning.", "system first", "mastra#15764"),
    ("Only user, assistant and tool roles are supported, got system.", "system first", "opencode#5034"),
    ("Unexpected role 'system' after role 'user'", "system first", "mistral-common"),
    (
        "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...",
        "roles alternate",
        "vllm#6862",
    ),
    ("Conversation roles must alternate user/assistant/user/assistant/...", "roles alternate", "autogen#3597"),
    (LLAMA_CPP, "roles alternate", "picoclaw#207"),
    ("Unexpected role 'user' after role 'tool'", "roles alternate", "mistral-common#169"),
    ("Cannot have 2 or more assistant messages at the end of the list.", "roles alternate", "nanobot#2376"),
    (
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
        "begun answer is a prefix",
        "rig#1130",
    ),
    (
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "user has the last word",
        "hermes-agent#50055",
    ),
    ("Assistant response prefill is incompatible with enable_thinking.", "user has the last word", "llama.cpp"),
    ("No user query found in messages.", "user has the last word", "Qwen 3.5's template"),
    ("System role not supported", "no system message", "Gemma 2's template"),
    ("Only user and assistant roles are supported!", "no system message", "node-llama-cpp#263"),
    (DEEPSEEK_ROLE, "developer is system", "ai-auto-trading#14"),
    (
        "developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.[0].role'",
        "developer is system",
        "Proma#1496",
    ),
    (
        "invalid parameter 'messages[0].role': invalid role 'developer', must be one of: system, user, assistant, tool",
        "developer is system",
        "new-api#5330",
    ),
    ("chat template rejected the request: Unexpected message role.", "developer is system", "halogen-server#3"),
    (
        "After the (optional) system message(s), user and assistant roles should be alternating.",
        "roles alternate",
        "perplexity#265",
    ),
    (
        "After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).",
        "roles alternate",
        "serac#53",
    ),
    ("invalid params, chat content has invalid message role: system (2013)", "system first", "note-gen#918"),
    ("invalid params, invalid chat setting (2013)", "system first", "openclaw#19386"),
    (
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "no system message",
        "forgecode#1177",
    ),
    # --- reasoning ---
    (
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "reasoning placeholder reasoning_content",
        "pi#3636",
    ),
    (
        "The reasoning_content in the thinking mode must be passed back to the API.",
        "reasoning placeholder reasoning_content",
        "oai-compatible-copilot#215",
    ),
    (
        "The reasoning content in the thinking mode must be passed back to the API.",
        "reasoning placeholder",
        "hermes-agent#17341",
    ),
    (
        "Missing `reasoning_content` field in the assistant message at message index 2. For more "
        "information, please refer to https://api-docs.deepseek.com/guides/thinking_mode#tool-calls",
        "reasoning placeholder reasoning_content",
        "9router#355",
    ),
    (
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        "reasoning placeholder reasoning_content",
        "new-api#3121",
    ),
    ("reasoning_content 必须回传", "reasoning placeholder reasoning_content", "own"),
    # --- content ---
    (
        "Invalid 'content': 'content' field must be a string or an array of objects.",
        "empty content for null",
        "lmstudio-bug-tracker#261",
    ),
    ("Invalid value for 'content': expected a string, got null.", "empty content for null", "vercel/ai#14950"),
    ("messages[1]: invalid type: null, expected a string at line 1 column 80", "empty content for null", "serde"),
    (
        "bedrock error: The content field in the Message object at messages.1 is empty. Add a "
        "ContentBlock object to the content field and try again.",
        "null content for empty",
        "Portkey gateway#995",
    ),
    (
        "ValidationException: messages: text content blocks must be non-empty",
        "null content for empty",
        "vercel/ai#13538",
    ),
    ("messages[2]:content和tool_calls 字段不能同时为空", "null content for empty", "one-api#1153"),
    (
        "Assistant message must have either content or tool_calls, but not none.",
        "null content for empty",
        "OpenHands#8685",
    ),
    ("messages[1].content must be a string", "content is a string", "jarvis-aio#17"),
    (
        "'messages.0' : for 'role:system' the following must be satisfied[('messages.0.content' : "
        "value must be a string)]",
        "content is a string",
        "OpenHands#4643",
    ),
    (
        "Invalid type for 'messages[0].content': expected a string, but got an array instead",
        "content is a string",
        "LibreChat#3111",
    ),
    (
        "JSON format issue: expected string at field messages.content got instead array",
        "content is a string",
        "integration_openai#236",
    ),
    (
        "json: cannot unmarshal array into Go struct field Message.messages.content of type string",
        "content is a string",
        "one-api#683",
    ),
    ("unknown content type", "content is a string", "GenieX#683"),
    ("messages.0.content: Field required", "empty content for null", "pydantic"),
    ("Message content as a list is only supported for user messages.", "content is a string", "pi#1574"),
    (
        "request: Value error, Empty content is not allowed for assistant messages",
        "null content for empty",
        "cherry-studio#16155",
    ),
    ("String should have at least 1 character", "null content for empty", "n8n#21056"),
    (
        "'messages' array must only contain objects with a 'content' field that is not empty",
        "null content for empty",
        "ComfyUI-IF_AI_tools#89",
    ),
    (
        "messages.0: all messages must have non-empty content except for the optional final assistant message",
        "null content for empty",
        "claude-code#6774",
    ),
    ('can only concatenate str (not "list") to str', "content is a string", "InternVL#726"),
    (
        "Assistant message must have either content or tool_calls, but not both.",
        "calls without text",
        "mistral-common",
    ),
    (
        "text content is not allowed when tool_calls are provided. If you wish to pass a tool plan, either pass "
        "thinking content (with thinking enabled) or use 'tool_plan': 'messages[2].content[0]'",
        "calls without text",
        "vercel/ai#5794",
    ),
    # --- ids ---
    (MISTRAL_ID, "call ids length of 9", "opencode#1680"),
    ("Tool call id was null but must be a-z, A-Z, 0-9, with a length of 9", "call ids length of 9", "client-js#69"),
    (
        "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum "
        "length 40, but got a string with length 44 instead.",
        "call ids maximum length 40",
        "OpenAI",
    ),
    (
        "messages.5.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        "call ids ^[a-zA-Z0-9_-]+$",
        "forgecode#1142",
    ),
    (
        "Invalid 'messages[4].tool_calls[0].id': string too long. Expected a string with maximum length 64, but got a "
        "string with length 86 instead.",
        "call ids maximum length 64",
        "9router#3167",
    ),
    # --- calls ---
    ("This model only supports single tool-calls at once!", "one call at a time", "vllm#25108"),
    ("Multiple function calls not implemented for 'llama' format.", "one call at a time", "TxAgent#15"),
    (
        "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
        "tool choice in a word",
        "lmstudio-bug-tracker#670",
    ),
    ("No endpoints found that support the provided 'tool_choice' value.", "tool choice is free", "zed#36094"),
    ("The message at position 307 with role 'assistant' must not be empty", "null content for empty", "kimi-code#1985"),
    # --- media ---
    (DEEPSEEK_IMAGE, "images are text", "openclaude#1071"),
    ("deepseek-v4 is not a multimodal model", "images are text", "vllm#23402"),
    (
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "images are text",
        "llama.cpp#15377",
    ),
    ("image input is not supported by this server", "images are text", "llama.cpp#13566"),
    ("this model does not support image input (ref: b8bd630e)", "images are text", "ollama#17301"),
    ("No endpoints found that support image input", "images are text", "oai-compatible-copilot#229"),
    ("Invalid content type. image_url is only supported by certain models.", "images are text", "NextChat#4369"),
    ("Failed to send message. The model does not support images.", "images are text", "lmstudio-bug-tracker#1375"),
    ("At most 0 image(s) may be provided in one prompt.", "images are text", "vLLM"),
    ("该模型不支持图片输入", "images are text", "own"),
    ("messages.content.type 参数非法，取值范围 ['text']", "nothing but text", "CodexPlusPlus#1760"),
    ('messages.content.type 参数非法，取值范围 ["text"]', "nothing but text", "CodexPlusPlus#839"),
    (
        "body.messages.0.content.list[TextContentPart].0.type: Input should be 'text'",
        "nothing but text",
        "tinker-feedback#83",
    ),
    ("This model does not support audio input", "audio is text", "own"),
    (
        "Invalid 'content': 'content' objects must have a 'type' field that is either 'text' or 'image_url'.",
        "documents are text",
        "LM Studio",
    ),
    ("unsupported content[].type", "documents are text", "llama.cpp, server-common.cpp"),
    ("Unknown part type: file", "documents are text", "openwiki#63"),
    (
        "Unsupported chat content part type: 'file'. Supported types: ['text', 'image_url', 'video_url'].",
        "documents are text",
        "vllm#57774",
    ),
    (
        "Invalid value: 'file'. Supported values are: 'text', 'image_url', 'input_audio', and 'refusal'.",
        "documents are text",
        "own",
    ),
    ("Invalid value: 'image_url'. Supported values are: 'text'.", "images are text", "own"),
    (
        "Input tag 'file' found using 'type' does not match any of the expected tags: 'text', 'image_url'",
        "documents are text",
        "pydantic",
    ),
    (
        "[{'type': 'literal_error', 'loc': ('body', 'messages', 4, 'content', 1, 'type'), "
        "'msg': \"Input should be 'text', 'image_url' or 'video_url'\", 'input': 'file'}]",
        "documents are text",
        "own",
    ),
    ("messages[4].content[1].type must be one of: ['text', 'image_url']", "documents are text", "own"),
    (
        "the message at position 1 with role 'user' contains an invalid part type: video_url",
        "images are text",
        "kimi-cli#788",
    ),
    (
        "Invalid request: unsupported image url: https://user-images.githubusercontent.com/a.png",
        "linked images are text",
        "software-agent-sdk#3219",
    ),
    # --- fields by their place ---
    (GROQ, "leave out field messages.reasoning_content", "jan#8136"),
    (CEREBRAS, "leave out field messages.assistant.reasoning_content", "kilocode#10375"),
    ("messages.2.name: Extra inputs are not permitted", "leave out field messages.name", "pydantic"),
    (
        "4 request validation errors: Extra inputs are not permitted, field: 'messages[3].refusal', value: None",
        "leave out field messages.refusal",
        "ouroboros#33",
    ),
    (
        "Additional properties are not allowed ('id' was unexpected) - 'messages.0'",
        "leave out field messages.id",
        "agentic#531",
    ),
    (
        "Additional properties are not allowed ('parsed' was unexpected) - 'messages.2'",
        "leave out field messages.parsed",
        "openai-node#1161",
    ),
    ("Unknown parameter: 'tools[0].function.strict'.", "leave out field tools.function.strict", "own"),
    (
        'Invalid JSON payload received. Unknown name "const" at '
        "'tools[0].function_declarations[3].parameters.properties[2].value': Cannot find field.",
        "leave out field tools.function_declarations.parameters.properties.value.const",
        "Gemini",
    ),
    (
        "[{'type': 'extra_forbidden', 'loc': ('body', 'messages', 2, 'typed-dict', 'send_to'), "
        "'msg': 'Extra inputs are not permitted'}]",
        "leave out field messages.typed-dict.send_to",
        "ms-agent#574",
    ),
    (
        '{"type":"extra_forbidden","loc":["body","messages",0,"user","name"],"msg":"Extra inputs are not permitted"}',
        "leave out field messages.user.name",
        "mistralai_client_dart#44",
    ),
    ("body.messages.0.user.name: Extra inputs are not permitted", "leave out field messages.user.name", "FastAPI"),
    ('json: unknown field "reasoning_content"', "leave out field *.reasoning_content", "Go"),
    (
        "tools.3.custom.input_examples: Extra inputs are not permitted",
        "leave out field tools.custom.input_examples",
        "claude-relay-service#667",
    ),
    (
        "system.1.cache_control.ephemeral.scope: Extra inputs are not permitted",
        "leave out field system.cache_control.ephemeral.scope",
        "copilot-api#145",
    ),
    # --- what asks for nothing ---
    ("Unsupported image format: image/bmp", "", "own"),
    ("Invalid image URL: the URL must be a valid HTTP or HTTPS URL", "", "own"),
    ("The image size is not supported", "", "own"),
    ("The tool read failed", "", "own"),
    ("Invalid value: 'sideways'. Supported values are: 'text', 'image_url', and 'file'.", "", "own"),
]


def proposed(sentence: str, *, wire: str = "chat", kind: ErrorKind = ErrorKind.INVALID_REQUEST) -> list[str]:
    """But for leaving out parameters, which changes nothing inside a conversation."""
    found = proposals(RemoteError(kind, sentence), wire, (), lambda _: False)
    return [str(each.amendment) for each in found if each.amendment.name != LEAVE_OUT]


@pytest.mark.parametrize(("sentence", "first"), [row[:2] for row in SENTENCES], ids=[row[2] for row in SENTENCES])
def test_a_sentence_asks_first_for_what_helps_most(sentence: str, first: str) -> None:
    assert next(iter(proposed(sentence)), "") == first


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("reasoning_content is missing", [f"{name} reasoning_content" for name in PLACEHOLDERS]),
        ('unknown field "strict"', ["leave out field *.strict"]),
        ("Conversation roles must alternate user/assistant", ["roles alternate", "tool turns are text"]),
        ("Only user and assistant roles are supported!", ["no system message", "tool turns are text"]),
        ("messages[1].content must be a string", ["content is a string", "nothing but text"]),
        ("content must not be null", ["empty content for null", "blank content"]),
        ("unsupported content[].type", ["documents are text", "nothing but text"]),
    ],
)
def test_where_that_is_refused_too_another_is_tried(sentence: str, expected: list[str]) -> None:
    assert list(dict.fromkeys(proposed(sentence)))[: len(expected)] == expected


@pytest.mark.parametrize("kind", [ErrorKind.API, ErrorKind.NOT_FOUND, ErrorKind.MODEL_NOT_FOUND, ErrorKind.OVERLOADED])
@pytest.mark.parametrize("sentence", [LLAMA_CPP, "No endpoints found that support image input"])
def test_servers_give_refusals_any_status(kind: ErrorKind, sentence: str) -> None:
    assert proposed(sentence, kind=kind)
    assert proposed(sentence, kind=ErrorKind.RATE_LIMIT) == []


@pytest.mark.parametrize(
    "sentence",
    ["This model does not support audio input", "reasoning is not supported", "The model does not support reasoning"],
)
def test_a_word_is_no_fields_name(sentence: str) -> None:
    assert not [each for each in proposed(sentence) if each.startswith("leave out field")]


def test_nothing_is_proposed_twice() -> None:
    for sentence, *_ in SENTENCES:
        assert len(found := proposed(sentence)) == len(set(found)), sentence


def test_the_rules_of_turns_are_the_chat_wires_alone() -> None:
    """Messages servers have a rule of their own for it."""
    assert proposed(QWEN, wire="responses") == []
    assert proposed(QWEN, wire="messages") == ["system messages as text"]
    assert (
        proposed(DEEPSEEK_IMAGE, wire="messages") == proposed(DEEPSEEK_IMAGE, wire="responses") == ["images are text"]
    )


def test_a_place_in_param_alone() -> None:
    error = RemoteError(
        ErrorKind.INVALID_REQUEST, "Unknown parameter.", code="unknown_parameter", param="messages[2].name"
    )
    assert [str(each.amendment) for each in proposals(error, "chat", (), lambda _: False)] == [
        "leave out field messages.name"
    ]


def test_what_the_client_has_written_itself_is_no_refusal() -> None:
    error = RemoteError(ErrorKind.INVALID_REQUEST, f"no such thing: '{QWEN} {MISTRAL_ID} {CEREBRAS} {DEEPSEEK_IMAGE}'")
    assert list(proposals(error, "chat", (), lambda _: True)) == []


def test_a_place_that_is_quoted_from_the_request_is_no_refusal() -> None:
    said = "I got this: messages.2.name: Extra inputs are not permitted, from your server"
    error = RemoteError(ErrorKind.INVALID_REQUEST, f"cannot answer '{said}'")
    assert list(proposals(error, "chat", (), lambda text: text in said)) == []
    assert list(proposals(error, "chat", (), lambda _: False)) != []


def test_what_has_been_applied_is_not_proposed_again() -> None:
    error = RemoteError(ErrorKind.INVALID_REQUEST, "reasoning_content is missing")
    applied = Amendment(PLACEHOLDERS[0], "reasoning_content")
    left = [each.amendment.name for each in proposals(error, "chat", (applied,), lambda _: False)]
    assert left[:2] == PLACEHOLDERS[1:]
