"""A value of the wrong type in words: what was expected, what there is instead, and what to write."""

from __future__ import annotations

from daemon.config.lookalikes import lookalike_hint

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


def hint_for(what: str, value: object, written: str, *, is_url: bool = False) -> str:
    """What to do about a value of the wrong type. ``written`` is an unquoted text that YAML read as something else."""
    wants_keys = what.startswith("keys and values")
    if alike := lookalike_hint(value, is_key=wants_keys):
        return alike
    if what == "text" and value is None:
        return "remove it, or give it a value"
    if what == "text" and isinstance(value, bool) and written:
        return f"YAML reads {written} as {str(value).lower()}: put it in quotes"
    if isinstance(value, str) and value.rstrip()[-1:] in (",", ";"):
        return f"remove the {value.rstrip()[-1]} at its end"
    if is_url and not isinstance(value, bool):
        return "write the whole URL, e.g. http://127.0.0.1:8000/v1"
    if what == "text" and isinstance(value, list):
        return "write one text, or put it in quotes if the brackets belong to it"
    if wants_keys and isinstance(value, list):
        return "remove the '- ' at the beginning of its lines" if what.endswith(")") else HINTS[what]
    if (
        what == "a list"
        and isinstance(value, dict)
        and value
        and all(isinstance(each, dict) for each in value.values())
    ):
        return "write each entry as '- name: …', with its settings below, indented like name"
    return HINTS[what]


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
