"""Rows of the provider store are served, changed, disabled and deleted while a daemon runs, beside its config.yaml.

The rows are written by a hand of the test's own, as another daemon or an administrator would write them.
"""

from __future__ import annotations

import base64
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.simulate.ledger import fingerprint
from daemon.store.database import Database
from daemon.store.encryption import EncryptionKeys, encryption_keys, generated_keys
from daemon.store.place import database_place
from daemon.store.provider_fields import fields_of
from daemon.store.repository import ProviderRepository
from tests.dialects import CHAT
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for
from tests.store.postgresql import PostgreSQL

KEY = base64.b64encode(secrets.token_bytes(32)).decode()
PLANTED = "sk-planted-store-0123456789"


class Hand:
    """Somebody else who writes into the store of a daemon."""

    def __init__(self, url: str, state: Path) -> None:
        self._url = url
        self._state = state
        self._database = Database(database_place(url, state))
        self._repository = ProviderRepository(self._database, self._keys)

    def _keys(self, make: bool) -> EncryptionKeys | None:
        return encryption_keys(KEY) if self._url else generated_keys(self._state, make=make)

    def create(self, name: str, upstream: Simulator, **changes: object) -> None:
        self._database.prepare()
        given = {"name": name, "type": "openai", "base_url": f"{upstream.url}/v1", "api_key": PLANTED}
        self._repository.create(fields_of(given | {"models": [f"model-of-{name}"]} | changes))

    def update(self, name: str, **changes: object) -> None:
        self._repository.update(name, fields_of(changes))

    def delete(self, name: str) -> None:
        self._repository.delete(name)

    def sql(self, statement: str) -> None:
        with self._database.write() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        self._database.close()


@contextmanager
def hand(url: str, gateway: Daemon) -> Iterator[Hand]:
    writer = Hand(url, gateway.state_directory)
    try:
        yield writer
    finally:
        writer.close()


def settings(url: str, *providers: dict[str, object], **more: object) -> str:
    """config.yaml with these providers, and the store where it is not in the state directory."""
    store: dict[str, Any] = {"provider-store": {"url": url, "encryption-key": KEY}} if url else {}
    return config(*providers, disable_cooling=True, request_retry=0, **store, **more)


def ask(gateway: Daemon, model: str) -> tuple[int, str]:
    """(status, the provider that answered)."""
    answer = gateway.post(CHAT.path, CHAT.request("x", model=model))
    return answer.status_code, answer.headers.get("x-tppcd-provider", "")


def models(gateway: Daemon) -> set[str]:
    return {each["id"] for each in gateway.get("/v1/models").json()["data"]}


def until(gateway: Daemon, model: str, answer: tuple[int, str]) -> None:
    wait_for(lambda: ask(gateway, model) == answer, f"{model} to be answered by {answer}")


def test_a_row_is_served_changed_disabled_and_deleted_without_a_restart(
    url: str, upstream: Simulator, other_upstream: Simulator
) -> None:
    with daemon(settings(url, provider("file", upstream))) as gateway, hand(url, gateway) as store:
        before = gateway.health()
        store.create("fox", upstream)
        until(gateway, "model-of-fox", (200, "fox"))
        assert upstream.requests[-1]["key"] == fingerprint(PLANTED)
        assert "model-of-fox" in models(gateway)
        assert ask(gateway, "file/gpt-5") == (200, "file")
        gateway.wait_log(r"store\.providers\[fox\]: added \(enabled\)")
        gateway.wait_log(r"clients: 2 \(0 packycode \+ 1 tppc \+ 1 store\)")
        gateway.wait_log(r"registered 1 model for store:models:[0-9a-f]{12}")
        gateway.wait_log(r"provider fox of the store: openai http://127\.0\.0\.1:\d+, enabled")
        store.update("fox", base_url=other_upstream.url)
        gateway.wait_log(r"store\.providers\[fox\]\.base-url: http://127\.0\.0\.1:\d+ -> http://127\.0\.0\.1:\d+")
        assert ask(gateway, "model-of-fox") == (200, "fox")
        assert other_upstream.requests[-1]["key"] == fingerprint(PLANTED)
        store.update("fox", enabled=False)
        until(gateway, "model-of-fox", (404, ""))
        assert "model-of-fox" not in models(gateway)
        store.update("fox", enabled=True)
        until(gateway, "model-of-fox", (200, "fox"))
        store.delete("fox")
        until(gateway, "model-of-fox", (404, ""))
        after = gateway.health()
        assert (after["status"], after["generation"]) == ("ok", before["generation"] + 5)
        assert PLANTED not in gateway.log
        assert "Traceback" not in gateway.log


def test_a_row_is_there_after_a_restart_under_the_same_generation(
    url: str, upstream: Simulator, tmp_path: Path
) -> None:
    home = Path(tempfile.mkdtemp(prefix="tppcd-"))
    try:
        with daemon(settings(url), home=home) as gateway, hand(url, gateway) as store:
            store.create("fox", upstream)
            until(gateway, "model-of-fox", (200, "fox"))
            generation = gateway.health()["generation"]
        with daemon(None, home=home) as gateway:
            assert ask(gateway, "model-of-fox") == (200, "fox")
            assert gateway.health()["generation"] == generation
    finally:
        shutil.rmtree(home)


def test_a_broken_row_fails_alone_is_reported_once_and_heals(url: str, upstream: Simulator) -> None:
    with daemon(settings(url, provider("file", upstream))) as gateway, hand(url, gateway) as store:
        store.create("fox", upstream)
        store.create("wolf", upstream)
        until(gateway, "model-of-wolf", (200, "wolf"))
        store.sql("UPDATE providers SET type = 'pigeon', base_url = 'http://127.0.0.1:1' WHERE name = 'fox'")
        wait_for(lambda: gateway.health()["status"] == "degraded", "the failing row to be reported")
        assert ask(gateway, "model-of-fox") == (200, "fox")  # its last good settings, whole
        store.update("wolf", models=["other"])
        until(gateway, "other", (200, "wolf"))
        gateway.wait_log("unknown provider type")
        assert gateway.log.count("unknown provider type") == 1
        assert "tppcd_config_last_reload_successful 0" in gateway.get("/metrics").text
        store.update("fox", type="openai", base_url=upstream.url)
        wait_for(lambda: gateway.health()["status"] == "ok", "the row to be good again")
        assert "tppcd_config_last_reload_successful 1" in gateway.get("/metrics").text


def test_a_name_that_config_yaml_takes_later_is_the_files_and_reported(
    url: str, upstream: Simulator, other_upstream: Simulator
) -> None:
    with daemon(settings(url)) as gateway, hand(url, gateway) as store:
        store.create("Fox", other_upstream, models=["gpt-5"])
        until(gateway, "gpt-5", (200, "Fox"))
        gateway.reload(settings(url, provider("fox", upstream)))
        assert ask(gateway, "gpt-5") == (200, "fox")
        assert [each["key"] for each in upstream.requests] == [fingerprint("key-of-fox")]
        gateway.wait_log(r"store: warning: providers\.Fox: is not used: config\.yaml has a provider of this name")
        gateway.reload(settings(url))
        assert ask(gateway, "gpt-5") == (200, "Fox")


def test_a_start_without_the_database_serves_the_file_and_the_last_rows_and_heals(
    postgresql: PostgreSQL, upstream: Simulator
) -> None:
    home = Path(tempfile.mkdtemp(prefix="tppcd-"))
    text = None
    try:
        with postgresql.database("start_without") as url:
            text = settings(url, provider("file", upstream))
            with daemon(text, home=home) as gateway, hand(url, gateway) as store:
                store.create("fox", upstream)
                until(gateway, "model-of-fox", (200, "fox"))
            postgresql.stop()
            with daemon(None, home=home) as gateway:
                assert gateway.health()["status"] == "degraded"
                assert gateway.get("/readyz").status_code == 200
                assert ask(gateway, "file/gpt-5") == (200, "file")
                assert ask(gateway, "model-of-fox") == (200, "fox")
                assert upstream.requests[-1]["key"] == fingerprint(PLANTED)
                postgresql.start()
                wait_for(lambda: gateway.health()["status"] == "ok", "the database to be back")
                with hand(url, gateway) as store:
                    store.create("wolf", upstream)
                    until(gateway, "model-of-wolf", (200, "wolf"))
                    postgresql.stop()
                    wait_for(lambda: gateway.health()["status"] == "degraded", "the database to be missed")
                    assert ask(gateway, "model-of-wolf") == (200, "wolf")
                    postgresql.start()
                    wait_for(lambda: gateway.health()["status"] == "ok", "the database to be back")
                    wait_for(lambda: gateway.log.count("does not answer") >= 2, "both times to be logged")
                    assert gateway.log.count("does not answer") == 2  # once each time
                assert "Traceback" not in gateway.log
    finally:
        shutil.rmtree(home)


def test_a_start_that_never_saw_the_database_serves_the_file_and_heals(
    postgresql: PostgreSQL, upstream: Simulator
) -> None:
    with postgresql.database("never_seen") as url:
        store = Hand(url, Path("unused"))
        store.create("fox", upstream)
        store.close()
        postgresql.stop()
        with daemon(settings(url, provider("file", upstream))) as gateway:
            assert gateway.health()["status"] == "degraded"
            assert ask(gateway, "file/gpt-5") == (200, "file")
            assert ask(gateway, "model-of-fox") == (404, "")
            postgresql.start()
            until(gateway, "model-of-fox", (200, "fox"))
            wait_for(lambda: gateway.health()["status"] == "ok", "the daemon to be well")


def test_another_encryption_key_takes_effect_without_a_restart(postgresql: PostgreSQL, upstream: Simulator) -> None:
    with postgresql.database("late_key") as url:
        store = Hand(url, Path("unused"))
        store.create("fox", upstream)
        store.close()
        wrong = base64.b64encode(bytes(32)).decode()
        with daemon(settings(url).replace(KEY, wrong)) as gateway:
            assert gateway.health()["status"] == "degraded"
            gateway.wait_log("sealed with the encryption key of fingerprint")
            gateway.save(settings(url))
            until(gateway, "model-of-fox", (200, "fox"))
            wait_for(lambda: gateway.health()["status"] == "ok", "the daemon to be well")
            gateway.wait_log(r"provider-store\.encryption-key: updated generation")


def test_a_keyless_row_sends_no_key(url: str, upstream: Simulator) -> None:
    with daemon(settings(url)) as gateway, hand(url, gateway) as store:
        store.create("fox", upstream, type="vllm", api_key=None)
        until(gateway, "model-of-fox", (200, "fox"))
        assert not upstream.requests[-1]["key"]
