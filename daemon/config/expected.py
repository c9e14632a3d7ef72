"""A value of the wrong type in words: what was expected, what there is instead, and what to write."""

from __future__ import annotations

MODELS_HINT = "write discover, seed, or each model on a line that begins with '- '"
ROLE_OR_FILE = "write developer, system, or file:/path"
ONE_KEY = "write one key; only api-key of tppc.providers takes a list"
HINTS = {
    "text": "put it in quotes",
    "true or false": "write true or false, without quotes",
    "a whole number": "write digits, without quotes or a fraction",
    "seconds, or text such as 30s": "write a number of seconds, or e.g. 500ms, 30s, 5m",
    "bytes, or text such as 64MiB": "write a number of bytes, or e.g. 64KiB, 64MiB",
    "text or a list of texts": "put it in quotes, or each key on a line that begins with '- '",
    "a list": "begin each item with '- '",
    "keys and values": "write 'key: value' lines below it",
    "keys and values (pattern: model)": "write 'claude-*: gpt-5' lines below it",
}
"""What to do, by what was expected."""


def word(value: object) -> str:
    """The type of this value in plain words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "keys and values"
    return "a date"
