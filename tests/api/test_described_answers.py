"""schemathesis over the OpenAPI document, against a running daemon: no 5xx, no answer that is not described."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from daemon.api.openapi import described
from tests.harness import Daemon, config, daemon, provider

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is missing: pip install schemathesis")
checks = schemathesis.checks
openapi_checks = pytest.importorskip("schemathesis.specs.openapi.checks")

KEY = secrets.token_hex(8)
SCHEMA = schemathesis.openapi.from_dict(described()).exclude(path_regex="/events$")
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
SUITE = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
CAMPAIGN = settings(SUITE, max_examples=1000)


@pytest.fixture(scope="module")
def managed() -> Iterator[Daemon]:
    fox = provider("fox", "http://127.0.0.1:9/v1")
    with daemon(config(fox, remote_management={"secret-key": KEY})) as running:
        yield running


def asked(case: object, managed: Daemon) -> None:
    case.call_and_validate(  # type: ignore[attr-defined]  # schemathesis has no types of its own here
        base_url=managed.url, headers={"X-Management-Key": KEY}, checks=CHECKS, timeout=30
    )


@SCHEMA.parametrize()
@SUITE
def test_what_is_answered_is_described(case: object, managed: Daemon) -> None:
    asked(case, managed)


@pytest.mark.soak
@SCHEMA.parametrize()
@CAMPAIGN
def test_what_is_answered_is_described_in_a_long_run(case: object, managed: Daemon) -> None:
    asked(case, managed)
