"""What an upstream's response to ``GET /models`` means, in plain words. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from daemon.config.urls import shown
from daemon.errors import ErrorKind
from daemon.snapshot.core_auths import Verified
from daemon.upstream.key_judgement import failure_in, refuses_key, verified
from daemon.upstream.model_list import ModelsResponse, listed_names
from daemon.wires.failures.page import ON_THE_WAY, page_of

MOST_QUOTED = 200
MOST_SEARCHED = 4096


class Diagnosis(Struct, frozen=True, kw_only=True):
    """``ok``: requests will get through. ``explanation`` is what is the case, ``hint`` what to do about it.

    ``models`` are the names the upstream lists, None where it lists none. ``verified``: whether it takes the key.
    """

    ok: bool
    explanation: str
    hint: str = ""
    models: tuple[str, ...] | None = None
    verified: Verified = "unknown"


def explain(
    response: ModelsResponse, *, has_key: bool, model: str, without: ModelsResponse | None = None, quoting: bool = True
) -> Diagnosis:
    """``has_key``: a key was sent. ``model`` is the provider's default model. ``without``: the response to the same
    question without the key, where it was asked. ``quoting``: with the upstream's own words."""
    if page := page_of(response.status, response.body[:MOST_SEARCHED].decode("utf-8", "replace")):
        explanation, hint = ON_THE_WAY[page]
        return Diagnosis(ok=False, explanation=explanation, hint=hint)
    if 300 <= response.status < 400:
        return _redirect(response)
    failure = failure_in(response)
    if response.is_html:
        return _web_page(response)
    if failure is not None and refuses_key(response, failure):
        return _refused(response.status, failure.kind, has_key)
    if failure is not None and (response.status < 300 or failure.kind in _ACCOUNT):
        return _failed(response, failure.kind, quoting)
    if response.status == 200:
        return _listed(response, model, verified(response, without) if has_key else "unknown", has_key)
    if response.status in (404, 405, 501):
        return _no_list(response)
    return _failed(response, failure.kind if failure is not None else ErrorKind.API, quoting)


def lacks_version(url: str) -> bool:
    """Whether the path of a base URL has no ``/v1`` or the like in it."""
    return not any(part[:1] == "v" and part[1:2].isdigit() for part in urlsplit(url).path.split("/"))


def _redirect(response: ModelsResponse) -> Diagnosis:
    target = response.headers.get("location", "")
    where = shown(target) if "://" in target else "another path"
    return Diagnosis(
        ok=False,
        explanation=f"the upstream redirects (HTTP {response.status}) to {where}; redirects are not followed, so that "
        "the key is only sent to the host you configured",
        hint=f"write the address it redirects to as base-url (https instead of http?): {where}",
    )


def _refused(status: int, kind: ErrorKind, has_key: bool) -> Diagnosis:
    if not has_key:
        return Diagnosis(
            ok=False, explanation="the upstream requires a key and none is configured", hint="fill in the key"
        )
    if kind is ErrorKind.AUTHENTICATION:
        return Diagnosis(
            ok=False,
            explanation=f"the upstream is reached but refuses the key ({status})",
            hint="copy the key again; check that it belongs to this provider and has not expired",
            verified="no",
        )
    return Diagnosis(
        ok=False,
        explanation=f"the upstream knows the key but forbids this ({status})",
        hint="check the account: balance, plan, allowed networks",
        verified="no",
    )


def _web_page(response: ModelsResponse) -> Diagnosis:
    if response.status in (401, 403):
        return Diagnosis(
            ok=False,
            explanation=f"a web page refuses access ({response.status}): a firewall or bot protection, not the API",
            hint="check that base-url is the API's address; ask the provider whether your network is blocked",
        )
    if response.status >= 500:
        return Diagnosis(
            ok=False,
            explanation=f"the provider's front server answers with an error page ({response.status}): the API behind "
            "it is down",
            hint="wait, or ask the provider; nothing is wrong on this side",
        )
    missing = lacks_version(response.url)
    return Diagnosis(
        ok=False,
        explanation=f"the address answers with a web page ({response.status}), not with an API",
        hint="base-url probably lacks /v1" if missing else "check base-url: it leads to a website, not to the API",
    )


def _listed(response: ModelsResponse, model: str, key: Verified, has_key: bool) -> Diagnosis:
    names = listed_names(response.data)
    if names is None:
        if response.speaks_json:
            explanation = "the upstream responds, though not with a list of models"
            return Diagnosis(ok=True, explanation=explanation, verified=key)
        return Diagnosis(
            ok=False,
            explanation="the address answers 200 with something that is not JSON",
            hint="check base-url: this may be another service",
        )
    if names and model and model not in names:
        return Diagnosis(
            ok=True,
            explanation=f"the upstream responds and lists {len(names)} models, but not {model}, the default model",
            hint=f"set defaults.model, or models, to one of: {', '.join(names[:10])}",
            models=names,
            verified=key,
        )
    count = f"{len(names)} {'model' if len(names) == 1 else 'models'}"
    match key, has_key:
        case "yes", _:
            explanation = f"the upstream responds, accepts the key and lists {count}"
        case _, True:
            explanation = (
                f"the upstream responds and lists {count}; the list does not show whether the key is right, "
                "the first request will"
            )
        case _:
            explanation = f"the upstream responds and lists {count}; no key is configured"
    return Diagnosis(ok=True, explanation=explanation, models=names, verified=key)


def _no_list(response: ModelsResponse) -> Diagnosis:
    if lacks_version(response.url):
        return Diagnosis(
            ok=False,
            explanation=f"the upstream has nothing at this path ({response.status})",
            hint="base-url probably lacks /v1",
        )
    return Diagnosis(
        ok=True,
        explanation=f"the upstream is reached but has no list of models ({response.status}; some have none); "
        "the first request will show whether it accepts the key",
        hint="if requests fail with 404 too, check the path of base-url",
    )


_ACCOUNT: Final = {
    ErrorKind.BILLING: ("the account has no credit", "top up at the provider"),
    ErrorKind.QUOTA: ("the account's quota is used up", "wait until it is reset, or take another account"),
    ErrorKind.WRONG_CLIENT: ("the upstream serves only certain clients", "see `headers` and the provider's own guide"),
    ErrorKind.FIREWALL: (
        "a firewall or bot protection refuses access, not the API",
        "ask the provider whether your network is blocked",
    ),
    ErrorKind.MAINTENANCE: ("the upstream is under maintenance", "wait; nothing is wrong on this side"),
}
"""Failures that say what is wrong in words, whatever their status: what it means, and what to do."""


def _failed(response: ModelsResponse, kind: ErrorKind, quoting: bool) -> Diagnosis:
    status = response.status
    if kind in _ACCOUNT:
        explanation, hint = _ACCOUNT[kind]
        explanation += f" ({status})"
    elif status == 429:
        explanation, hint = "the upstream is reached but limits the rate at the moment (429)", "try again later"
    elif status >= 500 or status < 300:
        explanation = f"the upstream is reached but fails ({status})"
        hint = "wait, or ask the provider; nothing is wrong on this side"
    else:
        explanation, hint = f"the upstream answers {status}", "check base-url"
        if status in (401, 403):
            hint = "the first request shows whether it accepts the key"
    if quoting and (message := _message(response.data)):
        explanation += f'; it says: "{message}"'
    return Diagnosis(ok=status == 429 and kind is ErrorKind.RATE_LIMIT, explanation=explanation, hint=hint)


def _message(data: object) -> str:
    error = data.get("error", data) if isinstance(data, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return " ".join(message.split())[:MOST_QUOTED] if isinstance(message, str) else ""
