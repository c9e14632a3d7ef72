"""Rules about the keys of providers: one, or a list of them."""

from __future__ import annotations

import re

from daemon.config.diagnostics import Fault, Faults, Path
from daemon.config.rules_secrets import literal_hint
from daemon.secret import Secret


def provider_keys(path: Path, keys: Secret | tuple[Secret, ...], required: str) -> Faults:
    """``required`` is the sentence for a provider without a key. An item that is empty is an error like that: it is a
    line somebody has not filled in, and a request must not be sent without a key."""
    if not isinstance(keys, tuple):
        if not keys.reveal().strip():
            yield Fault(path=path, code="required", message=required, hint="a key, or e.g. env:FOX_API_KEY")
        yield from key_form(path, keys)
        return
    if not keys:
        hint = "the list is empty: write each key on a line that begins with '- ', or e.g. env:FOX_API_KEY"
        yield Fault(path=path, code="required", message=required, hint=hint)
    places: dict[str, int] = {}
    for index, key in enumerate(keys):
        at, text = (*path, index), key.reveal().strip()
        if not text:
            hint = "remove the item, or write a key or e.g. env:FOX_API_KEY"
            yield Fault(path=at, code="empty", message="a key of the list must not be empty", hint=hint)
        elif text in places:
            message = f"is the same key as api-key[{places[text]}], so it is used once"
            yield Fault(path=at, code="duplicate", message=message, hint="remove one of the two", severity="warning")
        yield from key_form(at, key)
        places.setdefault(text, index)


def key_form(path: Path, key: Secret) -> Faults:
    """A key travels in a header: visible ASCII only."""
    text = key.reveal().strip()
    if not text.isascii() or re.search(r"\s", text):
        message = "contains a space or a character that is not ASCII"
        hint = "copy the key again, without typographic quotes"
        yield Fault(path=path, code="key", message=message, hint=hint, literal_hint=literal_hint(text))
