"""config.yaml is edited while the daemon serves: new requests see the new file, streams in flight the old one."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.simulate.ledger import fingerprint
from tests.dialects import MESSAGES, Dialect, events, script, streamed_text
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for
from tests.managing import KEY
from tests.managing import ask as manage

PLANTED = "sk-planted-0123456789"
LONG = script({"text": "word " * 400})
BROKEN = {
    "no YAML": "tppc: [\n",
    "truncated": "tppc:\n  providers:\n    - name: fox\n      enabled: true\n      base-url: ht",
    "empty": "",
    "wrong type": "tppc: 7\n",
    "missing key": config({"name": "fox", "enabled": True, "base-url": "http://127.0.0.1:1/v1"}),
}


def ask(gateway: Daemon, dialect: Dialect = MESSAGES) -> tuple[int, str]:
    answer = gateway.post(dialect.path, dialect.request("x"))
    return answer.status_code, answer.headers.get("x-tppcd-provider", "")


def test_a_stream_in_flight_finishes_on_the_file_it_began_with(upstream: Simulator, other_upstream: Simulator) -> None:
    upstream.control(delay_ms=4)
    with daemon(config(provider("fox", upstream))) as gateway:
        with gateway.stream(MESSAGES.path, MESSAGES.request(LONG, stream=True)) as response:
            flow = events(response)
            seen = [next(flow) for _ in range(5)]
            gateway.reload(config(provider("wolf", other_upstream)))
            assert ask(gateway) == (200, "wolf")
            assert upstream.open_requests() == 1, "the stream ended before the reload was tried"
            seen += flow
        assert streamed_text(MESSAGES, seen) == "word " * 400
        assert MESSAGES.terminal(seen[-1])
        assert gateway.get("/v1/models").status_code == 200
        assert [request["key"] for request in other_upstream.requests] == [fingerprint("key-of-wolf")]


def test_many_saves_during_streams_break_none(upstream: Simulator) -> None:
    upstream.control(delay_ms=2)
    with daemon(config(provider("fox", upstream))) as gateway:
        with gateway.stream(MESSAGES.path, MESSAGES.request(LONG, stream=True)) as response:
            flow = events(response)
            seen = [next(flow)]
            for number in range(10):
                gateway.save(config(provider("fox", upstream, priority=number)))
                assert ask(gateway) == (200, "fox")
            seen += flow
        assert streamed_text(MESSAGES, seen) == "word " * 400
        wait_for(lambda: "priority" in gateway.log, "the last save to be applied")


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_changes_nothing_and_the_next_good_one_heals(upstream: Simulator, broken: str) -> None:
    with daemon(config(provider("fox", upstream))) as gateway:
        before = gateway.health()
        gateway.save(BROKEN[broken])
        wait_for(lambda: _last_reload_failed(gateway), "the refusal to be told")
        assert ask(gateway) == (200, "fox")
        assert gateway.get("/readyz").status_code == 200
        assert gateway.health()["generation"] == before["generation"]
        gateway.wait_log(r"config\.yaml")
        assert "Traceback" not in gateway.log
        gateway.reload(config(provider("fox", upstream), provider("wolf", upstream)))
        wait_for(lambda: not _last_reload_failed(gateway), "the good one to be reported")


def test_a_deleted_file_changes_nothing(upstream: Simulator) -> None:
    with daemon(config(provider("fox", upstream))) as gateway:
        gateway.config.unlink()
        wait_for(lambda: _last_reload_failed(gateway), "the refusal to be told")
        assert ask(gateway) == (200, "fox")


def test_the_same_bytes_and_new_comments_move_no_generation(upstream: Simulator) -> None:
    text = config(provider("fox", upstream))
    with daemon(text) as gateway:
        before = gateway.health()
        gateway.save(text)
        gateway.save(f"# a comment\n{text}")
        gateway.reload(config(provider("fox", upstream), provider("wolf", upstream)))
        assert gateway.health()["generation"] == before["generation"] + 1


def test_a_new_key_is_used_at_once_and_told_without_being_shown(upstream: Simulator) -> None:
    with daemon(config(provider("fox", upstream))) as gateway:
        gateway.reload(config(provider("fox", upstream, api_key=PLANTED)))
        assert ask(gateway) == (200, "fox")
        assert upstream.requests[-1]["key"] == fingerprint(PLANTED)
        wait_for(lambda: "tppc.providers[fox].api-key: updated" in gateway.log, "the change summary")
        assert PLANTED not in gateway.log


def test_a_disabled_provider_is_gone_at_once(upstream: Simulator, other_upstream: Simulator) -> None:
    wolf = provider("wolf", other_upstream, models=["wolf-model"])
    with daemon(config(provider("fox", upstream), wolf)) as gateway:
        assert "wolf-model" in gateway.get("/v1/models").text
        gateway.reload(config(provider("fox", upstream), wolf | {"enabled": False}))
        assert "wolf-model" not in gateway.get("/v1/models").text
        assert {ask(gateway) for _ in range(3)} == {(200, "fox")}


def _last_reload_failed(gateway: Daemon) -> bool:
    return "tppcd_config_last_reload_successful 0.0" in gateway.get("/metrics").text


def test_a_key_that_is_gone_fails_its_provider_alone(
    upstream: Simulator, other_upstream: Simulator, tmp_path: Path
) -> None:
    """What it was stays in force until the daemon ends; a start leaves it out; it is back with its key."""
    key = tmp_path / "fox.key"
    key.write_text("key-of-fox")
    fox = provider("fox", upstream, priority=1, api_key=f"file:{key}")
    text = config(fox, provider("wolf", other_upstream), remote_management={"secret-key": KEY})
    with daemon(text) as gateway:
        assert (gateway.health()["status"], ask(gateway)) == ("ok", (200, "fox"))
        key.unlink()
        wait_for(lambda: gateway.health()["status"] == "degraded", "the missing key")
        assert gateway.health()["generation"] == 1
        gateway.save(text.replace('"priority": 1', '"priority": 2') + "# edited\n")
        assert "tppcd_config_last_reload_successful 0.0" in gateway.get("/metrics").text
        reloaded = manage(gateway, "POST", "/reload")
        assert (reloaded.status_code, reloaded.json()["ok"], reloaded.json()["degraded"]) == (200, False, True)
        errors = [each["path"] for each in reloaded.json()["diagnostics"] if each["severity"] == "error"]
        assert errors == ["tppc.providers[0].api-key"]
        assert ask(gateway) == (200, "fox")
        for name, status in (("fox", 422), ("wolf", 200)):
            written = manage(gateway, "PATCH", "/tppc", {"providers": [{"name": name, "max-concurrent": 7}]})
            assert written.status_code == status, name
        assert ask(gateway) == (200, "fox")
    with daemon(text) as gateway:
        assert (gateway.health()["status"], ask(gateway)) == ("degraded", (200, "wolf"))
        rows = {row["name"]: row for row in manage(gateway, "GET", "/auths").json()["auths"]}
        assert (rows["wolf"]["state"], rows["fox"]["state"]) == ("ready", "failed")
        assert "does not exist" in rows["fox"]["reason"]
        key.write_text("key-of-fox")
        wait_for(lambda: gateway.health()["status"] == "ok", "the key that is back")
        assert ask(gateway) == (200, "fox")
