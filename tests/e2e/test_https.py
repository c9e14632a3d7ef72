"""HTTPS for clients: ``tls.cert`` and ``tls.key``, renewed in a running daemon."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Daemon, Simulator, config, daemon, provider, simulator, tppcd, wait_for
from tests.upstream.http.certificates import Authority

MESSAGE = {"model": "gpt-5", "max_tokens": 200, "messages": [{"role": "user", "content": "Say hello"}]}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture
def trusted(tmp_path: Path, authority: Authority) -> Path:
    """What its clients trust."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return tmp_path / "ca.pem"


@pytest.fixture
def pair(tmp_path: Path, authority: Authority) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    put((cert, key), authority.issue())
    return cert, key


@pytest.fixture
def gateway(upstream: Simulator, trusted: Path, pair: tuple[Path, Path]) -> Iterator[Daemon]:
    with daemon(served(upstream, pair), trusting=trusted) as running:
        yield running


def served(upstream: Simulator, pair: tuple[Path, Path], **settings: object) -> str:
    return config(provider("fox", upstream), tls={"cert": str(pair[0]), "key": str(pair[1])}, **settings)


def put(pair: tuple[Path, Path], content: tuple[bytes, bytes]) -> None:
    """As a renewal does it: one after the other, each by rename."""
    for path, text in zip(pair, content, strict=True):
        new = path.with_suffix(".new")
        new.write_bytes(text)
        new.replace(path)


def shown(gateway: Daemon, *, name: str | None = None) -> bytes:
    """The certificate (DER) that a new connection gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with raw(gateway) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        return secure.getpeercert(binary_form=True) or b""


def raw(gateway: Daemon) -> socket.socket:
    host, port = gateway.url.removeprefix("https://").split(":")
    return socket.create_connection((host, int(port)), 10)


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def test_whole_answers_and_streams_are_served_over_https(gateway: Daemon) -> None:
    answer = gateway.post("/v1/messages", MESSAGE)
    assert answer.status_code == 200 and answer.headers["x-tppcd-provider"] == "fox"
    with gateway.stream("/v1/messages", MESSAGE | {"stream": True}) as stream:
        assert "message_stop" in stream.read().decode()
    assert gateway.get("/healthz").json()["status"] == "ok"


def test_a_large_request_and_a_hang_up(gateway: Daemon, upstream: Simulator) -> None:
    large = MESSAGE | {"messages": [{"role": "user", "content": "x" * 3_000_000}]}
    assert gateway.post("/v1/messages", large).status_code == 200
    upstream.control(delay_ms=400)
    try:
        with gateway.stream("/v1/messages", MESSAGE | {"stream": True}):
            wait_for(lambda: upstream.open_requests() == 1, "the upstream to be asked")
        wait_for(lambda: upstream.open_requests() == 0, "the upstream's request to end")
    finally:
        upstream.reset()
    gateway.wait_log(r"\b499\b")


def test_new_content_of_the_same_files_is_shown_to_new_connections(
    gateway: Daemon, authority: Authority, pair: tuple[Path, Path]
) -> None:
    """Open connections stay, no generation moves, and nothing has to be restarted."""
    before, generation = pair[0].read_bytes(), gateway.health()["generation"]
    assert shown(gateway) == shown(gateway, name="localhost") == der(before)
    with gateway.stream("/v1/messages", MESSAGE | {"stream": True}) as stream:
        new = authority.issue(days=200)
        put(pair, new)
        wait_for(lambda: shown(gateway) == der(new[0]), "the new certificate")
        assert shown(gateway, name="localhost") == der(new[0])
        assert "message_stop" in stream.read().decode()
    gateway.wait_log(r"certificate \S+cert\.pem: changed, new connections get it: for localhost, 127\.0\.0\.1, until ")
    assert gateway.post("/v1/messages", MESSAGE).status_code == 200
    assert gateway.health()["generation"] == generation
    ends = re.search(r'tppcd_tls_certificate_end_timestamp_seconds\{file="\S+"\} (\S+)', gateway.get("/metrics").text)
    assert ends is not None and float(ends[1]) > time.time() + 190 * 86_400


@pytest.mark.parametrize("scheme", ["file", "credential"])
def test_a_reference_to_the_file_itself_is_followed_as_its_path_is(
    upstream: Simulator, authority: Authority, trusted: Path, pair: tuple[Path, Path], scheme: str
) -> None:
    """Credentials of systemd are files, and nobody writes a path into one."""
    cert, key = (each.name if scheme == "credential" else str(each) for each in pair)
    written = config(provider("fox", upstream), tls={"cert": f"{scheme}:{cert}", "key": f"{scheme}:{key}"})
    with daemon(written, env={"CREDENTIALS_DIRECTORY": str(pair[0].parent)}, trusting=trusted) as gateway:
        assert gateway.post("/v1/messages", MESSAGE).status_code == 200
        generation, new = gateway.health()["generation"], authority.issue(days=200)
        put(pair, new)
        wait_for(lambda: shown(gateway) == der(new[0]), "the new certificate")
        assert gateway.health()["generation"] == generation
        assert "BEGIN" not in gateway.log


@pytest.mark.parametrize("how", ["half a pair", "no PEM", "deleted"])
def test_content_that_cannot_be_used_changes_nothing(
    gateway: Daemon, authority: Authority, pair: tuple[Path, Path], how: str
) -> None:
    """The old pair is shown until the files are good again; the daemon says what is wrong with which of them."""
    before = shown(gateway)
    new = authority.issue()
    if how == "half a pair":
        pair[0].write_bytes(new[0])
        gateway.wait_log(r"tls\.key: \S+key\.pem is not the key of tls\.cert")
    elif how == "no PEM":
        pair[0].write_text("nothing")
        gateway.wait_log(r"tls\.cert: \S+cert\.pem contains no certificate")
    else:
        pair[1].unlink()
        gateway.wait_log(r"tls\.key: \S+key\.pem does not exist")
    assert shown(gateway) == before
    assert gateway.health()["status"] == "degraded"
    put(pair, new)
    wait_for(lambda: shown(gateway) == der(new[0]), "the new certificate")
    wait_for(lambda: gateway.health()["status"] == "ok", "the daemon to be well again")


def test_another_path_needs_a_restart(
    gateway: Daemon, upstream: Simulator, authority: Authority, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    before = shown(gateway)
    other = tmp_path / "other.pem", tmp_path / "other.key"
    put(other, authority.issue())
    gateway.reload(served(upstream, other))
    gateway.wait_log(r"tls\.cert: \S+ -> \S+ \(restart needed\)")
    assert shown(gateway) == before


def test_plain_http_and_noise_leave_the_listener_well(gateway: Daemon) -> None:
    """Scanners do this all day: no traceback, no flood, and the next client is served."""
    for text in (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\x00" * 300, b"", b"\x16\x03\x01\x00\x05hello"):
        with raw(gateway) as plain:
            plain.sendall(text)
            plain.shutdown(socket.SHUT_WR)
            plain.settimeout(30)
            while True:
                try:
                    if not plain.recv(4096):
                        break
                except ConnectionResetError:
                    break
    assert gateway.post("/v1/messages", MESSAGE).status_code == 200
    assert "Traceback" not in gateway.log and "ERROR" not in gateway.log


@pytest.mark.parametrize(
    ("days", "begins", "said"),
    [
        (-0.5, -2, "the certificate expired on "),
        (5, -1, "the certificate expires on "),
        (90, 1, "the certificate is not valid before "),
    ],
)
def test_a_warning_for_a_certificate_that_clients_refuse_now_or_soon(
    tmp_path: Path, authority: Authority, days: float, begins: float, said: str
) -> None:
    (tmp_path / "cert.pem").write_bytes(authority.issue(days=days, since=begins)[0])
    pair = authority.issue(days=days, since=begins)
    put((tmp_path / "cert.pem", tmp_path / "key.pem"), pair)
    (tmp_path / "config.yaml").write_text("tls:\n  cert: cert.pem\n  key: key.pem\n")
    result = tppcd("check", home=tmp_path)
    assert result.returncode == 0 and f"config.yaml:2:9: warning: tls.cert: {said}" in result.stdout


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"cert": "none.pem", "key": "key.pem"}, "tls.cert: {home}/none.pem does not exist"),
        ({"cert": "cert.pem", "key": "."}, "tls.key: {home} is a directory, not a regular file"),
        ({"cert": "key.pem", "key": "cert.pem"}, "tls.cert: {home}/key.pem contains no certificate"),
        ({"cert": "cert.pem", "key": "cert.pem"}, "tls.key: {home}/cert.pem contains no usable private key"),
        ({"cert": "cert.pem", "key": "sealed.pem"}, "tls.key: {home}/sealed.pem has a passphrase"),
        ({"cert": "-----BEGIN CERTIFICATE-----", "key": "key.pem"}, "tls.cert: must be a path"),
        ({"cert": "env:CERT", "key": "key.pem"}, "tls.cert: the file that env:CERT names does not exist"),
    ],
)
def test_what_is_wrong_is_said_of_the_setting_at_fault(
    tmp_path: Path, authority: Authority, tls: dict[str, str], said: str
) -> None:
    put((tmp_path / "cert.pem", tmp_path / "key.pem"), authority.issue())
    (tmp_path / "sealed.pem").write_bytes(authority.issue(passphrase="planted")[1])
    (tmp_path / "config.yaml").write_text(json.dumps({"tls": tls}))
    result = tppcd("check", home=tmp_path, env={"CERT": "planted.pem"})
    assert result.returncode == 78
    assert said.format(home=tmp_path) in result.stdout, result.stdout
    assert "planted" not in result.stdout
