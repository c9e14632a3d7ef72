"""What holds of the upstreams of every wire."""

from __future__ import annotations

import pytest

from daemon.wires.base import Wire
from daemon.wires.table import WIRES


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_refused_limit_is_sent_under_its_other_name(wire: Wire) -> None:
    """A relay may pass a body of any wire on to a server that knows only one of the two."""
    synonyms = wire.upstream.synonyms
    assert (synonyms["max_tokens"], synonyms["max_completion_tokens"]) == ("max_completion_tokens", "max_tokens")


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_what_nobody_misses_is_not_reported_as_lost(wire: Wire) -> None:
    assert wire.upstream.not_missed == {"include", "store", "stream_options", "parallel_tool_calls"}


def test_the_key_is_a_bearer_token_but_at_anthropic() -> None:
    keys = {name: wire.upstream.key_headers("k") for name, wire in WIRES.items()}
    bearer = {"authorization": "Bearer k"}
    assert keys == {"responses": bearer, "chat": bearer, "messages": {"x-api-key": "k"}}
