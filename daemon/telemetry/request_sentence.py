"""A finished request in one sentence for people, from the fields of its line. Pure.

    200 claude-opus-4-8 → gpt-5 fox 39 ms (first 12 ms) 18.9k → 83 tok
    │   │                 │     │   │      │             └ tokens of the prompt and of the answer
    │   │                 │     │   │      └ until the first event was written to the client
    │   │                 │     │   └ from the request's arrival to its end
    │   │                 │     └ the provider that answered, or that was asked last
    │   │                 └ the model the upstream was asked for
    │   └ the model the client asked for; before it, or in its place, the entry where that is no model's answer
    └ the status; of a stream that failed after its head, the one that the failure would have had
    502 claude-opus-4-8 → gpt-5 fox 88 ms refused (3 attempts)

What is not known is left out. It is built where a line is shown, never while a request is served.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct

LOGGER: Final = "request"
"""The ``logger`` of these lines."""
_NAMES: Final = ("model", "served", "provider")
_SAID: Final = frozenset(
    (*_NAMES, "status", "first_ms", "total_ms", "tokens_in", "tokens_out", "tokens", "source", "reason", "attempts")
)
"""Fields that a sentence says whenever they have a value."""
_NAMED_ENTRIES: Final = frozenset(("compact", "count_tokens", "input_tokens", "models"))
"""Where no model answers a prompt; of the others the models say enough."""
_VAGUE: Final = frozenset(("", "api"))
"""Classes of failures that say no more than the reason."""
_NAME: Final = re.compile(r"[!#-<>-\[\]-~]{1,80}")
"""A name that needs no quotes and no shortening: visible ASCII without quotes, ``=`` and backslashes."""
_LONGEST: Final = 80


class Sentence(Struct, frozen=True, gc=False):
    """``status``, then ``rest``."""

    status: str
    rest: str


def sentence(fields: Mapping[str, object]) -> Sentence:
    """Of the fields of a finished request, as the log's JSON has them."""
    get = fields.get
    entry, model, reason = get("entry"), get("model"), get("reason")
    parts = []
    if entry in _NAMED_ENTRIES or not model:
        parts.append(str(entry))
    if model:
        served = get("served")
        parts.append(f"{_name(model)} → {_name(served)}" if served else _name(model))
    if provider := get("provider"):
        parts.append(_name(provider))
    parts.append(_times(get("total_ms"), get("first_ms")))
    read, written = get("tokens_in"), get("tokens_out")
    if read is not None or written is not None:
        parts.append(f"{_tokens(read)} tok" if written is None else f"{_tokens(read)} → {_tokens(written)} tok")
    if reason:
        parts.append(str(reason))
    if reason or get("attempts", 1) != 1 or "tokens" in fields or "source" in fields:
        parts.append(_notes(fields, str(reason or "")))
    return Sentence(str(get("status", "?")), " ".join(filter(None, parts)))


def said(fields: Mapping[str, object]) -> Collection[str]:
    """Names of the fields that need not be repeated after the sentence."""
    reason, error = str(fields.get("reason") or ""), str(fields.get("error") or "")
    names = set(_SAID)
    if _says_class(reason, error):
        names.add("error")
    if not fields.get("model") or fields.get("entry") in _NAMED_ENTRIES:
        names.add("entry")
    return names.difference(key for key in _NAMES if len(str(fields.get(key) or "")) > _LONGEST)


def milliseconds(value: float) -> str:
    """``0.2 ms``, ``39 ms``, ``9870 ms``, ``12.3 s``, ``640 s``."""
    if value < 9999.5:
        return f"{value:.0f} ms" if value >= 0.95 else f"{value:.1f} ms"
    seconds = value / 1000
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds:.0f} s"


def tokens(number: int) -> str:
    """``83``, ``18.9k``, ``189k``, ``1.2M``."""
    if number < 1000:
        return str(number)
    unit, size = ("k", 1000) if number < 999_500 else ("M", 1_000_000)
    scaled = number / size
    return f"{scaled:.1f}".removesuffix(".0") + unit if scaled < 99.95 else f"{scaled:.0f}{unit}"


def _notes(fields: Mapping[str, object], reason: str) -> str:
    """``(rate_limit, 3 attempts)``; empty where there is nothing to add."""
    notes = []
    if _says_class(reason, error := str(fields.get("error") or "")):
        notes.append(error)
    if reason and fields.get("first_ms") is not None:
        notes.append("after its answer had begun")
    attempts = fields.get("attempts")
    if isinstance(attempts, int) and attempts > 1:
        notes.append(f"{attempts} attempts")
    notes += [f"{key} {value}" for key in ("tokens", "source") if (value := fields.get(key))]
    return f"({', '.join(notes)})" if notes else ""


def _says_class(reason: str, error: str) -> bool:
    """Whether the class of the failure adds to its reason: a number says little, and ``api`` nothing."""
    return reason.startswith("http_") and error not in _VAGUE


def _times(total: object, first: object) -> str:
    shown = milliseconds(total) if isinstance(total, int | float) else ""
    return f"{shown} (first {milliseconds(first)})" if isinstance(first, int | float) else shown


def _tokens(number: object) -> str:
    return tokens(number) if isinstance(number, int) else "?"


def _name(value: object) -> str:
    """A name as one word that cannot be taken for the rest of the sentence: clients choose it."""
    text = str(value)
    if _NAME.fullmatch(text):
        return text
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return '"' + short.replace('"', "'") + '"'
