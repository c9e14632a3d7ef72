"""What config.yaml refers to: the texts that references stand for (``env:NAME``, ``file:/path``,
``credential:NAME``).

Files are read as configuration files are: regular files only, of bounded size, never waiting on a
pipe. One newline at the end belongs to the file, not to the key. No message contains what was read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from daemon.config.references import Resolve, UnresolvedReference
from daemon.sources.reading import Unreadable, read_whole

MAX_REFERENCE_BYTES: Final = 64 * 1024
CREDENTIALS_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"


def resolver(environ: Mapping[str, str], *, base: str | Path = ".") -> Resolve:
    """Relative ``file:`` paths are relative to ``base``, the directory of config.yaml."""

    def resolve(reference: str) -> str:
        scheme, _, name = reference.partition(":")
        if not name.strip():
            raise UnresolvedReference("names nothing", f"write what comes after {scheme}:")
        if name != name.strip():
            where = f"has a blank after {scheme}:" if name[0].isspace() else "ends with a blank"
            raise UnresolvedReference(where, f"write {scheme}:{name.strip()}")
        if scheme != "file" and (bare := re.fullmatch(r"\$\{?(\w+)\}?|%(\w+)%", name)):
            raise UnresolvedReference("takes the bare name", f"write {scheme}:{bare[1] or bare[2]}")
        match scheme:
            case "env":
                return _from_environment(name, environ)
            case "file":
                return _from_file(path_of(name, base))
            case "credential":
                return _from_credential(name, environ)
            case _:
                raise UnresolvedReference(
                    "is not a known kind of reference", "use env:NAME, file:/path or credential:NAME"
                )

    return resolve


def watched_paths(names: Iterable[str], environ: Mapping[str, str], *, base: str | Path = ".") -> frozenset[str]:
    """The files behind ``Fragment.files`` (paths, and ``credential:NAME`` whole); one without a path is left out."""
    paths = set()
    for name in names:
        if not name.startswith("credential:"):
            paths.add(path_of(name, base))
        elif environ.get(CREDENTIALS_DIRECTORY) and _is_plain(name.removeprefix("credential:")):
            paths.add(_credential(name.removeprefix("credential:"), environ))
    return frozenset(paths)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise UnresolvedReference(
            f"environment variable {name} is not set", f"set {name} for the daemon and restart it"
        )
    return environ[name]


def _from_credential(name: str, environ: Mapping[str, str]) -> str:
    path = _credential(name, environ)
    if not os.path.lexists(path):
        raise UnresolvedReference("no credential of this name was passed", _to_pass(name))
    return _from_file(path)


def _from_file(path: str) -> str:
    try:
        raw = read_whole(path, MAX_REFERENCE_BYTES).raw
    except Unreadable as why:
        hint = "create it, or check the path" if why.code == "missing" else why.hint
        raise UnresolvedReference(f"{path} {why.message}", hint) from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UnresolvedReference(f"{path} is not UTF-8 text", "put the bare key into it") from None
    return text.removesuffix("\n").removesuffix("\r")


def path_of(name: str, base: str | Path) -> str:
    """The absolute path of a file that the configuration names."""
    return str(Path(base, Path(name).expanduser() if name.startswith("~/") else name).absolute())


def _credential(name: str, environ: Mapping[str, str]) -> str:
    directory = environ.get(CREDENTIALS_DIRECTORY)
    if not directory:
        raise UnresolvedReference("no credentials were passed", _to_pass(name))
    if not _is_plain(name):
        raise UnresolvedReference("a credential has no path", "use the bare name from LoadCredential=")
    return str(Path(directory, name))


def _to_pass(name: str) -> str:
    """systemd reads credentials when it starts a service, and at no other time."""
    return f"add LoadCredential={name}:/path to the systemd unit, then restart the daemon"


def _is_plain(name: str) -> bool:
    return "/" not in name and name not in ("", ".", "..")
