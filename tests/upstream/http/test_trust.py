"""CA files that change while the daemon runs; real certificates and real sockets."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger
from msgspec import structs

from daemon.errors import RemoteError
from daemon.upstream.http import trust
from daemon.upstream.http.transport import Transport
from daemon.upstream.http.trust import BadCaFile, Trust
from tests.upstream.http.certificates import Authority
from tests.upstream.http.test_transport import answering, call, transport, upstream

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are looked at for every request; the system has no CAs, since its hundreds take their time."""
    monkeypatch.setattr(trust, "LOOK_EVERY", 0.0)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")


@pytest.fixture(scope="module")
def old() -> Authority:
    return Authority("old")


@pytest.fixture(scope="module")
def new() -> Authority:
    return Authority("new")


@contextmanager
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.strip()), format="{level} {message}")
    try:
        yield lines
    finally:
        logger.remove(sink)


async def ask(way: Transport, url: str, ca: Path | str = "") -> int:
    with await way.open(structs.replace(call(url), ca=str(ca))) as response:
        await response.read_whole()
        return response.status


def in_place(path: Path, pem: bytes) -> None:
    path.write_bytes(pem)


def renamed(path: Path, pem: bytes) -> None:
    path.with_suffix(".new").write_bytes(pem)
    path.with_suffix(".new").replace(path)


def swapped(path: Path, pem: bytes) -> None:
    """As Kubernetes does: the path is a link, and leads elsewhere afterwards."""
    target = path.with_name(f"{len(list(path.parent.iterdir()))}.target")
    target.write_bytes(pem)
    link = path.with_suffix(".link")
    link.symlink_to(target)
    link.replace(path)


def as_before(path: Path, pem: bytes) -> None:
    """With the time of the last change set back."""
    status = path.stat()
    path.write_bytes(pem)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.asyncio
@pytest.mark.parametrize("write", [in_place, renamed, swapped, as_before])
async def test_a_rotated_ca_is_in_force_and_the_old_one_is_not(
    tmp_path: Path, old: Authority, new: Authority, write: Callable[[Path, bytes], None]
) -> None:
    """What the new CA has signed is trusted; what the old one has is not, though a connection to it stands ready."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(old.pem)
    async with (
        upstream(answering(OK), old.server(tmp_path)) as before,
        upstream(answering(OK), new.server(tmp_path)) as after,
        transport() as way,
    ):
        assert await ask(way, before.url, ca) == 200
        with pytest.raises(RemoteError, match="is not trusted"):
            await ask(way, after.url, ca)
        write(ca, new.pem)
        assert await ask(way, after.url, ca) == 200
        with pytest.raises(RemoteError, match="is not trusted"):
            await ask(way, before.url, ca)
        write(ca, old.pem + new.pem)
        assert await ask(way, before.url, ca) == await ask(way, after.url, ca) == 200


@pytest.mark.asyncio
async def test_a_file_written_again_costs_no_connection(tmp_path: Path, old: Authority) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(old.pem)
    async with upstream(answering(OK), old.server(tmp_path)) as up, transport() as way:
        for write in (in_place, renamed, swapped):
            assert await ask(way, up.url, ca) == 200
            write(ca, old.pem)
        assert await ask(way, up.url, ca) == 200
        assert up.accepted == 1


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def garbled(path: Path) -> None:
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def made_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.asyncio
@pytest.mark.parametrize("spoil", [emptied, garbled, Path.unlink, made_a_pipe, made_a_directory])
async def test_a_file_that_cannot_be_used_changes_nothing(
    tmp_path: Path, old: Authority, new: Authority, spoil: Callable[[Path], None]
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(old.pem)
    async with (
        upstream(answering(OK), old.server(tmp_path)) as before,
        upstream(answering(OK), new.server(tmp_path)) as after,
        transport() as way,
    ):
        assert await ask(way, before.url, ca) == 200
        spoil(ca)
        assert await ask(way, before.url, ca) == 200
        assert before.accepted == 1
        ca.rmdir() if ca.is_dir() else ca.unlink(missing_ok=True)
        ca.write_bytes(new.pem)
        assert await ask(way, after.url, ca) == 200


@pytest.mark.asyncio
async def test_a_file_that_was_never_usable_is_named_and_works_once_it_is(tmp_path: Path, old: Authority) -> None:
    ca = tmp_path / "ca.pem"
    async with upstream(answering(OK), old.server(tmp_path)) as up, transport() as way:
        with pytest.raises(RemoteError, match="upstream-ca names cannot be used") as raised:
            await ask(way, up.url, ca)
        assert raised.value.reason == "tls"
        ca.write_bytes(old.pem)
        assert await ask(way, up.url, ca) == 200


@pytest.mark.asyncio
async def test_the_systems_file_is_looked_at_too(
    tmp_path: Path, old: Authority, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the extra file as well; and where it is lost, what it held stays, with one line in the log."""
    system, ca = tmp_path / "system.pem", tmp_path / "ca.pem"
    system.write_bytes(old.pem)
    ca.write_bytes(Authority("third").pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    async with (
        upstream(answering(OK), old.server(tmp_path)) as before,
        upstream(answering(OK), new.server(tmp_path)) as after,
        transport() as way,
    ):
        for extra in ("", ca):
            system.write_bytes(old.pem)
            assert await ask(way, before.url, extra) == 200
            system.write_bytes(new.pem)
            assert await ask(way, after.url, extra) == 200
            with pytest.raises(RemoteError, match="is not trusted"):
                await ask(way, before.url, extra)
        with logged() as lines:
            system.unlink()
            for _ in range(3):
                assert await ask(way, after.url) == 200
        assert [line for line in lines if "system's CA certificates" in line] == [
            f"ERROR the system's CA certificates cannot be read any more ({system}, {tmp_path / 'none'}): those that "
            "were read before stay in force"
        ]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["another", "changed", "gone", "linked"])
async def test_the_systems_directory_is_looked_at_with_what_is_in_it(
    tmp_path: Path, old: Authority, new: Authority, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    directory = tmp_path / "certs"
    directory.mkdir()
    (tmp_path / "target").write_bytes(old.pem)
    (directory / "b.0").write_bytes(old.pem)
    (directory / "c.0").symlink_to(tmp_path / "target")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'nowhere'}:{directory}")
    contexts = Trust()
    before = await contexts.of("")
    assert await contexts.of("") is before
    match kind:
        case "another":
            (directory / "a.0").write_bytes(new.pem)
        case "changed":
            (directory / "b.0").write_bytes(new.pem)
        case "gone":
            (directory / "b.0").unlink()
        case "linked":
            (tmp_path / "target").write_bytes(new.pem)
    after = await contexts.of("")
    assert after is not before
    assert await contexts.of("") is after


@pytest.mark.asyncio
async def test_a_look_is_shared_and_one_that_hangs_holds_up_nobody(
    tmp_path: Path, old: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that hangs: the contexts that are in force serve on, and no second look begins."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(old.pem)
    contexts = Trust()
    known = await contexts.of(str(ca))
    look, going_on, looks = trust._look, threading.Event(), []

    def hanging(*about: object) -> object:
        looks.append(about)
        going_on.wait(30)
        return look(*about)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(trust, "_look", hanging)
    monkeypatch.setattr(trust, "PATIENCE", 0.01)
    try:
        assert await asyncio.gather(*(contexts.of(str(ca)) for _ in range(3))) == [known] * 3
        assert await contexts.of(str(ca)) is known
        assert len(looks) == 1
    finally:
        going_on.set()
    monkeypatch.setattr(trust, "PATIENCE", 30)
    assert await contexts.of(str(ca)) is known


@pytest.mark.asyncio
async def test_between_two_looks_nothing_is_read(
    tmp_path: Path, old: Authority, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody asks for a look: a reload does."""
    monkeypatch.setattr(trust, "LOOK_EVERY", 3600.0)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(old.pem)
    contexts = Trust()
    known = await contexts.of(str(ca))
    ca.write_bytes(new.pem)
    assert contexts.fresh(str(ca)) is known
    contexts.look_again()
    assert contexts.fresh(str(ca)) is None
    assert await contexts.of(str(ca)) is not known


@pytest.mark.asyncio
async def test_contexts_of_former_paths_are_few(tmp_path: Path, old: Authority) -> None:
    contexts = Trust()
    first = tmp_path / "0.pem"
    for number in range(trust.MOST_KEPT + 1):
        (tmp_path / f"{number}.pem").write_bytes(old.pem)
        await contexts.of(str(tmp_path / f"{number}.pem"))
    first.unlink()
    with pytest.raises(BadCaFile):
        await contexts.of(str(first))
