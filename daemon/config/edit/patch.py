"""A block of config.yaml after a change through the API, as plain data.

    block as written + block as shown + what was sent ─▶ block to write

1. ``shown`` is the block as the API shows it: defaults filled in, secrets masked. What comes back as it
   was shown is no change, so a mask stands for what it hides and an absent key stays absent.
2. A key of the file that is not shown (one that the schema does not know) is never lost.
3. A mask without a stored value is refused: it would be written as the secret. Masked items of a list stand for those
   in the same place, so the list has to keep its length.
4. The providers of ``tppc`` are patched by name, which is compared trimmed and in lower case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, Literal

from daemon.config.diagnostics import Path
from daemon.config.edit.items import item_name
from daemon.config.edit.render import same
from daemon.config.provider import lower_name

MASK: Final = "********"
"""What is shown in place of a secret."""
READ_ONLY: Final = ("effective-source", "effective-sources")
PROVIDERS: Final = "providers"
COMPLETE: Final = ("base-url", "api-key")
"""What a provider must have, besides its name, to be added by a PATCH."""

Block = Mapping[str, object]


class Absent(Enum):
    """The type of ``ABSENT``: a key that is not there, as opposed to null."""

    ABSENT = 0


ABSENT: Literal[Absent.ABSENT] = Absent.ABSENT


class PatchRefused(Exception):
    """What was sent cannot be put into the block; ``path`` begins below the block."""

    def __init__(self, path: Path, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


class UnknownProvider(Exception):
    """No provider has this name."""


def unwrapped(name: str, body: object) -> dict[str, object]:
    """The block of a body that is bare or wrapped in ``{name: …}``, without what is read-only."""
    if isinstance(body, Mapping) and name in body:
        if others := [key for key in body if key != name]:
            raise PatchRefused(
                (), f"{others[0][:60]!r} and {name!r} cannot be sent together", f'send {{"{name}": …}} alone'
            )
        body = body[name]
    if not isinstance(body, Mapping):
        raise PatchRefused((), f"expected {name} as an object", f'send {{"{name}": {{…}}}}')
    return {key: value for key, value in body.items() if key not in READ_ONLY}


def replaced(written: Block, shown: Block, sent: Block) -> dict[str, object]:
    """PUT: the block is what was sent; a key that is absent gets its default, so it is removed from the file."""
    return _replaced_map(written, shown, sent, ())


def merged(written: Block, shown: Block, sent: Block, path: Path = ()) -> dict[str, object]:
    """PATCH as in RFC 7396: null removes, an object is merged, all else replaces. What is absent stays."""
    result = dict(written)
    for key, value in sent.items():
        before, seen, at = result.get(key, ABSENT), shown.get(key, ABSENT), (*path, key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            inner = merged(_map(before), _map(seen), value, at)
            if inner or before is not ABSENT:
                result[key] = inner
        elif isinstance(value, Sequence) and not isinstance(value, str):
            _put(result, key, _replaced(before, seen, value, at))
        elif has_mask(value):
            _put(result, key, _behind_mask(before, seen, value, at))
        else:
            result[key] = value
    return result


def has_mask(value: object) -> bool:
    return isinstance(value, str) and MASK in value


def _replaced(written: object, shown: object, sent: object, path: Path) -> object:
    """``sent`` with its masks resolved; ABSENT where it is a default that need not be written."""
    if shown is not ABSENT and same(shown, sent):
        return written
    if isinstance(sent, Mapping):
        result = _replaced_map(_map(written), _map(shown), sent, path)
        return result if result or written is not ABSENT or not _map(shown) else ABSENT
    if isinstance(sent, Sequence) and not isinstance(sent, str):
        return list(_replaced_items(written, shown, sent, path))
    return _behind_mask(written, shown, sent, path) if has_mask(sent) else sent


def _replaced_map(written: Block, shown: Block, sent: Block, path: Path) -> dict[str, object]:
    result = {key: value for key, value in written.items() if key not in shown and key not in sent}
    for key, value in sent.items():
        before, seen = written.get(key, ABSENT), shown.get(key, ABSENT)
        if value is not None or (seen is None and before is not ABSENT):
            _put(result, key, _replaced(before, seen, value, (*path, key)))
    return {key: result[key] for key in (*written, *result) if key in result}


def _replaced_items(written: object, shown: object, sent: Sequence[object], path: Path) -> Iterator[object]:
    """Items are the same if they are named the same, those without a name if they are equal; masked ones if they are in
    the same place."""
    if any(map(has_mask, sent)):
        written, shown = _items(written), _items(shown)
        if len(sent) != len(written):
            message = f"{path[-1]} has masked items, so it must keep its length ({len(written)}, got {len(sent)})"
            raise PatchRefused(path, message, "send every item itself, as a key or a reference")
        for index, each in enumerate(zip(written, shown, sent, strict=True)):
            yield _replaced(*each, (*path, index))
        return
    known = list(zip(_list(written), _list(shown), strict=False))
    for index, item in enumerate(sent):
        at = next((place for place, (_, seen) in enumerate(known) if _is_same_item(seen, item)), None)
        before, seen = (ABSENT, ABSENT) if at is None else known.pop(at)
        yield _replaced(before, seen, item, (*path, index))


def _is_same_item(shown: object, sent: object) -> bool:
    name = item_name(sent)
    return name == item_name(shown) if name else same(shown, sent)


def _behind_mask(written: object, shown: object, sent: object, path: Path) -> object:
    """The value that a mask stands for."""
    if shown is ABSENT or not same(shown, sent):
        name = f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) else path[-1]
        raise PatchRefused(path, f"{name} is masked, but there is no stored value for it", "send the value itself")
    return written


def _put(result: dict[str, object], key: str, value: object) -> None:
    if value is ABSENT:
        result.pop(key, None)
    else:
        result[key] = value


def _map(value: object) -> Block:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> Sequence[object]:
    """A list, or one value that stands for a list of it."""
    return [value] if isinstance(value, str) and value else _list(value)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def patched(written: Block, shown: Block, sent: Block) -> dict[str, object]:
    """PATCH of the tppc block: each provider that was sent is merged into the one of its name."""
    entries = sent.get(PROVIDERS)
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return merged(written, shown, sent)
    result, seen = list(_providers(written)), list(_providers(shown))
    for index, entry in enumerate(entries):
        _patch_one(result, seen, entry, (PROVIDERS, index))
    others = {key: value for key, value in sent.items() if key != PROVIDERS}
    return {**merged(written, shown, others), PROVIDERS: result}


def added(written: Block, entry: Mapping[str, object]) -> dict[str, object]:
    """With one more provider, at the end. The check of the whole file finds out whether its name is taken."""
    _named(entry, ())
    return {**written, PROVIDERS: [*_providers(written), replaced({}, {}, entry)]}


def removed(written: Block, name: str) -> dict[str, object]:
    """Without the provider of this name. Raises UnknownProvider."""
    removed_name = lower_name(name)
    others = [each for each in _providers(written) if item_name(each) != removed_name]
    if not removed_name or len(others) == len(_providers(written)):
        raise UnknownProvider(name)
    return {**written, PROVIDERS: others}


def _patch_one(result: list[object], shown: list[object], entry: object, path: Path) -> None:
    name = _named(entry, path)
    assert isinstance(entry, Mapping)
    at = next((place for place, each in enumerate(result) if item_name(each) == name), None)
    if at is None:
        if lacking := [key for key in COMPLETE if not entry.get(key)]:
            raise PatchRefused(
                path, f"there is no provider {name[:60]!r}; to add it, send {' and '.join(lacking)}", "check the name"
            )
        result.append(merged({}, {}, entry, path))
        return
    before = result[at]
    assert isinstance(before, Mapping)
    seen = next((each for each in shown if item_name(each) == name), {})
    result[at] = merged(before, seen if isinstance(seen, Mapping) else {}, _renamed(before, entry), path)


def _renamed(before: Block, entry: Block) -> Block:
    """The provider was looked up by this name; another case is no change of it."""
    return {**entry, "name": before["name"]}


def _named(entry: object, path: Path) -> str:
    if name := item_name(entry):
        return name
    raise PatchRefused(path, "a provider without a name", 'send {"name": …, …}')


def _providers(block: Block) -> Sequence[object]:
    listed = block.get(PROVIDERS)
    return listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ()
