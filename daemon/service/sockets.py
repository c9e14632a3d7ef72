"""The sockets we listen on: bound by us before uvicorn sees them, or inherited from systemd.

Binding here makes "address already in use" one clear line instead of a ``SystemExit`` inside the
loop, and lets us keep the admin socket at mode 0600 (uvicorn's own would be 0666).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from daemon.service.admin import SOCKET_NAME
from daemon.state.files import make_directory

BACKLOG = 4096
"""Connections that wait to be accepted: the most that Linux allows unless it is set to more. With a socket unit, all
that come during a restart wait here."""
_FIRST_INHERITED = 3
_MAX_UNIX_PATH = 107
_ALL = ("0.0.0.0", "::")


class BindError(Exception):
    """We cannot listen there. The message is one line and says what to do; ``reason`` is the part without the place."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class Inherited(Struct, frozen=True):
    """What systemd passed: ``admin`` are unix sockets of the admin socket's name, ``public`` all others."""

    public: tuple[socket.socket, ...] = ()
    admin: tuple[socket.socket, ...] = ()


def inherited(environ: Mapping[str, str]) -> Inherited:
    """Sockets passed by sd_listen_fds(3); empty where ``LISTEN_PID`` is not this process. Raises BindError where one
    of them cannot be listened on."""
    if environ.get("LISTEN_PID", "") != str(os.getpid()):
        return Inherited()
    count = environ.get("LISTEN_FDS", "")
    numbers = range(_FIRST_INHERITED, _FIRST_INHERITED + (int(count) if count.isdigit() else 0))
    sockets = [_adopt(number) for number in numbers]
    public = tuple(sock for sock in sockets if not _is_named_admin(sock))
    return Inherited(public, tuple(sock for sock in sockets if sock not in public))


def bind(host: str, port: int, *, backlog: int = BACKLOG) -> tuple[socket.socket, ...]:
    """Listening TCP sockets on every address of ``host``; all of them on one port.

    ``""`` and ``::`` are all addresses of both families, as two sockets, so that the client's
    address never shows as ``::ffff:127.0.0.1``. ``port`` 0 takes a free one. Raises BindError.
    """
    bound: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            chosen = bound[0].getsockname()[1] if bound else port
            bound.append(_bind_one(family, (address[0], chosen, *address[2:]), backlog))
    except OSError as error:
        for sock in bound:
            sock.close()
        raise BindError(_explain(host, port, error), _reason(error)) from error
    return tuple(bound)


def bind_admin(path: Path, *, backlog: int = BACKLOG) -> socket.socket:
    """The admin socket, mode 0600. A socket file that nobody listens on any more is replaced.

    Raises BindError, also when another daemon answers there. Call it at start-up only: the umask
    that gives the mode is one for the whole process.
    """
    if len(os.fsencode(path)) > _MAX_UNIX_PATH:
        raise BindError(f"admin socket path is longer than {_MAX_UNIX_PATH} bytes: {path} (set RUNTIME_DIRECTORY)")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        make_directory(path.parent)
        _remove_stale(path)
        before = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise BindError(f"cannot listen on the admin socket {path}: {_reason(error)}") from error
    except BindError:
        sock.close()
        raise
    return sock


def unlink_admin(sock: socket.socket) -> None:
    """Removes the socket's file, if it is still a socket; called before the socket is closed."""
    path = sock.getsockname()
    if isinstance(path, str) and path and _is_socket(Path(path)):
        Path(path).unlink(missing_ok=True)


def describe(sock: socket.socket) -> str:
    """``127.0.0.1:8317``, ``[::1]:8317`` or the path."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return os.fsdecode(name)
    return place(name[0], name[1])


def place(host: str, port: int) -> str:
    """``127.0.0.1:8317``, ``[::1]:8317``, ``*:8317`` for all addresses."""
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"


def serve_address(sockets: Sequence[socket.socket], host: str, port: int) -> bool:
    """Whether ``sockets`` are just those that ``bind`` would make; False as well where that fails."""
    try:
        wanted = {(str(address[0]), port) for _, address in _addresses(host, port)}
    except OSError:
        return False
    return wanted == {address for sock in sockets for address in _served(sock)}


def port_of(sockets: Sequence[socket.socket]) -> int:
    """The port of the first TCP socket, 0 without one."""
    return next((int(sock.getsockname()[1]) for sock in sockets if sock.family != socket.AF_UNIX), 0)


def _adopt(number: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=number)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise BindError(f"what systemd passed as descriptor {number} is no socket: {_reason(error)}") from error
    if not listens:
        raise BindError(f"what systemd passed as descriptor {number} does not listen: use ListenStream= and Accept=no")
    sock.setblocking(False)
    sock.set_inheritable(False)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _is_named_admin(sock: socket.socket) -> bool:
    return sock.family == socket.AF_UNIX and Path(os.fsdecode(sock.getsockname())).name == SOCKET_NAME


def _served(sock: socket.socket) -> Iterator[tuple[str, int]]:
    """Addresses and ports that clients of ``sock`` may use."""
    if sock.family == socket.AF_UNIX:
        yield os.fsdecode(sock.getsockname()), 0
        return
    host, port, *_ = sock.getsockname()
    yield host, port
    if host == _ALL[1] and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        yield _ALL[0], port


def _addresses(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    hosts = _ALL if host in ("", "::", "*") else (host,)
    addresses = [
        (int(family), address)
        for name in hosts
        if socket.has_ipv6 or name != "::"
        for family, _, _, _, address in socket.getaddrinfo(
            name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    ]
    return list(dict.fromkeys(addresses))


def _bind_one(family: int, address: tuple[object, ...], backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _explain(host: str, port: int, error: OSError) -> str:
    hints = {
        errno.EADDRINUSE: "another program listens there; stop it or choose another port with --port",
        errno.EACCES: "ports below 1024 need a privilege; choose a higher one with --port",
        errno.EADDRNOTAVAIL: "this machine does not have that address; see --host",
    }
    hint = "no such host; see --host" if isinstance(error, socket.gaierror) else hints.get(error.errno or 0, "")
    return f"cannot listen on {place(host, port)}: {_reason(error)}" + (f" ({hint})" if hint else "")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _remove_stale(path: Path) -> None:
    if not _is_socket(path):
        return  # nothing there, or something that is not ours to remove: bind will say so
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise BindError(f"another tppcd answers on the admin socket {path} (stop it, or set another STATE_DIRECTORY)")


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False
