"""What of a row is shown with masks in it, and what a mask that is sent back stands for.

The key is one mask or a reference as written. A base URL hides its user part and its query. Of ``extra_config`` the
values of headers are hidden, and every text under a name that tppcd does not know: it may be a key of another program.
What was shown and is sent back is the value that was there, so a reader may change one field and return the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, structs

from daemon.config.diagnostics import Fault, Path
from daemon.config.edit.patch import MASK
from daemon.config.references import is_reference

IN_CLEAR: Final = ("temperature", "max_tokens", "top_p", "profile")
"""Keys of ``extra_config`` that hold nothing secret."""
MOST_MASKS: Final = 2
"""In one text: the user part and the query of a URL."""


def masked_extra_config(extra: Mapping[str, object]) -> dict[str, object]:
    """``extra_config`` as it is shown."""
    return {key: value if key in IN_CLEAR else _hidden(value) for key, value in extra.items()}


def unmasked(sent: object, before: object) -> object:
    """``sent`` with what ``before`` has in place of each mask; a mask that stands for nothing stays."""
    if isinstance(sent, Mapping):
        older = before if isinstance(before, Mapping) else {}
        return {key: unmasked(value, older.get(key)) for key, value in sent.items()}
    if isinstance(sent, list):
        olds = before if isinstance(before, list) and len(before) == len(sent) else [None] * len(sent)
        return [unmasked(*pair) for pair in zip(sent, olds, strict=True)]
    if isinstance(sent, str) and isinstance(before, str) and 0 < sent.count(MASK) <= MOST_MASKS:
        return before if re.fullmatch(".+".join(map(re.escape, sent.split(MASK))), before, re.S) else sent
    return sent


def mask_faults(value: object, path: Path) -> Iterator[Fault]:
    """Each mask that is left: it would be written as the value."""
    for place, text in texts(value, path):
        if MASK in text:
            yield Fault(
                path=place, code="masked", message="is a mask that stands for nothing here", hint="send the value"
            )


def reference_faults(value: object, path: Path) -> Iterator[Fault]:
    """Each reference where none is followed: only the key may be kept elsewhere."""
    for place, text in texts(value, path):
        if is_reference(text):
            hint = "write the value itself; only api_key takes one"
            yield Fault(path=place, code="wrong-value", message="takes no reference", hint=hint)


def nul_faults(value: object, path: Path) -> Iterator[Fault]:
    """PostgreSQL keeps no NUL, in JSON neither."""
    for place, text in texts(value, path):
        if "\0" in text:
            yield Fault(path=place, code="control-character", message="contains a control character", hint="remove it")


def texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in plain data with its place; the keys of mappings too, at the mapping's place."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield path, str(key)
            yield from texts(each, (*path, str(key)))
    elif isinstance(value, Struct):
        yield from texts(structs.asdict(value), path)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from texts(each, (*path, index))
    elif isinstance(value, str):
        yield path, value


def _hidden(value: object) -> object:
    """``$Name`` and a reference only say where a value comes from."""
    if isinstance(value, Mapping):
        return {str(key): _hidden(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    if not isinstance(value, str) or not value or value.startswith("$") or is_reference(value):
        return value
    return MASK
