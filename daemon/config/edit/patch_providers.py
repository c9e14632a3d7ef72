"""The list ``tppc.providers`` after a change: by name, which is compared trimmed and in lower case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from daemon.config.diagnostics import Path
from daemon.config.edit.patch import Block, PatchRefused, item_name, merged, replaced

PROVIDERS: Final = "providers"
COMPLETE: Final = ("base-url", "api-key")
"""What a provider must bring, beside its name, to be added by a PATCH."""


class UnknownProvider(Exception):
    """No provider goes by this name."""


def patched(written: Block, shown: Block, sent: Block) -> dict[str, object]:
    """PATCH of the tppc block: each provider that was sent is merged into the one of its name."""
    entries = sent.get(PROVIDERS)
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return merged(written, shown, sent)
    made, seen = list(_providers(written)), list(_providers(shown))
    for index, entry in enumerate(entries):
        _patch_one(made, seen, entry, (PROVIDERS, index))
    others = {key: value for key, value in sent.items() if key != PROVIDERS}
    return {**merged(written, shown, others), PROVIDERS: made}


def added(written: Block, entry: Mapping[str, object]) -> dict[str, object]:
    """With one provider more, at the end. Whether its name is taken is for the check of the whole to tell."""
    _named(entry, ())
    return {**written, PROVIDERS: [*_providers(written), replaced({}, {}, entry)]}


def removed(written: Block, name: str) -> dict[str, object]:
    """Without the provider of this name. Raises UnknownProvider."""
    wanted = name.strip().lower()
    kept = [each for each in _providers(written) if item_name(each) != wanted]
    if not wanted or len(kept) == len(_providers(written)):
        raise UnknownProvider(name)
    return {**written, PROVIDERS: kept}


def _patch_one(made: list[object], shown: list[object], entry: object, path: Path) -> None:
    name = _named(entry, path)
    assert isinstance(entry, Mapping)
    at = next((place for place, each in enumerate(made) if item_name(each) == name), None)
    if at is None:
        if lacking := [key for key in COMPLETE if not entry.get(key)]:
            raise PatchRefused(
                path, f"there is no provider {name[:60]!r}; to add it, give {' and '.join(lacking)}", "check the name"
            )
        made.append(merged({}, {}, entry, path))
        return
    before = made[at]
    assert isinstance(before, Mapping)
    seen = next((each for each in shown if item_name(each) == name), {})
    made[at] = merged(before, seen if isinstance(seen, Mapping) else {}, _renamed(before, entry), path)


def _renamed(before: Block, entry: Block) -> Block:
    """The name found the provider; written in another case it is still no change."""
    return {**entry, "name": before["name"]}


def _named(entry: object, path: Path) -> str:
    if name := item_name(entry):
        return name
    raise PatchRefused(path, "a provider without a name", 'send {"name": …, …}')


def _providers(block: Block) -> Sequence[object]:
    listed = block.get(PROVIDERS)
    return listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ()
