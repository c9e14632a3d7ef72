"""One daemon per test module, in front of the first simulator, for tests that leave its configuration alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import harness
from tests.store.conftest import postgresql, url

__all__ = ["gateway", "postgresql", "url"]


@pytest.fixture(scope="module")
def gateway(_first: harness.Simulator) -> Iterator[harness.Daemon]:
    """A daemon whose only provider is ``fox``; it neither retries nor rests a provider that failed.

    Started as a user starts it, not forked.
    """
    text = harness.config(harness.provider("fox", _first), disable_cooling=True, request_retry=0)
    with harness.daemon(text, fresh=True) as running:
        yield running
