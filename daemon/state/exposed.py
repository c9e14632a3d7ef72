"""Directories in which others could put files of their own in the place of ours.

Who can write to a directory can replace what is in it, whatever the modes of the files: config.yaml, keys, the admin
socket. The same holds for each directory above it. Sticky directories (``/tmp``) keep files from being replaced by
others than their owner, so they are no danger to what is there already.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Set
from pathlib import Path
from typing import Final

from daemon.config.diagnostics import Diagnostic

ROOT: Final = 0
NOBODY: Final = 65534
"""What Linux shows for a user that this user namespace does not have: in a rootless container, the host's root. Under
the unit (``PrivateUsers=``) root is itself, and this is everybody else."""
UID_MAP: Final = Path("/proc/self/uid_map")
"""Lines of three numbers: the first user of a range in here, the same one outside, how many (user_namespaces(7))."""


def exposed_state(directory: Path) -> Diagnostic | None:
    """As ``exposed``, of the state directory: nobody but its owner has anything to do there, so any group counts."""
    return exposed(directory, "the files in it, keys among them", private_groups=False)


def exposed_config(path: Path) -> Diagnostic | None:
    """As ``exposed``, of the directories of config.yaml, which may be a link. Its owner may do as he likes."""
    real = Path(os.path.realpath(path))
    try:
        owner = real.stat().st_uid
    except OSError:
        return None
    found = (exposed(each, path.name, owner=owner) for each in dict.fromkeys((path.parent, real.parent)))
    return next((each for each in found if each is not None), None)


def exposed(directory: Path, what: str, *, owner: int = ROOT, private_groups: bool = True) -> Diagnostic | None:
    """A warning where another user than root, this process's and ``owner`` may replace what is in ``directory``;
    ``what`` says in words what that is. None where nobody may, or where there is no such directory. A directory that
    only the user's own group can write to is safe with ``private_groups``. Blocks."""
    real = Path(os.path.realpath(directory))
    users = frozenset((ROOT, *(() if _root_is_root() else (NOBODY,)), os.geteuid(), owner))
    for path in (real, *real.parents):
        try:
            fault = _fault(path, users, private_groups=private_groups or path != real)
        except OSError:
            continue
        if fault is not None:
            why, hint = fault
            message = f"{why}, so others can replace {what}"
            return Diagnostic(severity="warning", code="directory-exposed", message=message, about=str(path), hint=hint)
    return None


def _fault(path: Path, users: Set[int], *, private_groups: bool) -> tuple[str, str] | None:
    """Why ``path`` is not safe, and what to do."""
    status = os.stat(path)
    if status.st_uid not in users:
        return f"belongs to another user ({_user(status.st_uid)})", f"chown {_user(os.geteuid())} {path}"
    if status.st_mode & stat.S_ISVTX or os.statvfs(path).f_flag & os.ST_RDONLY:
        return None
    if status.st_mode & stat.S_IWOTH:
        return f"can be written by every user (mode {status.st_mode & 0o7777:04o})", f"chmod go-w {path}"
    if status.st_mode & stat.S_IWGRP and not (private_groups and _is_private(status.st_gid, users)):
        return f"can be written by the group {_group(status.st_gid)}", f"chmod g-w {path}"
    return None


def _root_is_root() -> bool:
    """Whether what shows as root is root outside as well; False where nothing says so."""
    try:
        return any(line.split()[:2] == ["0", "0"] for line in UID_MAP.read_text("ascii").splitlines())
    except OSError:
        return False


def _is_private(gid: int, users: Set[int]) -> bool:
    """Whether it is the group that many systems make for each user, with nobody else in it."""
    names = {_user(each) for each in users}
    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name in names and names.issuperset(group.gr_mem)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
