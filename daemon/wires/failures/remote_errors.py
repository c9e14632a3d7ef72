"""An upstream's failure as an error, from wherever it came. The same for every wire; the wires' ``errors`` name them.

HTTP error                       decode_error  ─┐
error event, response.failed     remote_error  ─┤  body ─▶ judge
body that is no JSON             not_json      ─┤
JSON that is no answer           no_answer     ─┘
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from daemon.errors import ErrorKind, Failover, RemoteError, Scope
from daemon.wires.failures.body import failure_of, failure_of_answer, is_failure
from daemon.wires.failures.judge import judge
from daemon.wires.json import NOT_JSON

FOREIGN: Final = "invalid_answer"
"""The reason of an answer that is none of its API: the same request would get it again."""
_WRAPPED = frozenset({"code", "msg", "message", "success", "status"})


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> RemoteError:
    """An HTTP error of an upstream, or a web page under any status. ``headers`` are lower-case; any body is
    understood."""
    return judge(failure_of_answer(status, headers, body))


def remote_error(value: object, *, status: int | None = None, headers: Mapping[str, str] | None = None) -> RemoteError:
    """An error object, or the JSON value around it. ``status`` None = it came inside a 200."""
    return judge(failure_of(value, status=status, headers=headers))


def error_event(payload: bytes) -> RemoteError | None:
    """The failure that the payload of an event is, whatever its shape; None where it is none."""
    try:
        value = msgspec.json.decode(payload.decode("utf-8", "replace"))
    except NOT_JSON:
        return None
    return remote_error(value) if is_failure(value) else None


def not_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> RemoteError:
    """An answer that is not this wire's at all: a login page, a proxy's own error page, nothing."""
    return judge(failure_of_answer(status, headers or {}, body))


def no_answer(whole: object, lacking: str) -> RemoteError:
    """The JSON value of a 200 that is not this wire's answer: a relay's error, another API's answer.

    ``lacking`` says in what it is none ("without choices").
    """
    if is_failure(whole) or isinstance(whole, str):
        return remote_error(whole)
    if is_filtered(whole):
        return content_filtered(whole)
    failure = failure_of(whole) if isinstance(whole, dict) else None
    if isinstance(whole, dict) and isinstance(whole.get("data"), dict | list) and _WRAPPED & whole.keys():
        names = ", ".join(sorted(whole.keys() & (_WRAPPED | {"data"})))
        return RemoteError(
            ErrorKind.API, f"the upstream wrapped its answer in another object ({names})", reason=FOREIGN
        )
    problem = f"the upstream sent JSON {lacking}: its base-url may be wrong"
    message = failure.message if failure is not None and not failure.message.startswith(("{", "[")) else ""
    if failure is None or not message:
        return RemoteError(ErrorKind.API, problem, reason=FOREIGN)
    error = judge(failure)
    error.message = f"{message} ({problem})" if error.kind is ErrorKind.API else message
    return error


def is_filtered(whole: object) -> bool:
    """Whether a chat completion has no choices because a safety filter stopped it (Gemini, litellm#40294)."""
    if not isinstance(whole, dict) or whole.get("choices") != []:
        return False
    return str(whole.get("object", "")).startswith("chat.completion") or "usage" in whole or bool(_reason(whole))


def content_filtered(whole: object = None) -> RemoteError:
    """The error for an answer that a safety filter left without content."""
    reason = _reason(whole) if isinstance(whole, dict) else ""
    named = f" ({reason})" if reason else ""
    return RemoteError(
        ErrorKind.CONTENT,
        f"the upstream's content filter stopped the answer{named}: it has no choices",
        scope=Scope.REQUEST,
        failover=Failover.ONCE,
        reason="error_event",
    )


def _reason(whole: Mapping[str, object]) -> str:
    for name in ("promptFeedback", "prompt_feedback"):
        feedback = whole.get(name)
        if isinstance(feedback, dict):
            return str(feedback.get("blockReason") or feedback.get("block_reason") or "")
    return "prompt_filter_results" if whole.get("prompt_filter_results") else ""
