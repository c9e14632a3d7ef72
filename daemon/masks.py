"""Secrets in texts that others wrote: found in every form in which they are usually quoted, and replaced by ``***``.

    secrets ─ forms ─▶ Masks ─▶ masks(text)

1. As it is, JSON-escaped, URL-encoded, HTML-escaped, and as base64 of the text alone, of ``Bearer TEXT``, and of
   ``TEXT:`` and ``:TEXT``, as an ``Authorization: Basic`` has them.
2. A text that was cut short may end inside a secret: its first ``CUT`` characters or more are masked where no letter or
   digit follows them. What is less than that says little, and upstreams quote keys so themselves (``sk-ab***yz``).
3. A secret of fewer than ``SHORT`` characters is replaced where it stands as a word of its own: keys of local servers
   are ``k`` or ``1234``, and inside other words they are none.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from daemon.secret import MASK, SHORT

CUT: Final = 12
"""Characters of a secret's beginning that are masked where the rest was cut off."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]+")
"""Looks the same in all forms but base64."""
_LOWER_HEX: Final = re.compile(r"%[0-9A-F]{2}")


def forms(secret: str) -> Iterator[str]:
    """The texts by which ``secret`` is found, itself the first; some may come twice."""
    yield secret
    if len(secret) >= SHORT:
        yield secret.lower()  # the name of a header
    if not _PLAIN.fullmatch(secret):
        yield from _escaped(secret)
    for around in ("{}", "Bearer {}", "{}:", ":{}"):
        encoded = around.format(secret).encode("utf-8", "surrogatepass")
        for in_base64 in (b64encode(encoded), urlsafe_b64encode(encoded)):
            whole = in_base64.decode().rstrip("=")
            # What follows in the encoded text changes the last character.
            yield whole[: len(encoded) * 8 // 6] if len(whole) > SHORT else whole


def _escaped(secret: str) -> Iterator[str]:
    lines = " ".join(secret.split())
    for text in dict.fromkeys((secret, lines)):
        yield text
        for ascii_only in (False, True):
            escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            yield escaped
            yield escaped.replace("/", "\\/")
            yield json.dumps(escaped)[1:-1]  # JSON inside a string
        encoded = text.encode("utf-8", "surrogatepass")
        for url in (quote(encoded, safe=""), quote(encoded), quote_plus(encoded)):
            yield url
            yield _LOWER_HEX.sub(lambda match: match[0].lower(), url)
        yield html.escape(text)
        yield html.escape(text, quote=False)


class Masks:
    """A set of secrets, ready to be masked in texts. Those that are nothing but blanks and stars are none."""

    __slots__ = ("_heads", "_long", "_raw_heads", "_short")

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets if secret.strip("* ") for form in forms(secret)}
        every = sorted(found, key=len, reverse=True)
        self._long = tuple(form for form in every if len(form) >= SHORT)
        self._heads = tuple({form[:CUT] for form in self._long})
        self._raw_heads = tuple(head.encode("utf-8", "surrogatepass") for head in self._heads)
        short = "|".join(re.escape(form) for form in every if len(form) < SHORT)
        self._short = re.compile(rf"(?<![\w-])(?:{short})(?![\w-])") if short else None

    def found(self, data: bytes) -> bool:
        """Whether ``data``, in UTF-8, may hold one: quicker than to mask it."""
        if any(head in data for head in self._raw_heads):
            return True
        return self._short is not None and self._short.search(data.decode("utf-8", "replace")) is not None

    def __call__(self, text: str) -> str:
        """``text`` with ``***`` in place of each secret."""
        if any(head in text for head in self._heads):
            for form in self._long:
                text = text.replace(form, MASK)
            for form in self._long:
                text = _without_cut(form, text)
        return self._short.sub(MASK, text) if self._short is not None else text


def _without_cut(form: str, text: str) -> str:
    """``text`` without beginnings of ``form`` that were cut off."""
    head, place = form[:CUT], 0
    if len(form) <= CUT:
        return text
    while (place := text.find(head, place)) >= 0:
        end = place + CUT
        while text[end : end + 1] == form[end - place : end - place + 1] != "":
            end += 1
        if text[end : end + 1].isalnum():  # another word that begins alike
            place = end
        else:
            text = text[:place] + MASK + text[end:]
            place += len(MASK)
    return text
