"""Plain data as YAML text: what is written reads back as the very same value.

A scalar is written without quotes only if ``document.parse`` reads it as that text in the place where it will be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from daemon.config.document import UNPRINTABLE, parse
from daemon.config.edit.pieces import NotEditable

SHORT_LIST = 100
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
ESCAPED = re.compile(f'[\\\\"\\n\\r\\t\x85\xa0\u2028\u2029\ufeff]|{UNPRINTABLE.pattern}')


def scalar(value: object, *, flow: bool = False, style: str = "") -> str:
    """One value on one line. ``style`` is the quote to keep where it can hold the text."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return _text(value, flow, style)
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
    raise NotEditable(f"a value of type {type(value).__name__} cannot be written as YAML")


def key(name: str, *, flow: bool = False) -> str:
    """A key of a map. Keys are text as written, so ``on`` and ``5`` need no quotes."""
    text = f"{{{name}: 1}}" if flow else f"{name}: 1"
    return name if _reads(text, {name: 1}) else _double(name)


def inline(value: object, *, style: str = "") -> str:
    """A value in flow style: ``{name: fox, models: [a, b]}``."""
    match value:
        case Mapping():
            items = (f"{key(str(name), flow=True)}: {inline(item)}" for name, item in value.items())
            return f"{{{', '.join(items)}}}"
        case list() | tuple():
            return f"[{', '.join(inline(item) for item in value)}]"
    return scalar(value, flow=True, style=style)


def is_inline(value: object) -> bool:
    """Whether a value goes on the line of its key: scalars, what is empty, short lists of scalars."""
    if isinstance(value, list | tuple):
        plain = not any(isinstance(item, Mapping | list | tuple) for item in value)
        return not value or (plain and sum(len(str(item)) + 2 for item in value) <= SHORT_LIST)
    return not (isinstance(value, Mapping) and value)


def entry(name: str, value: object, *, step: int, offset: int) -> list[str]:
    """The lines of a map's entry, at column 0. ``step`` is how far a map is indented below its key,
    ``offset`` how far the dashes of a list are."""
    if is_inline(value):
        written = inline(value) if isinstance(value, list | tuple | Mapping) else scalar(value)
        return [f"{key(name)}: {written}"]
    return [f"{key(name)}:", *below(value, step=step, offset=offset)]


def below(value: object, *, step: int, offset: int) -> list[str]:
    """The lines of a collection below its key, indented against that key."""
    if isinstance(value, Mapping):
        return [" " * step + line for line in mapping(value, step=step, offset=offset)]
    assert isinstance(value, list | tuple)
    return [" " * offset + line for item in value for line in listed(item, step=step, offset=offset)]


def mapping(value: Mapping[str, object], *, step: int, offset: int) -> list[str]:
    return [line for name, item in value.items() for line in entry(str(name), item, step=step, offset=offset)]


def listed(value: object, *, step: int, offset: int, gap: int = 2) -> list[str]:
    """The lines of a list's item, its dash at column 0 and its content at ``gap``."""
    if is_inline(value) or isinstance(value, list | tuple):
        written = inline(value) if isinstance(value, list | tuple | Mapping) else scalar(value)
        return ["-".ljust(gap) + written]
    assert isinstance(value, Mapping)
    first, *rest = mapping(value, step=step, offset=offset)
    return ["-".ljust(gap) + first, *(" " * gap + line for line in rest)]


def _text(text: str, flow: bool, style: str) -> str:
    if not text.isascii():
        _encodable(text)
    if style == "'" and not ESCAPED.search(text.replace("\\", "").replace('"', "")):
        return "'" + text.replace("'", "''") + "'"
    if style not in ("'", '"') and _is_plain(text, flow):
        return text
    return _double(text)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotEditable("a text contains half of a surrogate pair", "send valid Unicode") from None


def _double(text: str) -> str:
    return f'"{ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    if match[0] in ESCAPES:
        return ESCAPES[match[0]]
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _is_plain(text: str, flow: bool) -> bool:
    if not text or len(text) > 4096 or ESCAPED.search(text):
        return False
    return _reads(f"k: [{text}]", {"k": [text]}) if flow else _reads(f"k: {text}", {"k": text})


def _reads(text: str, expected: Mapping[str, object]) -> bool:
    document = parse(text.encode("utf-8", "surrogatepass"))
    return not document.diagnostics and same(document.data, expected)


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    if not exponent:
        return text
    # YAML 1.1 reads 1e+22 as text: a float has a dot and the sign of its power.
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{power}" if power[0] in "+-" else f"{mantissa}e+{power}"


def same(one: object, other: object) -> bool:
    """Equal in value and in type: ``1`` is not ``true``. The order of keys does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, Sequence) and isinstance(other, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return one == other or (one != one and other != other)
