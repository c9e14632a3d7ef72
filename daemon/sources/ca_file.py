"""The extra CA file (``upstream-ca``): found beside config.yaml and read, before a connection relies on it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document
from daemon.config.load import Fragment
from daemon.sources.reading import Unreadable, read_whole
from daemon.sources.references import path_of

KEY: Final = "upstream-ca"


def with_ca_file(fragment: Fragment, document: Document, base: str | Path) -> Fragment:
    """The fragment with the file's absolute path; without a configuration, and why, where it cannot be used."""
    config = fragment.settings
    if config is None or not config.upstream_ca:
        return fragment
    path = path_of(config.upstream_ca, base)
    try:
        _certificates(path)
    except Unreadable as why:
        line, column = document.place((KEY,))
        told = Diagnostic(
            severity="error",
            code=why.code,
            message=f"{path} {why.message}",
            path=(KEY,),
            line=line,
            column=column,
            source=document.source,
            hint=why.hint,
        )
        return structs.replace(fragment, settings=None, diagnostics=(*fragment.diagnostics, told))
    return structs.replace(fragment, settings=structs.replace(config, upstream_ca=path))


def _certificates(path: str) -> None:
    """Raises Unreadable unless there are certificates that TLS takes."""
    raw = read_whole(path).raw
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=raw.decode("ascii"))
    except (UnicodeDecodeError, ssl.SSLError, ValueError):
        raise Unreadable("ca-file", "holds no certificate", "name a PEM file of CA certificates") from None
