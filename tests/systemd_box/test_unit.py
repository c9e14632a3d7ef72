"""The shipped unit under a real systemd: start, reload, watchdog, stop, and the story the journal tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import wait_for
from tests.systemd_box import box as systemd_box
from tests.systemd_box.box import CONFIG, CONFIG_TEXT, SOCKET, UNIT, Box

pytestmark = pytest.mark.skipif(bool(systemd_box.missing()), reason=systemd_box.missing() or "-")


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with systemd_box.booted(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def box(booted: Box) -> Iterator[Box]:
    """The service running with the good configuration, and stopped afterwards."""
    booted.write(CONFIG, CONFIG_TEXT)
    booted.do("systemctl", "restart", UNIT)
    yield booted
    booted.run("systemctl", "stop", SOCKET)
    booted.run("systemctl", "kill", "-s", "KILL", UNIT)
    booted.run("systemctl", "stop", UNIT)
    booted.run("systemctl", "reset-failed", UNIT)
    booted.do("rm", "-rf", f"/run/systemd/system/{UNIT}.d")
    booted.do("systemctl", "daemon-reload")


def messages(model: str, words: str) -> str:
    message = {"role": "user", "content": words}
    return json.dumps({"model": model, "max_tokens": 1000, "stream": True, "messages": [message]})


@pytest.mark.parametrize("unit", [UNIT, SOCKET])
def test_systemd_finds_nothing_to_say_about_the_units(unit: str, booted: Box) -> None:
    done = booted.run("systemd-analyze", "verify", f"/etc/systemd/system/{unit}")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_sandbox_leaves_little_open(booted: Box) -> None:
    """1.5 of 10 at most, by systemd's own count."""
    command = ("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager")
    booted.do(*command, f"/etc/systemd/system/{UNIT}")


def test_a_restart_ends_when_it_serves(box: Box) -> None:
    """``Type=notify``: ``systemctl restart`` waits for READY=1."""
    box.do("systemctl", "restart", UNIT)
    assert "generation 1" in box.property("StatusText")  # "serving" it, or, once that is reported, it is "in force"
    assert '"status":"ok"' in box.ask("/healthz")


@pytest.mark.soak
def test_how_soon_it_is_ready(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    """By systemd's own clock, from the fork to READY=1, without what its main thread waited for a core."""

    def start() -> float:
        box.do("systemctl", "restart", UNIT)
        began, ready = (int(box.property(f"{name}TimestampMonotonic")) for name in ("ExecMainStart", "ActiveEnter"))
        waited = int(box.do("cat", f"/proc/{box.property('MainPID')}/schedstat").split()[1])
        return (ready - began) / 1e6 - waited / 1e9

    times = sorted(start() for _ in range(5))
    with capsys.disabled():
        print(f"\nready after {times[0]:.2f} to {times[-1]:.2f} s")


def test_reload_waits_and_fails_when_refused_and_the_service_serves_on(box: Box) -> None:
    box.write(CONFIG, CONFIG_TEXT.replace("name: stuck", "name: wolf"))
    box.do("systemctl", "reload", UNIT)
    assert "tppc.providers[wolf]: added (enabled)" in box.journal()

    box.write(CONFIG, CONFIG_TEXT + "port: eight\n")
    assert box.run("systemctl", "reload", UNIT).returncode != 0
    assert box.property("ActiveState") == "active"
    assert f"{CONFIG}:" in box.journal() and "port: " in box.journal()
    assert '"status":"degraded"' in box.ask("/healthz")
    assert "event: message_stop" in box.ask("/v1/messages", messages("flow/gpt-5", "hello"))

    box.write(CONFIG, CONFIG_TEXT)
    box.do("systemctl", "reload", UNIT)
    assert '"status":"ok"' in box.ask("/healthz")


def test_a_hung_loop_is_killed_with_its_stack_in_the_journal_and_starts_again(box: Box) -> None:
    box.drop_in(systemd_box.HANG_DROP_IN)
    box.do("systemctl", "restart", UNIT)
    box.do("systemctl", "kill", "--kill-whom=main", "-s", "USR2", UNIT)
    journal = box.wait_journal("in hang_the_loop")
    assert "Fatal Python error: Aborted" in journal
    wait_for(lambda: box.property("NRestarts") == "1" and box.property("ActiveState") == "active", "the restart")
    assert '"status":"ok"' in wait_for(lambda: box.ask("/healthz"), "an answer after the restart")


def test_a_crash_loop_never_meets_a_start_limit(box: Box) -> None:
    assert (box.property("StartLimitIntervalUSec"), box.property("RestartUSec")) == ("0", "2s")


def test_a_bad_first_configuration_is_told_and_not_tried_again(box: Box) -> None:
    box.do("systemctl", "stop", UNIT)
    box.do("rm", "-rf", "/var/lib/tppcd")
    box.write(CONFIG, "port: [\n")
    assert box.run("systemctl", "start", UNIT).returncode != 0
    assert (box.property("ExecMainStatus"), box.property("NRestarts")) == ("78", "0")
    assert "Traceback" not in box.journal()


def test_a_stop_lets_a_running_stream_end(box: Box) -> None:
    with box.client("/v1/messages", messages("flow/gpt-5", "tell me a story")) as client:
        assert client.stdout
        begun = client.stdout.readline()
        box.do("systemctl", "stop", UNIT)
        text = begun + client.communicate(timeout=60)[0]
    assert client.returncode == 0 and "event: message_stop" in text
    assert (box.property("Result"), box.property("ExecMainStatus")) == ("success", "0")


def test_a_stop_in_a_hurry_tells_a_running_stream_in_its_dialect(box: Box) -> None:
    said = "stopping: no new connections"
    before = box.journal().count(said)
    with box.client("/v1/messages", messages("stuck/gpt-5", "tell me a story")) as client:
        assert client.stdout
        begun = client.stdout.readline()
        box.do("systemctl", "stop", "--no-block", UNIT)
        box.wait_journal(said, times=before + 1)
        box.do("systemctl", "kill", "--kill-whom=main", "-s", "TERM", UNIT)
        text = begun + client.communicate(timeout=60)[0]
    assert client.returncode == 0, "the chunked body ended properly"
    assert "event: error" in text and "overloaded_error" in text
    wait_for(lambda: box.property("ActiveState") == "inactive", "the end")
    assert (box.property("Result"), box.property("ExecMainStatus")) == ("success", "0")


def test_the_journal_has_priorities_one_line_per_record_and_no_key(box: Box) -> None:
    box.write(CONFIG, CONFIG_TEXT + "port: eight\n")
    box.run("systemctl", "reload", UNIT)
    errors = box.do("journalctl", "-u", UNIT, "-p", "err", "--no-pager", "-o", "cat")
    assert "config refused" in errors and "config loaded" not in errors
    assert "sk-box" not in box.journal()


def test_the_admin_socket_and_the_state_are_private(box: Box) -> None:
    def mode(path: Path) -> str:
        return box.do("stat", "-c", "%a %U", str(path)).strip()

    assert mode(Path("/run/tppcd/admin.sock")) == "600 tppcd"
    assert mode(Path("/var/lib/tppcd")) == "700 tppcd"
    assert re.search(r"^generation +\d+,", box.do("/opt/tppcd/.venv/bin/tppcd", "status"), re.M)
    nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    done = box.run(*nobody, "/opt/tppcd/.venv/bin/tppcd", "status")
    assert done.returncode == 1 and "no permission to use /run/tppcd/admin.sock" in done.stderr, done.stderr


def test_what_the_daemon_needs_works_in_the_sandbox(box: Box) -> None:
    """Edits of config.yaml by root, its own ones by rename (the owner is kept without chown), the provider store, and
    the names of hosts."""
    tppcd = "/opt/tppcd/.venv/bin/tppcd"
    box.do("sed", "-i", "s/name: stuck/name: wolf/", CONFIG)
    box.wait_journal("tppc.providers[wolf]: added (enabled)")
    before = box.do("stat", "-c", "%i %U %a", CONFIG).split()
    patch = '{"providers": [{"name": "wolf", "enabled": false}]}'
    curl = ("curl", "-sS", "--fail", "--unix-socket", "/run/tppcd/admin.sock", "-H", "content-type: application/json")
    box.do(*curl, "-X", "PATCH", "-d", patch, "http://localhost/v0/management/tppc")
    after = box.do("stat", "-c", "%i %U %a", CONFIG).split()
    assert before[0] != after[0] and before[1:] == after[1:] == ["tppcd", "600"]
    box.do(
        tppcd, "provider", "add", "owl", "--type", "openai", "--url", "http://localhost:18317/v1", "--key", "sk-box-1"
    )
    assert "event: message_stop" in box.ask("/v1/messages", messages("owl/gpt-5", "hello"))
    box.do(tppcd, "provider", "remove", "owl")


def test_a_key_comes_as_a_credential(box: Box) -> None:
    """A new one is in force after a restart; one that was not passed says what to do."""
    box.do("sed", "-i", "s/sk-box-0123456789/credential:flow/; s/sk-box-9876543210/credential:other/", CONFIG)
    box.wait_journal("add LoadCredential=other:/path to the systemd unit, then restart the daemon")
    box.drop_in("[Service]\nSetCredential=other:sk-box-set\nLoadCredential=flow:/etc/tppcd/flow.key\n")
    for key in ("sk-box-first", "sk-box-second"):
        box.write("/etc/tppcd/flow.key", key)
        box.do("chmod", "0600", "/etc/tppcd/flow.key")
        box.do("systemctl", "restart", UNIT)
        assert '"status":"ok"' in box.ask("/healthz")
        assert "event: message_stop" in box.ask("/v1/messages", messages("flow/gpt-5", "hello"))
        assert box.do("cat", f"/run/credentials/{UNIT}/flow") == key
    assert "sk-box" not in box.journal()


def test_the_journal_has_the_fields_of_each_record(box: Box) -> None:
    box.ask("/v1/messages", messages("flow/gpt-5", "hello"))
    wait_for(lambda: box.journal("TPPCD_PROVIDER=flow", "TPPCD_STATUS=200"), "the request's entry")
    assert box.journal("TPPCD_PROVIDER=nobody") == ""


def test_a_journal_that_stands_still_costs_no_request(box: Box) -> None:
    journald = box.property("MainPID", "systemd-journald.service")
    box.do("kill", "-STOP", journald)
    try:
        with box.crowd() as results:
            box.do("systemctl", "reload", UNIT)
    finally:
        box.do("kill", "-CONT", journald)
    assert set(results) == {"200"}
    box.wait_journal("config unchanged")


@pytest.mark.parametrize("restarts", [1, pytest.param(10, marks=pytest.mark.soak)])
def test_with_the_socket_unit_a_restart_refuses_nobody(restarts: int, box: Box) -> None:
    """Nor does it cut an answer that is running."""
    box.do("systemctl", "stop", UNIT)
    box.do("systemctl", "start", SOCKET)
    with box.crowd() as results:  # whose first request starts the daemon
        box.wait_journal("the socket is inherited from systemd: 127.0.0.1:8317")
        for _ in range(restarts):
            with box.client("/v1/messages", messages("flow/gpt-5", "tell me a story")) as client:
                assert client.stdout
                begun = client.stdout.readline()
                box.do("systemctl", "restart", UNIT)
                assert "event: message_stop" in begun + client.communicate(timeout=60)[0]
    assert set(results) == {"200"}


@pytest.mark.soak
def test_a_port_that_is_not_the_sockets_is_said(box: Box) -> None:
    box.do("systemctl", "stop", UNIT)
    box.write(CONFIG, f"port: 9000\n{CONFIG_TEXT}")
    box.do("systemctl", "start", SOCKET, UNIT)
    box.wait_journal("host and port as configured (127.0.0.1:9000) are not used: change ListenStream= in tppcd.socket")
    assert '"status":"ok"' in box.ask("/healthz")
