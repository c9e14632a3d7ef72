"""Three daemons on one PostgreSQL agree about its providers, whatever happens to one of them or to the database.

Two of them are behind the nginx of ``compose.yaml``: this is what its services do, as processes.

How long it took is printed (``pytest -rP``), never asserted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.dialects import CHAT, events, script, streamed_text
from tests.e2e.nginx import fixed_port, nginx
from tests.e2e.nodes import Node, Traffic, agree, row, running, settings
from tests.harness import Simulator, provider, wait_for
from tests.store.postgresql import PostgreSQL

NAMES = (f"fox{number}" for number in itertools.count(1))
WITHOUT_NOTIFY = """
    CREATE OR REPLACE FUNCTION tppcd_providers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN UPDATE store_state SET version = version + 1; RETURN NULL; END $$
"""
LISTENERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
)


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> Iterator[str]:
    with postgresql.database("many_daemons") as url:
        yield url


@pytest.fixture(scope="module")
def text(database: str, _first: Simulator) -> str:
    """config.yaml of each: one provider of its own, and the store."""
    return settings(database, provider("file", _first))


@pytest.fixture(scope="module")
def nodes(text: str) -> Iterator[list[Node]]:
    with running([Node(text, "--port", str(fixed_port())) for _ in range(3)]) as nodes:
        yield list(nodes)


@pytest.fixture
def name() -> str:
    """A provider that no other test has."""
    return next(NAMES)


def test_what_one_writes_is_in_force_on_all(
    nodes: list[Node], name: str, upstream: Simulator, other_upstream: Simulator
) -> None:
    first, second, third = nodes
    model, path = f"model-of-{name}", f"/providers/{name}"
    assert first.api("POST", "/providers", row(name, upstream)).status_code == 201
    agree(nodes, model, (200, name), "created")
    before = len(other_upstream.requests)
    assert second.api("PUT", path, {"base_url": f"{other_upstream.url}/v1"}).status_code == 200
    wait_for(lambda: all(each.ask(model) == (200, name) for each in nodes) and at(other_upstream, before, 3), "the URL")
    assert third.api("POST", f"{path}/disable").status_code == 200
    agree(nodes, model, (404, ""), "disabled")
    assert first.api("POST", f"{path}/enable").status_code == 200
    agree(nodes, model, (200, name), "enabled")
    assert second.api("DELETE", path).status_code == 204
    agree(nodes, model, (404, ""), "deleted")
    assert [each.api("GET", path).status_code for each in nodes] == [404, 404, 404]


def at(upstream: Simulator, before: int, count: int) -> bool:
    return len(upstream.requests) - before >= count


def test_of_writers_of_one_row_at_once_none_is_lost(nodes: list[Node], name: str, upstream: Simulator) -> None:
    """Each changes a field of its own, on a node of its own."""
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    changes: list[dict[str, object]] = [
        {"timeout": 7},
        {"fallback_models": ["other"]},
        {"extra_config": {"top_p": 0.5}},
    ]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda node, body: node.api("PUT", f"/providers/{name}", body), nodes, changes))
    assert [each.status_code for each in answers] == [200, 200, 200]
    shown = wait_for(lambda: same(nodes, name, '"4"'), "the third change on all")
    assert shown["timeout"] == 7
    assert shown["fallback_models"] == ["other"]
    assert shown["extra_config"] == {"top_p": 0.5}
    nodes[0].api("DELETE", f"/providers/{name}")


def same(nodes: list[Node], name: str, version: str) -> dict[str, object] | None:
    answers = [each.api("GET", f"/providers/{name}") for each in nodes]
    if any(each.headers.get("etag") != version for each in answers):
        return None
    first, *others = [each.json() for each in answers]
    assert all(other == first for other in others)
    return dict(first)


def test_a_node_that_is_killed_is_missed_by_none_and_agrees_after_its_start(
    nodes: list[Node], name: str, upstream: Simulator
) -> None:
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    survivors = nodes[:2]
    with Traffic([each.gateway.url for each in survivors], f"model-of-{name}") as traffic:
        nodes[2].kill()
        new = next(NAMES)
        assert nodes[0].api("POST", "/providers", row(new, upstream)).status_code == 201
        assert nodes[1].api("PUT", f"/providers/{name}", {"timeout": 8}).status_code == 200
        agree(survivors, f"model-of-{new}", (200, new), "created while one is dead")
        nodes[2].start()
        assert nodes[2].ask(f"model-of-{new}") == (200, new)
        assert nodes[2].api("GET", f"/providers/{name}").json()["timeout"] == 8
        traffic.goes_on()
    assert traffic.failed == []


@pytest.mark.parametrize("immediate", [False, True], ids=["shutdown", "crash"])
def test_a_restart_of_postgresql_fails_no_request(
    nodes: list[Node], name: str, upstream: Simulator, postgresql: PostgreSQL, immediate: bool
) -> None:
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    with Traffic([each.gateway.url for each in nodes], f"model-of-{name}") as traffic:
        postgresql.stop(immediate=immediate)
        for each in nodes:
            wait_for(lambda each=each: not each.is_healthy, "the database to be missed")  # type: ignore[misc]
        refused = nodes[1].api("PUT", f"/providers/{name}", {"timeout": 9})
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert nodes[1].api("GET", f"/providers/{name}").json()["name"] == name
        traffic.goes_on()
        postgresql.start()
        for each in nodes:
            wait_for(lambda each=each: each.is_healthy, "the database to be back")  # type: ignore[misc]
        new = next(NAMES)
        assert nodes[2].api("POST", "/providers", row(new, upstream)).status_code == 201
        agree(nodes, f"model-of-{new}", (200, new), "created after the restart")
        traffic.goes_on()
    assert traffic.failed == []


def test_a_start_without_postgresql_serves_the_last_rows_and_heals(
    nodes: list[Node], name: str, upstream: Simulator, postgresql: PostgreSQL, text: str
) -> None:
    """A node that was there before has the last rows; one that was not has what its config.yaml has."""
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    nodes[1].stop()
    postgresql.stop()
    try:
        nodes[1].start()
        assert nodes[1].ask(f"model-of-{name}") == (200, name)
        assert nodes[1].ask("file/gpt-5") == (200, "file")
        assert not nodes[1].is_healthy
        with running([Node(text)]) as (stranger,):
            assert stranger.ask("file/gpt-5") == (200, "file")
            assert stranger.ask(f"model-of-{name}") == (404, "")
            postgresql.start()
            agree([stranger], f"model-of-{name}", (200, name), "read by a node that started without the database")
            wait_for(lambda: stranger.is_healthy, "the database to be back")
    finally:
        if not postgresql.is_running:
            postgresql.start()
    for each in nodes:
        wait_for(lambda each=each: each.is_healthy, "the database to be back")  # type: ignore[misc]


def test_a_listening_connection_that_is_cut_loses_nothing(
    nodes: list[Node], name: str, upstream: Simulator, database: str, postgresql: PostgreSQL
) -> None:
    wait_for(
        lambda: len(postgresql.run(LISTENERS.replace("pg_terminate_backend(pid)", "pid"), database)) == 3, "LISTEN"
    )
    assert len(postgresql.run(LISTENERS, database)) == 3
    assert nodes[0].api("POST", "/providers", row(name, upstream)).status_code == 201
    agree(nodes, f"model-of-{name}", (200, name), "created while nobody listens")
    wait_for(
        lambda: len(postgresql.run(LISTENERS.replace("pg_terminate_backend(pid)", "pid"), database)) == 3, "LISTEN"
    )


@pytest.fixture
def entry(nodes: list[Node]) -> Iterator[str]:
    """nginx in front of the first two, which it knows by their ports."""
    try:
        with nginx([urlsplit(each.gateway.url).port or 0 for each in nodes[:2]]) as url:
            yield url
    except LookupError as error:
        pytest.skip(str(error))


def test_a_stream_through_nginx_arrives_event_by_event(
    nodes: list[Node], name: str, entry: str, upstream: Simulator
) -> None:
    """The upstream is still answering when the first events are here."""
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    text = "word " * 40
    upstream.control(delay_ms=100)
    with httpx.stream("POST", entry + CHAT.path, json=streamed(name, text), trust_env=False, timeout=60) as response:
        stream = events(response)
        seen = [next(stream) for _ in range(3)]
        assert upstream.open_requests() == 1
        upstream.control(delay_ms=0)
        seen += stream
    assert streamed_text(CHAT, seen) == text


def streamed(name: str, text: str) -> dict[str, object]:
    return CHAT.request(script({"text": text}), model=f"model-of-{name}", stream=True)


def test_a_restart_of_each_node_behind_nginx_fails_no_request(
    nodes: list[Node], name: str, entry: str, upstream: Simulator
) -> None:
    """One after the other, as an upgrade does it; then one is killed. What is lost with it before its answer began is
    asked of the other."""
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    with Traffic([entry] * 3, f"model-of-{name}", pause=0.01) as traffic:
        for each, end in itertools.product(nodes[:2], (Node.stop, Node.kill)):
            traffic.goes_on()
            end(each)
            traffic.goes_on()
            each.start()
            # nginx tries again after a second. Until then it knows one daemon only.
            wait_for(lambda each=each: f"model-of-{name}" in each.gateway.log, "nginx to ask it again")  # type: ignore[misc]
    assert traffic.failed == []
    assert traffic.answered >= 80


def test_a_stream_that_runs_is_finished_by_a_node_that_stops(nodes: list[Node], name: str, upstream: Simulator) -> None:
    nodes[0].api("POST", "/providers", row(name, upstream))
    agree(nodes, f"model-of-{name}", (200, name), "created")
    text = "word " * 40
    upstream.control(delay_ms=20)
    with nodes[0].gateway.stream(CHAT.path, streamed(name, text)) as response:
        stream = events(response)
        seen = [next(stream)]
        nodes[0].gateway.process.terminate()
        seen += stream
    assert streamed_text(CHAT, seen) == text
    nodes[0].stop()
    nodes[0].start()


def test_a_notify_that_is_lost_loses_nothing(
    nodes: list[Node], name: str, upstream: Simulator, database: str, postgresql: PostgreSQL
) -> None:
    """The connections are whole, and nothing is said on them: the poll finds it. Last, since NOTIFY stays off."""
    postgresql.run(WITHOUT_NOTIFY, database)
    assert nodes[0].api("POST", "/providers", row(name, upstream)).status_code == 201
    agree(nodes, f"model-of-{name}", (200, name), "created without a NOTIFY")
    assert nodes[1].api("DELETE", f"/providers/{name}").status_code == 204
    agree(nodes, f"model-of-{name}", (404, ""), "deleted without a NOTIFY")
