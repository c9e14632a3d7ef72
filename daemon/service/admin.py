"""The admin socket: where it is, and a client for the command line.

The daemon serves its whole HTTP interface on it, and callers there need no management key: the
file's mode (0600) protects it. Only the standard library is imported, so that ``tppcd status``
starts at once.
"""

from __future__ import annotations

import grp
import http.client
import json
import pwd
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

SOCKET_NAME = "admin.sock"
SYSTEM_RUNTIME_DIRECTORY = Path("/run/tppcd")
"""Where the shipped unit's ``RuntimeDirectory=`` is: what a shell outside the unit tries last."""

Json = Mapping[str, object]


class DaemonUnreachable(Exception):
    """No daemon answers. The message is one line and says what to do."""


def state_directory(environ: Mapping[str, str]) -> Path:
    """``$STATE_DIRECTORY`` (systemd; the first one), else ``$XDG_STATE_HOME/tppcd``, else
    ``~/.local/state/tppcd``. Not created here."""
    if directory := _first_directory(environ, "STATE_DIRECTORY"):
        return directory
    home = environ.get("XDG_STATE_HOME", "")
    return Path(home) / "tppcd" if home.startswith("/") else Path.home() / ".local" / "state" / "tppcd"


def admin_socket_path(environ: Mapping[str, str]) -> Path:
    """Where the daemon puts its socket: ``$RUNTIME_DIRECTORY``, else the state directory."""
    return (_first_directory(environ, "RUNTIME_DIRECTORY") or state_directory(environ)) / SOCKET_NAME


def find_admin_socket(environ: Mapping[str, str], option: str | None = None) -> Path:
    """Where a client finds the socket: the option, else the daemon's own rules, else the system service's."""
    if option:
        return Path(option)
    path = admin_socket_path(environ)
    system = SYSTEM_RUNTIME_DIRECTORY / SOCKET_NAME
    return system if not path.exists() and system.exists() else path


class AdminClient:
    """HTTP over the admin socket. ``timeout`` in seconds, for connecting and for each read."""

    def __init__(self, path: Path, timeout: float = 60.0) -> None:
        self.path = path
        self._timeout = timeout

    def request(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Status and the JSON object of the body (``{}`` where it is none). Raises DaemonUnreachable.

        Not the structs of ``api.schemas``: the daemon may be older or newer than the command, so any field may be
        missing; a reader has a default for each."""
        connection = _UnixConnection(self.path, self._timeout)
        try:
            if body is None:
                connection.request(method, path)
            else:
                connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        answer = _json(raw)
        return response.status, answer if isinstance(answer, dict) else {}

    def events(self, path: str, *, after: int | None = None) -> Iterator[tuple[str, object]]:
        """Server-sent events as ``(kind, data)``, until the daemon ends the stream or falls silent
        for the timeout. ``after`` asks for those of the ring with a greater id first. Raises
        DaemonUnreachable."""
        connection = _UnixConnection(self.path, self._timeout)
        try:
            connection.request("GET", path, headers=_event_headers(after))
            response = connection.getresponse()
            if response.status != 200:
                raise DaemonUnreachable(f"the daemon answered {response.status} to GET {path}")
            yield from _events(line.decode("utf-8", "replace").rstrip("\r\n") for line in response)
        except TimeoutError:
            return
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _unreachable(self, error: Exception) -> DaemonUnreachable:
        if isinstance(error, PermissionError):
            owner = _owner(self.path)
            whose = f": it belongs to {owner}" if owner else ""
            user = owner.partition(":")[0]
            how = f"run this as the daemon's user (sudo -u {user}), or as root" if user else "run this as root"
            return DaemonUnreachable(f"no permission to use {self.path}{whose} ({how})")
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            how = "start it with: tppcd run; --socket names another socket"
            return DaemonUnreachable(f"no daemon answers on {self.path} ({how})")
        if isinstance(error, TimeoutError):
            return DaemonUnreachable(f"the daemon on {self.path} did not answer in time")
        return DaemonUnreachable(f"the daemon on {self.path} closed the connection: {type(error).__name__} {error}")


def items(body: Json, name: str) -> list[object]:
    """The list in field ``name``; empty where there is none."""
    value = body.get(name)
    return value if isinstance(value, list) else []


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _owner(path: Path) -> str:
    """``user:group`` of the socket, or of the nearest directory above it that can be seen; empty where none can."""
    for place in (path, *path.parents[:-1]):
        try:
            status = place.stat()
        except OSError:
            continue
        names: list[str] = []
        for look_up, number in ((_user, status.st_uid), (_group, status.st_gid)):
            try:
                names.append(look_up(number))
            except KeyError:
                names.append(str(number))
        return ":".join(names)
    return ""


def _user(number: int) -> str:
    return pwd.getpwuid(number).pw_name


def _group(number: int) -> str:
    return grp.getgrgid(number).gr_name


def _event_headers(after: int | None) -> dict[str, str]:
    resume = {} if after is None else {"last-event-id": str(after)}
    return {"accept": "text/event-stream", **resume}


def _first_directory(environ: Mapping[str, str], name: str) -> Path | None:
    """systemd joins several with colons."""
    first = environ.get(name, "").split(":")[0]
    return Path(first) if first.startswith("/") else None


def _json(body: bytes) -> object:
    try:
        decoded: object = json.loads(body)
    except ValueError:
        return {}
    return decoded


def _events(lines: Iterator[str]) -> Iterator[tuple[str, object]]:
    kind, data = "message", ""
    for line in lines:
        if not line:
            if data:
                yield kind, _json(data.encode())
            kind, data = "message", ""
        elif line.startswith("event:"):
            kind = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].strip()
