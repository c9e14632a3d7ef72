"""A secret is found in every form in which a text may quote it, and other words stay."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from daemon.masks import Masks
from daemon.secret import MASK

ODD = 'sk-a/b+c="d" <é>&\'77'

FORMS = {
    "as it is": ODD,
    "in small letters": ODD.lower(),
    "JSON": json.dumps(ODD, ensure_ascii=False)[1:-1],
    "JSON in ASCII": json.dumps(ODD)[1:-1],
    "JSON with escaped slashes": json.dumps(ODD)[1:-1].replace("/", "\\/"),
    "JSON in a string of JSON": json.dumps(json.dumps(ODD)[1:-1])[1:-1],
    "URL-encoded": quote(ODD, safe=""),
    "URL-encoded with slashes": quote(ODD),
    "of a form": quote_plus(ODD),
    "URL-encoded in small letters": re.sub("%..", lambda code: code[0].lower(), quote(ODD, safe="")),
    "HTML": "sk-a/b+c=&quot;d&quot; &lt;é&gt;&amp;&#x27;77",
    "base64": b64encode(ODD.encode()).decode(),
    "base64 for URLs": urlsafe_b64encode(ODD.encode()).decode(),
    "base64 of Bearer": b64encode(f"Bearer {ODD}".encode()).decode(),
    "base64 of Bearer in a longer text": b64encode(f"Bearer {ODD} and more".encode()).decode(),
    "base64 of Basic, as the user": b64encode(f"{ODD}:".encode()).decode(),
    "base64 of Basic, as the password": b64encode(f":{ODD}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["no: {}", "{}", "'{}', x", "a{}b"])
def test_a_secret_is_masked_in_every_form(form: str, around: str) -> None:
    shown = Masks([ODD])(around.format(FORMS[form]))
    assert MASK in shown and FORMS[form][:24] not in shown


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("sk-planted", "xsk-plantedx", "x***x"),
        ("k", "max_tokens of Bearer k, key=k", "max_tokens of Bearer ***, key=***"),
        ("1234", "131234 tokens, 'x-api-key':'1234'", "131234 tokens, 'x-api-key':'***'"),
        ("k-1", "k-1 k-12 ak-1", "*** k-12 ak-1"),
        ("tok-7", "dG9rLTc= is tok-7, atok-7 is not", "***= is ***, atok-7 is not"),
        ("", "nothing", "nothing"),
        ("***", "sk-*** is masked", "sk-*** is masked"),
    ],
)
def test_a_short_secret_is_masked_as_a_whole_word_alone(secret: str, text: str, masked: str) -> None:
    assert Masks([secret])(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key: sk-planted-0123456789", "key: ***"),
        ("key: sk-planted-0123…", "key: ***…"),
        ("key: sk-planted-0", "key: ***"),
        ("key: sk-planted-012 (more), sk-planted-0", "key: *** (more), ***"),
        ("key: sk-planted-0***89", "key: ******89"),
        ("key: sk-pl***89", "key: sk-pl***89"),
        ("key: sk-planted-01x is another", "key: sk-planted-01x is another"),
    ],
)
def test_a_secret_that_was_cut_is_masked_as_far_as_it_goes(text: str, masked: str) -> None:
    """What an upstream leaves of a key on purpose, a few characters of both ends, may stay."""
    assert Masks(["sk-planted-0123456789"])(text) == masked


def test_of_two_secrets_the_longer_is_masked_first() -> None:
    assert Masks(["planted-77", "user:planted-77"])("user:planted-77 planted-77") == "*** ***"
