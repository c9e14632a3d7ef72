"""What an upstream says back, without the secrets that were sent to it.

Upstreams quote what they refuse: keys in a message, a code, a field's name; a header in a log line; the path of the
URL. ``mask_error`` is the one place where that is taken out of an error, whoever reads it: a client, the provider test,
``tppcd doctor``, the log.

    CoreAuth ─ secrets_of ─┐
    $Name    ─ copied_by ──┴─▶ Masks ─▶ mask_error: message, code, param, type

A secret of a core auth is

1. its key;
2. the value of each configured header, whole and without a scheme (``Bearer``), and what a ``name=value`` in it says;
   also the client's own value where ``$Name`` copies it. Values that a protocol defines (``accept``) are none, nor are
   values of under four characters and short words in small letters: an error without them could not be read;
3. user and password of the proxy and of the base URL: as written, decoded, and as ``user:password``;
4. of the base URL the values of its query, and the parts of its path that look like a key; of the balance URL the
   values of its query.

A key of the store that was never opened was never sent, so nobody can quote it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from daemon.errors import RemoteError
from daemon.masks import Masks
from daemon.secret import SHORT, mask_keys
from daemon.snapshot.core_auths import CoreAuth

PUBLIC_HEADERS: Final = frozenset(
    {"accept", "accept-language", "anthropic-beta", "anthropic-version", "content-type", "openai-beta"}
)
"""Whose values are defined by HTTP or by the API."""

LEAST: Final = 4
"""Characters of a header's value or of a URL's part that may be a secret."""

_WORD: Final = re.compile(r"[a-z]{1,11}")
_SCHEME: Final = re.compile(r"(?:basic|bearer|token|api-?key|key|digest)\s+(\S.*)", re.IGNORECASE)
_PAIR: Final = re.compile(r"[\w.-]+=\"?([^;,&\"\s]+)")
_VERSION: Final = re.compile(r"v\d+\w{0,6}|\d{4}-\d\d-\d\d(?:-preview)?", re.IGNORECASE)
_KEY_LIKE: Final = re.compile(r"(?=.*[0-9A-Z%]).{8,}")


def secrets_of(auth: CoreAuth) -> Iterator[str]:
    """Every secret that is sent for ``auth``, as far as it is in memory."""
    yield auth.api_key.known_text.strip()
    for name, value in auth.headers:
        if not value.startswith("$"):
            yield from of_header(name, value)
    yield from _of_user(auth.proxy_url.partition("://")[2].rpartition("@")[0])
    yield from _of_base_url(auth)
    yield from (value for _, value in parse_qsl(urlsplit(auth.balance_url).query) if len(value) >= LEAST)


def copied_by(auth: CoreAuth, client: Mapping[str, str]) -> Iterator[str]:
    """The client's own values that ``$Name`` copies. ``client`` has lower-case names."""
    for name, value in auth.headers:
        if value.startswith("$"):
            yield from of_header(name, client.get(value[1:].lower(), ""))


def of_header(name: str, value: str) -> Iterator[str]:
    """The secrets in the value of a header."""
    value = value.strip()
    if name.lower() in PUBLIC_HEADERS or len(value) < LEAST or _WORD.fullmatch(value):
        return
    yield value
    credentials = _SCHEME.fullmatch(value)
    if credentials is not None:
        yield credentials[1]
        yield from _of_user(_decoded(credentials[1]))
    for said in _PAIR.findall(value):
        if len(said) >= SHORT:
            yield said


def mask_error(error: RemoteError, masks: Masks) -> None:
    """Takes the secrets out of every text of ``error``, and then whatever else looks like a key."""

    def clean(text: str | None) -> str | None:
        return text and mask_keys(masks(text))

    error.message = mask_keys(masks(error.message))
    error.args = (error.message,)
    error.code, error.param, error.upstream_type = map(clean, (error.code, error.param, error.upstream_type))
    error.plan_type, error.messages_type = map(clean, (error.plan_type, error.messages_type))


def masked_headers(headers: tuple[tuple[str, str], ...], masks: Masks) -> tuple[tuple[str, str], ...]:
    """``headers`` of an answer, without those whose name holds a secret and with ``***`` in the values."""
    text = "\n".join([text for header in headers for text in header])
    if masks(text) == text:
        return headers
    return tuple([(name, masks(value)) for name, value in headers if masks(name) == name])


def masked_event(payload: bytes, masks: Masks) -> bytes:
    """An event or an answer that passes through, with ``***`` for each secret in what it says of failures. The content
    of the answer stays as it is. Raises what ``wires.json.NOT_JSON`` lists."""
    if not masks.found(payload):
        return payload
    value = msgspec.json.decode(payload)
    todo: list[tuple[Any, bool]] = [(value, False)]  # and whether it is about a failure
    while todo:
        each, of_failure = todo.pop()
        if not isinstance(each, dict | list):
            continue
        if of_failure and isinstance(each, dict):
            for name in list(each):
                each[masks(name)] = each.pop(name)
        for place, inner in list(each.items() if isinstance(each, dict) else enumerate(each)):
            says = of_failure or place in _FAILURES
            if isinstance(inner, str):
                if says or place in _WORDS:
                    each[place] = masks(inner)
            elif of_failure or place not in _CONTENT:
                todo.append((inner, says))
    return msgspec.json.encode(value)


_FAILURES: Final = frozenset(
    {"detail", "details", "error", "errors", "incomplete_details", "status_details", "warning", "warnings"}
)
"""Fields in which everything is about a failure."""
_WORDS: Final = frozenset(
    {"code", "finish_reason", "message", "msg", "param", "reason", "status", "stop_reason", "type"}
)
"""Fields whose text is."""
_CONTENT: Final = frozenset({"arguments", "content", "input", "instructions", "metadata", "tools"})


def _of_user(written: str) -> Iterator[str]:
    """Of ``user:password``; a user without a password is the secret itself."""
    user, _, password = written.partition(":")
    if not password:
        password, user = user, ""
    for text in filter(None, dict.fromkeys((password, unquote(password)))):
        yield text
        if user:
            yield f"{unquote(user)}:{text}"


def _decoded(text: str) -> str:
    """``user:password`` of a ``Basic`` header; '' where it is none."""
    try:
        decoded = b64decode(text, validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return ""
    return decoded if ":" in decoded else ""


def _of_base_url(auth: CoreAuth) -> Iterator[str]:
    try:
        url = urlsplit(auth.base_url)
    except ValueError:
        return
    yield from _of_user(url.netloc.rpartition("@")[0])
    models = {name for model in auth.models for name in (model.name, model.alias)}
    for text in (*_values(url.query), *filter(_KEY_LIKE.fullmatch, url.path.split("/"))):
        if text not in models and not _VERSION.fullmatch(text):
            yield from dict.fromkeys((text, unquote(text)))


def _values(query: str) -> Iterator[str]:
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        said = value if equals else name
        if len(said) >= LEAST and not _WORD.fullmatch(said):
            yield said
