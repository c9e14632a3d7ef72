"""A file with very many mistakes is reported in a bounded number of lines, and the last one says how many there are."""

from __future__ import annotations

import pytest

from daemon.config.diagnostics import MOST_SHOWN
from tests.config.world import loaded


@pytest.mark.parametrize(
    ("text", "last", "usable"),
    [
        ("\n".join(f"key_{number}: 1" for number in range(3000)), "warning: and 2800 more warnings", True),
        ("api-keys:\n" + "- 7\n" * 3000, "error: and 2800 more errors", False),
        ("port: 1\n" * 3001, "error: and 2800 more errors", False),
        ("\n".join(f"key_{number}: 1" for number in range(MOST_SHOWN)), "", True),
        ("\n".join(f"key_{number}: 1" for number in range(MOST_SHOWN + 1)), "warning: and 1 more warning", True),
    ],
    ids=["unknown keys", "wrong items", "repeated keys", "just so many", "one more"],
)
def test_the_lines_are_bounded(text: str, last: str, usable: bool) -> None:
    fragment = loaded(text)
    assert (fragment.settings is not None) == usable
    assert len(fragment.diagnostics) == MOST_SHOWN + bool(last)
    assert str(fragment.diagnostics[-1]).endswith(last)


def test_errors_that_fail_one_provider_each_are_all_kept() -> None:
    """Each of them says that this provider does not serve."""
    entry = "    - {{name: fox{0}, enabled: true, base-url: 'https://fox.example', api-key: 'env:NONE{0}'}}\n"
    fragment = loaded("tppc:\n  providers:\n" + "".join(map(entry.format, range(MOST_SHOWN + 50))))
    assert len(fragment.failing) == len(fragment.diagnostics) == MOST_SHOWN + 50
