"""schemathesis over the OpenAPI document, against a running daemon: no 5xx, no answer that is not described.

It leaves out the key and writes files of its own, so after each request the key is shown once (which
forgives the wrong ones: else all that follows would be told of a lock-out alone) and the file is put back.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from daemon.api.management.openapi import described
from daemon.api.management.operations import OPERATIONS
from tests.harness import Daemon, config, daemon, provider, wait_for
from tests.managing import KEY, ask, text

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is missing: pip install schemathesis")
checks = schemathesis.checks
openapi_checks = pytest.importorskip("schemathesis.specs.openapi.checks")

TEXT = config(provider("owl", "http://127.0.0.1:9/v1"), remote_management={"secret-key": KEY})
EVENTS = r"/events$"
"""A stream without an end: tests/api/test_event_stream.py has it."""
DOCUMENT: dict[str, Any] = described(OPERATIONS)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex=EVENTS)
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
SUITE = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
CAMPAIGN = settings(SUITE, max_examples=1000)
REFUSED_AT_THE_DOOR = {400, 401, 403, 405, 415, 429}
"""Answers that a request gets before its operation has looked at what it wants."""


@pytest.fixture(scope="module")
def managed() -> Iterator[Daemon]:
    with daemon(TEXT) as running:
        restore(running)
        yield running


@pytest.fixture(scope="module")
def answers() -> dict[str, set[int]]:
    """Which statuses each operation has answered with."""
    return defaultdict(set)


def asked(case: Any, managed: Daemon) -> int:
    try:
        response = case.call_and_validate(
            base_url=managed.url, headers={"X-Management-Key": KEY}, checks=CHECKS, timeout=30
        )
        return int(response.status_code)
    finally:
        restore(managed)


def restore(managed: Daemon) -> None:
    """The file as it was, by hand where the key itself was written over; and the provider of the store."""
    fox = {"name": "fox", "type": "vllm", "base_url": "http://127.0.0.1:9/v1"}
    managed.post("/api/v1/providers", fox, headers={"x-management-key": KEY})
    if ask(managed, "GET", "/packycode").status_code == 200:
        if text(managed) != TEXT:
            assert ask(managed, "PUT", "/config.yaml", TEXT).status_code == 200
        return
    managed.save(TEXT)
    wait_for(lambda: ask(managed, "GET", "/packycode").status_code == 200, "the key to be right again")


@SCHEMA.parametrize()
@SUITE
def test_what_is_answered_is_described(case: Any, managed: Daemon, answers: dict[str, set[int]]) -> None:
    answers[case.operation.label].add(asked(case, managed))


def test_every_operation_was_asked_and_got_past_the_door(answers: dict[str, set[int]]) -> None:
    """Runs after the one above, in the order of the file; alone it has nothing to look at."""
    if not answers:
        pytest.skip("the test above was not run")
    described_ones = {
        f"{method.upper()} {path}"
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if not path.endswith("/events")
    }
    assert answers.keys() == described_ones
    assert [label for label, statuses in answers.items() if statuses <= REFUSED_AT_THE_DOOR] == []
    assert [label for label, statuses in answers.items() if label.startswith("GET") and 200 not in statuses] == []


def test_an_answer_that_is_not_described_is_found(managed: Daemon) -> None:
    document = copy.deepcopy(DOCUMENT)
    (path,) = (each for each in document["paths"] if each.endswith("/auths"))
    del document["paths"][path]["get"]["responses"]["200"]
    case: Any = schemathesis.openapi.from_dict(document)[path]["GET"].Case()
    with pytest.raises(BaseExceptionGroup):
        asked(case, managed)


@pytest.mark.soak
@SCHEMA.parametrize()
@CAMPAIGN
def test_what_is_answered_is_described_in_a_long_run(case: Any, managed: Daemon) -> None:
    asked(case, managed)
