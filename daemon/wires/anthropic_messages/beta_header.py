"""The header by which a client asks for what is not yet, or not everywhere, part of the API: one item for each.

Clouds and third-party servers refuse the whole request for an item that they do not know. Vertex names it, Bedrock does
not ("invalid beta flag"). What depends on an item is refused by its own name then, if at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = "anthropic-beta"

_ITEM: Final = re.compile(r"(?<![\w-])[\w-]{1,128}-20\d\d-\d\d-\d\d")
_SPOKEN: Final[Mapping[str, str]] = {"long context": "context-1m-"}
"""What a refusal calls it -> how the item begins."""


def without_betas(headers: dict[str, str], refused: str) -> None:
    """``headers``, names in lower case, less the items that ``refused`` names in whatever words; with none named, less
    all of them."""
    value = headers.get(HEADER)
    if value is None:
        return
    named = (*_ITEM.findall(refused), *(start for words, start in _SPOKEN.items() if words == refused.lower()))
    items = [item for item in map(str.strip, value.split(",")) if item]
    kept = [item for item in items if not item.startswith(named)] if named else []
    if kept:
        headers[HEADER] = ",".join(kept)
    else:
        del headers[HEADER]
