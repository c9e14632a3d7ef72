"""The one judge of upstreams' failures: what it means, whose fault it is, what it affects, what the client gets.

    Failure (body) ─▶ judge ─▶ RemoteError ─▶ judged_again, once the request is at hand

What decides, in this order:
1. a firewall's page;
2. a ``code`` or ``type`` that names a class (``words.TABLE``);
3. words for a prompt that does not fit (``context_length``), unless a generic code says something else;
4. a sentence of the table; where several match, the first row;
5. a generic code or type (``rate_limit_error``);
6. "please retry later", alone;
7. the status, and inside a stream the vague type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from daemon.errors import ErrorKind, Failover, Failure, GatewayError, RemoteError, Scope
from daemon.wires.failures.context_length import does_not_fit
from daemon.wires.failures.own_words import InRequest, is_quoted
from daemon.wires.failures.page import ELSEWHERE, HTTPS_PORT, ON_THE_WAY, PROXY_LOGIN
from daemon.wires.failures.words import GENERIC, VAGUE, FailureClass, by_code, by_sentence, retry_later

KIND_OF_STATUS: Mapping[int, ErrorKind] = {
    401: ErrorKind.AUTHENTICATION,
    402: ErrorKind.BILLING,
    403: ErrorKind.PERMISSION,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    413: ErrorKind.TOO_LARGE,
    429: ErrorKind.RATE_LIMIT,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.OVERLOADED,
}

SCOPE_OF_KIND: Mapping[ErrorKind, Scope] = {
    ErrorKind.INVALID_REQUEST: Scope.REQUEST,
    ErrorKind.TOO_LARGE: Scope.REQUEST,
    ErrorKind.CONTEXT_LENGTH: Scope.REQUEST,
    ErrorKind.CONTENT: Scope.REQUEST,
    ErrorKind.WRONG_CLIENT: Scope.CLIENT,
    ErrorKind.MODEL_NOT_FOUND: Scope.MODEL,
    ErrorKind.AUTHENTICATION: Scope.CREDENTIAL,
    ErrorKind.BILLING: Scope.CREDENTIAL,
    ErrorKind.PERMISSION: Scope.CREDENTIAL,
    ErrorKind.RATE_LIMIT: Scope.CREDENTIAL,
    ErrorKind.QUOTA: Scope.CREDENTIAL,
}
"""What the failure affects; every other kind affects the whole provider. A model that one credential lacks, another
may serve."""

LONG_WAIT = 60.0
"""Seconds beyond which clients are asked to end the turn rather than to repeat the request."""

_FINAL = frozenset({ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION, ErrorKind.BILLING, ErrorKind.FIREWALL})
"""Waiting a few seconds does not help: clients are asked not to retry."""

_KEEP_STATUS = frozenset(
    {ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND, ErrorKind.TOO_LARGE, ErrorKind.CONTEXT_LENGTH}
)
"""Faults of the request keep the upstream's 4xx, unless it is one that clients take for something else."""
_MISLEADING = frozenset({401, 402, 403, 407, 429})

_REASONS: Mapping[str, str] = {HTTPS_PORT: "tls", PROXY_LOGIN: "proxy"}

_JUDGED = 1000
"""Characters of a text that are searched for words."""


class _Meaning(NamedTuple):
    kind: ErrorKind
    row: FailureClass | None = None
    evidence: str = ""


def _nothing(_: str) -> bool:
    return False


def judge(failure: Failure, in_request: InRequest = _nothing) -> RemoteError:
    """What the failure means. The words that are the request's, by ``in_request``, do not count."""
    kind, row, evidence = _meaning(failure, in_request)
    wrong_address = bool(failure.page) and not evidence and (failure.status or 0) < 500 and _is_wrong_address(kind)
    if wrong_address:
        kind = ErrorKind.API
    scope = failure.not_found if kind is ErrorKind.NOT_FOUND else SCOPE_OF_KIND.get(kind, Scope.PROVIDER)
    failover = Failover.ONCE if kind is ErrorKind.CONTENT else None
    if _is_doubtful(kind, row, failure):
        scope, failover = Scope.REQUEST, Failover.ALWAYS
    error = RemoteError(
        kind,
        _message(failure, kind, wrong_address=wrong_address),
        scope=scope if row is None or row.scope is None else row.scope,
        failover=(row and row.failover) or failover,
        status=None if wrong_address else _status(kind, failure.status),
        upstream_status=failure.status,
        upstream_type=failure.type,
        code=failure.code or _only_code(failure.type),
        param=failure.param,
        retry_after=failure.retry_after,
        should_retry=False if wrong_address or _is_final(kind, failure) else failure.should_retry,
        evidence=evidence,
        failure=failure,
        reason=_REASONS.get(failure.page, ""),
    )
    error.resets_at, error.plan_type = failure.resets_at, failure.plan_type
    return error


def judged_again(error: RemoteError, in_request: InRequest) -> RemoteError:
    """``error``, unless the words that decided it are the request's own (``own_words``): then judged without those.

    Upstreams quote what they refuse, and the table's words are ordinary ones ("并发", "maintenance") that a
    user may have written. ``in_request`` says whether a text stands in the body that was sent; it is asked
    only about errors that words decided. Words for a prompt that does not fit count unless they are quoted: the
    same words stand in conversations that have been too long before.
    """
    if not error.evidence or error.failure is None:
        return error
    again = judge(error.failure, in_request)
    if (again.kind, again.evidence) == (error.kind, error.evidence):
        return error
    if not error.failure.page:
        again.message = error.message  # what was made of it since stays
    return again


def is_long_wait(error: GatewayError) -> bool:
    """Whether a limit ends only after more than a minute."""
    limited = error.kind in (ErrorKind.RATE_LIMIT, ErrorKind.QUOTA)
    return limited and error.retry_after is not None and error.retry_after > LONG_WAIT


def _meaning(failure: Failure, in_request: InRequest) -> _Meaning:
    if failure.firewall:
        return _Meaning(ErrorKind.FIREWALL)
    row = by_code(failure.code, failure.type)
    if row is not None:
        return _Meaning(row.kind, row)
    generic = _listed(GENERIC, failure)
    if generic is ErrorKind.CONTEXT_LENGTH:
        return _Meaning(generic)
    if generic is None and (words := _words_of_length(failure.message, in_request)):
        return _Meaning(ErrorKind.CONTEXT_LENGTH, evidence=words)
    text = f"{failure.message}\n{failure.beside}"[:_JUDGED]
    verdict = by_sentence(text, failure.param, in_request)
    if verdict is None and generic is None:
        verdict = retry_later(text, in_request)
    if verdict is not None:
        return _Meaning(verdict.row.kind, verdict.row, verdict.evidence)
    return _Meaning(generic or _by_status(failure))


def _words_of_length(message: str, in_request: InRequest) -> str:
    return next((match[0] for match in does_not_fit(message) if not is_quoted(match, in_request)), "")


def _listed(table: Mapping[str, ErrorKind], failure: Failure) -> ErrorKind | None:
    words = (word.lower() for word in (failure.code, failure.type) if word)
    return next((table[word] for word in words if word in table), None)


def _by_status(failure: Failure) -> ErrorKind:
    if failure.status is not None:
        server = failure.status >= 500 or failure.status < 400
        return KIND_OF_STATUS.get(failure.status, ErrorKind.API if server else ErrorKind.INVALID_REQUEST)
    return _listed(VAGUE, failure) or _of_family(failure.code or failure.type or "")


def _of_family(word: str) -> ErrorKind:
    """``invalid_image_url``, ``image_too_large`` …: the request's own fault, by the look of the word."""
    return ErrorKind.INVALID_REQUEST if word.startswith("invalid_") or "image" in word else ErrorKind.API


def _is_wrong_address(kind: ErrorKind) -> bool:
    return kind in (ErrorKind.API, ErrorKind.NOT_FOUND, ErrorKind.INVALID_REQUEST)


def _is_doubtful(kind: ErrorKind, row: FailureClass | None, failure: Failure) -> bool:
    """A 401 that calls the request wrong, and says nothing of a key: nobody's key is condemned for that."""
    if kind is not ErrorKind.AUTHENTICATION or row is not None or failure.status != 401:
        return False
    return _listed(VAGUE, failure) is ErrorKind.INVALID_REQUEST


def _is_final(kind: ErrorKind, failure: Failure) -> bool:
    if kind is ErrorKind.QUOTA:
        return failure.retry_after is None or failure.retry_after > LONG_WAIT
    return kind in _FINAL


def _status(kind: ErrorKind, status: int | None) -> int | None:
    """The upstream's where it is true; None for the usual one of the kind."""
    if status is None or status < 400:
        return None
    if kind in (ErrorKind.API, ErrorKind.TIMEOUT):
        return status
    return status if kind in _KEEP_STATUS and status < 500 and status not in _MISLEADING else None


def _only_code(type_: str | None) -> str | None:
    """Some errors say in ``type`` what OpenAI's clients look for in ``code`` (``usage_limit_reached``)."""
    known = type_ is not None and (by_code(type_) is not None or type_.lower() in GENERIC)
    return type_ if known else None


def _message(failure: Failure, kind: ErrorKind, *, wrong_address: bool) -> str:
    if failure.page:
        return _of_a_page(failure, kind, wrong_address=wrong_address)
    if failure.message:
        return failure.message
    word = failure.code or failure.type
    named = f" ({word})" if word else ""
    if failure.status is None:
        return f"the upstream failed without saying why{named}"
    return f"the upstream answered HTTP {failure.status} without saying why{named}"


def _of_a_page(failure: Failure, kind: ErrorKind, *, wrong_address: bool) -> str:
    quoted = f": {failure.message}" if failure.message else ""
    if kind is ErrorKind.FIREWALL:
        return f"there is a web firewall in front of the upstream (HTTP {failure.status}){quoted}"
    if failure.page in ON_THE_WAY:
        return "; ".join(ON_THE_WAY[failure.page])
    if failure.page == "a redirect":
        where = failure.message
        advice = "check the path of the provider's base-url"
        if where != ELSEWHERE:
            advice = "set the provider's base-url to it"
        return f"the upstream redirects (HTTP {failure.status}) to {where}: {advice}"
    advice = ": its base-url may be wrong or lack /v1" if wrong_address else ""
    return f"the upstream sent {failure.page} (HTTP {failure.status}){advice}{quoted}"
