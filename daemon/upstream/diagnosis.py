"""What an upstream's response to ``GET /models`` means, in plain words. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from daemon.config.urls import shown
from daemon.upstream.model_list import ModelsResponse, listed_names
from daemon.wires.failures.page import ON_THE_WAY, page_of

MOST_QUOTED = 200
MOST_SEARCHED = 4096


class Diagnosis(Struct, frozen=True, kw_only=True):
    """``ok``: requests will get through. ``explanation`` is what is the case, ``hint`` what to do about it.

    ``models`` are the names the upstream lists, None where it lists none. ``key_refused``: an API says so, and
    no web page.
    """

    ok: bool
    explanation: str
    hint: str = ""
    models: tuple[str, ...] | None = None
    key_refused: bool = False


def explain(response: ModelsResponse, *, has_key: bool, model: str) -> Diagnosis:
    """``has_key``: a key was sent. ``model`` is the provider's default model."""
    if page := page_of(response.status, response.body[:MOST_SEARCHED].decode("utf-8", "replace")):
        explanation, hint = ON_THE_WAY[page]
        return Diagnosis(ok=False, explanation=explanation, hint=hint)
    if 300 <= response.status < 400:
        return _redirect(response)
    if response.status in (401, 403):
        return _refused(response, has_key)
    if response.is_html:
        return _web_page(response)
    if response.status == 200:
        return _listed(response, model)
    if response.status in (404, 405, 501):
        return _no_list(response)
    return _other(response)


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


def _refused(response: ModelsResponse, has_key: bool) -> Diagnosis:
    if response.is_html:
        return Diagnosis(
            ok=False,
            explanation=f"a web page refuses access ({response.status}): a firewall or bot protection, not the API",
            hint="check that base-url is the API's address; ask the provider whether your network is blocked",
        )
    if not has_key:
        return Diagnosis(
            ok=False, explanation="the upstream requires a key and none is configured", hint="fill in the key"
        )
    if response.status == 401:
        return Diagnosis(
            ok=False,
            explanation="the upstream is reached but refuses the key (401)",
            hint="copy the key again; check that it belongs to this provider and has not expired",
            key_refused=True,
        )
    return Diagnosis(
        ok=False,
        explanation="the upstream knows the key but forbids this (403)",
        hint="check the account: balance, plan, allowed networks",
        key_refused=True,
    )


def _web_page(response: ModelsResponse) -> Diagnosis:
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


def _listed(response: ModelsResponse, model: str) -> Diagnosis:
    names = listed_names(response.data)
    if names is None:
        if response.speaks_json:
            return Diagnosis(ok=True, explanation="the upstream responds, though not with a list of models")
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
        )
    count = f"{len(names)} {'model' if len(names) == 1 else 'models'}"
    return Diagnosis(ok=True, explanation=f"the upstream responds, accepts the key and lists {count}", models=names)


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


def _other(response: ModelsResponse) -> Diagnosis:
    match response.status:
        case 402:
            explanation, hint = "the account has no credit (402)", "top up at the provider"
        case 429:
            explanation, hint = "the upstream is reached but limits the rate at the moment (429)", "try again later"
        case status if status >= 500:
            explanation = f"the upstream is reached but fails ({status})"
            hint = "wait, or ask the provider; nothing is wrong on this side"
        case status:
            explanation, hint = f"the upstream answers {status}", "check base-url"
    if message := _message(response.data):
        explanation += f'; it says: "{message}"'
    return Diagnosis(ok=response.status == 429, explanation=explanation, hint=hint)


def _message(data: object) -> str:
    error = data.get("error", data) if isinstance(data, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return " ".join(message.split())[:MOST_QUOTED] if isinstance(message, str) else ""
