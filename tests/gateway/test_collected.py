"""A whole answer is what its stream says, for every pair of wires: the official SDKs are the judges.

Each recording goes through the daemon's pipe twice, for a client that asked for a stream and for one
that did not; what an SDK adds up from the one is what it reads in the other.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.response_pipe import ResponsePipe
from daemon.gateway.translation import TranslationPipe
from daemon.wires.table import WIRES
from tests.clients import CLIENTS
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate

FIXTURES = Path(__file__).resolve().parents[2] / ".." / "shared" / "fixtures"
RECORDINGS = sorted([*FIXTURES.glob("*/s-*.stream.sse"), *FIXTURES.glob("*/j-*.response.json")])
PROGRAM = Path(__file__).with_name("sdk_answers.py")
FAILED = {"responses/s-failed-quota"}

OWN = {"parsed", "parsed_output", "parsed_arguments", "obfuscation"}
"""What the SDKs add to what they have added up, and the padding of chunks that they keep."""
NOT_KEPT = {
    "chat": {"service_tier", "created", "system_fingerprint", "content_filter_results", "prompt_filter_results"},
    "messages": set[str](),
    "responses": {"completed_at", "service_tier"},
}
"""What they keep of a stream's first event alone, where the daemon or the upstream says it later; of Responses what
these upstreams leave out: the object of a whole answer that the daemon has collected fits the API's schema."""

TWICE = "the upstream has encrypted its reasoning twice, for the item and for the end"
REPEATED = "the upstream repeats id, name and role in every chunk, and the bytes pass through"
UNCOUNTED = "the upstream has not counted, and the bytes pass through; a whole answer has an estimate"
FILTERED = "`stop` is OpenAI's word for a refusal, and the stream is made by the hub, which says it is none"
UNFOLDED = "a JSON answer to a client that asked for a stream goes by way of the hub, under the daemon's id"
BARE = "the upstream's choice has no message"
ROTATING = "the upstream changes its answer's id from event to event, and the bytes pass through: the newer SDK raises"
EXCEPT: dict[tuple[str, str], dict[str, str]] = {
    ("responses/s-code-interpreter", "messages"): {".content[0].signature": TWICE},
    ("responses/s-reasoning-summary-long", "messages"): {".content[0].signature": TWICE},
    ("chat/s-thirdparty-tool-kimi", "chat"): {".choices[0]": REPEATED},
    ("responses/s-reasoning-idrotation", "responses"): {"": ROTATING},
    ("chat/s-text-utf8", "chat"): {".usage": UNCOUNTED},
    ("chat/s-text-web-search", "chat"): {".usage": UNCOUNTED},
    ("chat/s-text-azure-router", "chat"): {".id": "the upstream's first chunk has an empty one"},
    ("chat/j-refusal", "chat"): {".choices[0].finish_reason": FILTERED, ".id": UNFOLDED},
    ("chat/j-content-filter", "chat"): {".choices[0].message": BARE, ".id": UNFOLDED},
    ("chat/j-annotations", "chat"): {".id": UNFOLDED},
    ("chat/j-cached", "chat"): {".id": UNFOLDED},
    ("chat/j-tool-parallel-1", "chat"): {".id": UNFOLDED},
}
"""(recording, entry): places in which the two may differ, and why."""


def relayed(recording: Path, entry: str, *, stream: bool) -> str:
    upstream = recording.parent.name
    came = client_request(entry, {"stream": stream}, include_usage=True)
    pipe: ResponsePipe = PassthroughPipe(came, ReasoningOwners()) if entry == upstream else TranslationPipe(came)
    pipe.prepare(target(candidate(wire=upstream, model="served")))
    if recording.suffix == ".sse":
        pipe.feed(recording.read_bytes())
        pipe.end_of_body()
    else:
        pipe.feed_whole(recording.read_bytes())
    return (pipe.take() if stream else pipe.whole()).decode()


def name_of(recording: Path) -> str:
    return f"{recording.parent.name}/{recording.name.partition('.')[0]}"


@cache
def cases() -> list[tuple[str, str]]:
    """(recording, entry)."""
    return [(name_of(path), entry) for path in RECORDINGS if name_of(path) not in FAILED for entry in WIRES]


@cache
def bodies() -> str:
    by_name = {name_of(path): path for path in RECORDINGS}
    return json.dumps(
        [
            (entry, relayed(by_name[name], entry, stream=True), relayed(by_name[name], entry, stream=False))
            for name, entry in cases()
        ]
    )


def differences(streamed: Any, whole: Any, entry: str, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """An absent field, an empty one and a null are the same to a client."""
    match streamed, whole:
        case dict(), dict():
            left_out = OWN | NOT_KEPT[entry] | ({"index"} if ".tool_calls[" in place else set())
            for key in sorted((streamed.keys() | whole.keys()) - left_out):
                yield from differences(streamed.get(key), whole.get(key), entry, f"{place}.{key}")
        case list(), list() if len(streamed) == len(whole):
            for number, (one, other) in enumerate(zip(streamed, whole, strict=True)):
                yield from differences(one, other, entry, f"{place}[{number}]")
        case _ if streamed != whole and not (is_empty(streamed) and is_empty(whole)):
            yield place, streamed, whole


def is_empty(value: Any) -> bool:
    return all(map(is_empty, value.values())) if isinstance(value, dict) else not value


@pytest.mark.skipif(not RECORDINGS, reason="recordings are in ../shared/fixtures")
@pytest.mark.parametrize("generation", ["venv", pytest.param("venv-old", marks=pytest.mark.soak)])
def test_the_sdks_read_in_a_whole_answer_what_they_add_up_from_its_stream(generation: str) -> None:
    python = CLIENTS / generation / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is missing: run `make clients`")
    done = subprocess.run([str(python), str(PROGRAM)], input=bodies(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    differing = []
    for (name, entry), (streamed, whole) in zip(cases(), json.loads(done.stdout), strict=True):
        assert "raised" not in whole, (name, entry, whole)
        allowed = tuple(EXCEPT.get((name, entry), ()))
        for place, *values in differences(streamed, whole, entry):
            if not place.startswith(allowed):
                differing.append(f"{name} -> {entry} {place}: {str(values)[:200]}")
    assert not differing, "\n".join(differing)
