"""The patterns of ``exclude-models``: shell patterns, and case does not matter, as in the seed system."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache


@lru_cache(maxsize=256)
def excluding(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """What ``match`` finds is excluded; a pattern is for a whole name."""
    return re.compile("|".join(map(fnmatch.translate, patterns)), re.IGNORECASE)
