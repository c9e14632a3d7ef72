"""Does an upstream take the key? One judgement: for the daemon's own check, the provider test, ``doctor``, API writes.

    GET /models with the key ─▶ refused? ─▶ no
                              └ 200 ─▶ GET /models without it ─▶ refused? ─▶ yes
                                                               └ anything else ─▶ unknown: the list is public

What a refusal is the judge of requests' failures says (``wires.failures``): words come before the status, so an
account without balance, a relay for one kind of client and a firewall refuse no key. Free questions, never a paid call.
"""

from __future__ import annotations

import re
from typing import Final

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.snapshot.core_auths import Verified
from daemon.upstream.model_list import ModelsResponse
from daemon.wires.failures.body import is_failure
from daemon.wires.failures.remote_errors import decode_error, remote_error

_NOT_THE_KEY: Final = re.compile(
    r"missing scopes?|\bscopes?\b|api\.model\.read"  # OpenAI's restricted keys, which may ask models all the same
    r"|\b(?:country|countries|region|territor(?:y|ies)|location)\b|地区|区域|国家"
    r"|\bip\b|\bip address|white-?list|allow-?list|白名单",
    re.IGNORECASE,
)
"""Words beside a 403 that concern what may be listed, or from where."""


def failure_in(response: ModelsResponse) -> RemoteError | None:
    """What the response says of a failure, judged like an answer to a request; None where it is a success. Some relays
    put one into a 200."""
    if response.status < 300:
        data = response.data
        return remote_error(data) if is_failure(data) else None
    return decode_error(response.status, response.headers, response.body)


def refuses_key(response: ModelsResponse, failure: RemoteError | None) -> bool:
    """Whether ``failure``, which is that of ``response``, is an API's word that the key, or none, will not do. A web
    page is not."""
    if failure is None or response.is_html or 300 <= response.status < 400:
        return False
    if (failure.failure is not None and failure.failure.page) or failure.scope is Scope.REQUEST:
        return False
    if failure.kind is ErrorKind.PERMISSION:
        return _NOT_THE_KEY.search(f"{failure.code or ''} {failure.message}".replace("_", " ")) is None
    return failure.kind is ErrorKind.AUTHENTICATION


def verified(with_key: ModelsResponse, without: ModelsResponse | None) -> Verified:
    """``without``: the response to the same question without the key; None: not asked, or there was none."""
    failure = failure_in(with_key)
    if refuses_key(with_key, failure):
        return "no"
    listed = with_key.status == 200 and failure is None and with_key.speaks_json
    if not listed or without is None:
        return "unknown"
    return "yes" if refuses_key(without, failure_in(without)) else "unknown"


def needs_second_question(response: ModelsResponse) -> bool:
    """Whether the response to a question with the key leaves open what it would be without."""
    return response.status == 200 and response.speaks_json and failure_in(response) is None
