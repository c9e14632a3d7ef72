"""Where the store is: a file or a server, by ``provider-store.url``; and whether a file has rows, cheaply."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

DEFAULT_FILE: Final = "providers.db"


def database_place(url: str, state_dir: Path) -> Path | str:
    """SQLite's file, or what libpq connects with. Relative paths begin in the state directory, where the default is."""
    if url and not url.startswith("sqlite:"):
        return url
    return state_dir / (url.removeprefix("sqlite:///") or DEFAULT_FILE)


def has_rows(file: Path) -> bool:
    """Of SQLite, by the standard library alone: 5 ms instead of 300. What it cannot read counts as rows."""
    if not file.exists():
        return False
    import sqlite3  # 2 MiB and 5 ms that a daemon without a store need not spend

    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM providers)").fetchone()[0])
    except sqlite3.Error as error:
        return "no such table" not in str(error)  # made, and not migrated yet
