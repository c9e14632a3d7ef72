"""How ``tppcd init`` writes: only what is valid, and never over something without being asked to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import structs

from daemon.cli.config_change import Data, changed, mapping, place_of, providers
from daemon.cli.exit_codes import FAILURE, USAGE
from daemon.cli.presets import PACKYCODE, ChosenPreset
from daemon.config.diagnostics import Diagnostic
from daemon.config.document import parse
from daemon.reload.check import check
from daemon.sources.base import Update
from daemon.sources.reading import Unreadable
from daemon.sources.write import WriteRefused, read_for_write, replace

ASIDE = "--add puts the provider into it, --force replaces it and keeps a copy, --print only shows it"


class InitFault(Exception):
    """Nothing was written; one line says why. ``code`` is the exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


class Writing:
    """The file, and what may be done with it. Afterwards ``copy`` is where the old one is kept, ``changes`` are the
    lines of the change summary; ``wrote`` is false where the file says it all already."""

    def __init__(self, path: Path, *, force: bool, add: bool) -> None:
        self.path = path
        self.copy: Path | None = None
        self.changes: tuple[str, ...] = ()
        self.wrote = True
        self._force = force
        self._add = add

    def may_write(self) -> None:
        """Raises InitFault before anything is asked for or written."""
        if self.path.is_dir():
            raise InitFault(f"{self.path} is a directory", FAILURE)
        if not (self._force or self._add) and not self._is_blank():
            raise InitFault(f"{self.path} exists already; nothing was written ({ASIDE})", FAILURE)

    def must_be_valid(self, text: str) -> None:
        """Raises InitFault where the file would not be valid with the provider enabled."""
        raw = text.encode()
        update = Update(source=str(self.path), raw=raw, digest="")
        checked = check(update, parse(raw, str(self.path)), environ=os.environ, base=self.path.absolute().parent)
        wrong = [each for each in checked.diagnostics if each.severity == "error"]
        if wrong:
            raise InitFault(f"{_sentence(wrong[0])}; nothing was written", USAGE)

    def write(self, text: str) -> None:
        """Writes the whole file."""
        try:
            if self._is_blank():
                self._fill(text)
                return
            file = read_for_write(self.path)
            self.copy = self._keep(file.raw)
            replace(file, text.encode())
        except Unreadable as why:
            raise InitFault(f"{why.about(str(self.path))} ({why.hint})", FAILURE) from None
        except WriteRefused as refused:
            raise InitFault(f"{self.path}: {refused}; nothing was written", FAILURE) from None
        except OSError as error:
            raise InitFault(f"{self.path} cannot be written: {error.strerror}", FAILURE) from None

    def add(self, chosen: ChosenPreset, data: Mapping[str, object]) -> None:
        """Puts the provider into the file, comments kept."""

        def edit(before: Data) -> dict[str, object]:
            if chosen.preset.name == PACKYCODE:
                old = mapping(before.get(PACKYCODE))
                credentials = {**mapping(old.get("credentials")), **mapping(data.get("credentials"))}
                return {**before, PACKYCODE: {**old, **data, "credentials": credentials}}
            listed = providers(before)
            if place_of(chosen.name, listed) is not None:
                taken = f"{self.path} has a provider named {chosen.name} already (use --name to choose another name)"
                raise InitFault(taken, FAILURE)
            return {**before, "tppc": {**mapping(before.get("tppc")), "providers": [*listed, dict(data)]}}

        changes = changed(self.path, edit)
        self.wrote = changes is not None
        self.changes = changes or ()

    @contextmanager
    def key_file(self, path: Path, key: str) -> Iterator[None]:
        """The key alone in a file that only its owner can read; gone again where config.yaml could not be written."""
        if not key:
            yield
            return
        try:
            flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if self._force else os.O_EXCL)
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            fault = f"{path} exists already; nothing was written (--key file:{path} uses it, --force replaces it)"
            raise InitFault(fault, FAILURE) from None
        except OSError as error:
            raise InitFault(f"{path} cannot be written: {error.strerror}", FAILURE) from None
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{key}\n")
        try:
            yield
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _is_blank(self) -> bool:
        try:
            return not self.path.exists() or not self.path.read_bytes().strip()
        except OSError:
            return False

    def _fill(self, text: str) -> None:
        """A new file is the owner's alone; one that is there keeps its mode."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    def _keep(self, raw: bytes) -> Path:
        """The old bytes beside the file, under a name that is free."""
        names = [f"{self.path.name}.bak", *(f"{self.path.name}.bak.{number}" for number in range(1, 100))]
        for name in names:
            with suppress(FileExistsError):
                copy = self.path.with_name(name)
                descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "wb") as file:
                    file.write(raw)
                return copy
        raise InitFault(f"{self.path}.bak and 99 others are there already; nothing was written", FAILURE)


def _sentence(diagnostic: Diagnostic) -> str:
    """Without the place, which is one in a file that is not there."""
    return str(structs.replace(diagnostic, line=0, column=0, source="")).partition("error: ")[2]
