"""A parameter that an upstream refuses by name is left out, remembered, and nothing else is."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.refused import MOST_REMEMBERED, RefusedParameters, amended, refused_parameter
from daemon.gateway.relay import Target
from tests.router.auths import candidate

FOX = candidate("fox")
BAD = ErrorKind.INVALID_REQUEST


def refusal(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> RemoteError:
    return RemoteError(BAD, message, code=code, param=param, upstream_status=status)


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
        ("stream_options", refusal("Unrecognized request argument supplied: stream_options")),
        ("top_k", refusal("top_k: Extra inputs are not permitted")),
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
        (None, refusal(OF_MODEL, status=500)),
        (None, RemoteError(ErrorKind.RATE_LIMIT, OF_MODEL, upstream_status=400)),
    ],
)
def test_which_parameter_is_refused(name: str | None, error: RemoteError) -> None:
    assert refused_parameter(error) == name


def test_the_same_target_is_asked_without_it_once() -> None:
    known = RefusedParameters()
    error = refusal(OF_MODEL, param="temperature")
    again = amended(Target(candidate=FOX), error, known.remember)
    assert again == Target(candidate=FOX, unsupported=frozenset({"temperature"}))
    assert amended(again, error, known.remember) is None


def test_a_refusal_of_the_model_is_remembered_for_it_and_another_one_for_the_core_auth() -> None:
    known = RefusedParameters()
    known.remember(FOX, "temperature", refusal(OF_MODEL))
    known.remember(FOX, "reasoning_effort", refusal(OF_TOOLS))
    known.remember(FOX, "store", refusal("Unknown parameter: 'store'."))
    assert known.of(FOX) == {"temperature", "reasoning_effort", "store"}
    assert known.of(candidate("fox", "gpt-4.1")) == {"store"}
    assert known.of(candidate("wolf")) == frozenset()


def test_what_the_configuration_lists_is_known_from_the_start() -> None:
    listed = candidate("fox", unsupported_parameters=("top_p",))
    known = RefusedParameters()
    assert known.of(listed) == {"top_p"}
    known.remember(listed, "store", refusal("Unknown parameter: 'store'."))
    assert known.of(listed) == {"top_p", "store"}


@pytest.mark.parametrize(
    ("remembered", "message"),
    [
        (
            frozenset({"temperature"}),
            "'temperature' does not support 0.2. Only the default (1) value is.",
        ),
        (frozenset(), OF_SEARCH),
        (frozenset(), "Unsupported value: 'xhigh' is not supported with this model. Supported values are: 'low'."),
    ],
)
def test_a_refused_value_is_remembered_only_where_no_other_is_taken(remembered: frozenset[str], message: str) -> None:
    known = RefusedParameters()
    error = refusal(message, code="unsupported_value", param="temperature")
    assert amended(Target(candidate=FOX), error, known.remember) is not None
    assert known.of(FOX) == remembered


@pytest.mark.parametrize(
    "error",
    [
        refusal("…", code="invalid_encrypted_content"),
        refusal("The encrypted content for item rs_1 could not be verified. Reason: …"),
        refusal("messages.1.content.0: Invalid `signature` in `thinking` block"),
    ],
)
def test_reasoning_that_cannot_be_read_is_left_out_once(error: RemoteError) -> None:
    known = RefusedParameters()
    again = amended(Target(candidate=FOX), error, known.remember)
    assert again == Target(candidate=FOX, reasoning=False)
    assert amended(again, error, known.remember) is None


def test_memory_is_bounded() -> None:
    known = RefusedParameters()
    for number in range(MOST_REMEMBERED + 5):
        known.remember(candidate("fox", f"m{number}"), "temperature", refusal(OF_MODEL))
    assert known.of(candidate("fox", "m0")) == frozenset()
    assert known.of(candidate("fox", f"m{MOST_REMEMBERED}")) == {"temperature"}
