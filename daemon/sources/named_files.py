"""The files that config.yaml names by path and that are read before anybody relies on them: the CAs for upstreams, and
the listener's certificate. Relative paths become absolute; a file that cannot be used refuses the configuration.

A reference stands for a path, as everywhere for the value; where ``file:`` or ``credential:`` leads to the PEM text
itself, the file that has it is meant.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.diagnostics import Path as ValuePath
from daemon.config.document import Document
from daemon.config.load import Fragment
from daemon.config.references import reference_at, watched_name
from daemon.config.schema import Config
from daemon.config.schema_base import PEM
from daemon.sources.certificate import BadCertificate, ServerCertificate, day, read_certificate
from daemon.sources.reading import Unreadable, read_whole
from daemon.sources.references import path_of, watched_paths

WARN_BEFORE: Final = 14 * 86_400.0
"""Seconds before the end of a certificate from which there is a warning."""
CA_FILE: Final = ("upstream-ca",)
CERT: Final = ("tls", "cert")
KEY: Final = ("tls", "key")


def with_named_files(fragment: Fragment, document: Document, environ: Mapping[str, str], base: str | Path) -> Fragment:
    """The fragment with absolute paths; without settings, and with a diagnostic for each, if files cannot be used."""
    config = fragment.settings
    if config is None:
        return fragment

    def path(value: str, *key: str) -> str:
        name = watched_name(reference_at(document.data, *key)) if PEM in value else None
        behind = watched_paths((name,), environ, base=base) if name else ()
        return next(iter(behind), "") or path_of(value, base)

    config = _with_paths(config, path)
    problems = tuple(_problems(config, document))
    if any(each.severity == "error" for each in problems):
        return fragment.refused(*problems)
    return structs.replace(fragment, settings=config, diagnostics=(*fragment.diagnostics, *problems))


def _with_paths(config: Config, path: Callable[..., str]) -> Config:
    tls = config.tls
    if config.upstream_ca:
        config = structs.replace(config, upstream_ca=path(config.upstream_ca, *CA_FILE))
    if tls.cert and tls.key:
        paths = structs.replace(tls, cert=path(tls.cert, *CERT), key=path(tls.key, *KEY))
        config = structs.replace(config, tls=paths)
    return config


def _problems(config: Config, document: Document) -> Iterator[Diagnostic]:
    if config.upstream_ca:
        try:
            _certificates(config.upstream_ca)
        except Unreadable as why:
            yield _refused(document, CA_FILE, config.upstream_ca, why)
    tls = config.tls
    if tls.cert and tls.key:
        try:
            certificate = read_certificate(tls.cert, tls.key)
        except BadCertificate as why:
            yield _refused(document, ("tls", why.key), tls.cert if why.key == "cert" else tls.key, why)
        else:
            yield from _validity(certificate, document)


def _refused(document: Document, path: ValuePath, file: str, why: Unreadable) -> Diagnostic:
    reference = reference_at(document.data, *map(str, path))
    shown = f"the file that {reference} names" if reference else file
    message = f"{shown} {why.message}" if why.code != "not-a-path" else why.message
    return _diagnostic(document, path, why.code, message, why.hint, error=True)


def _validity(certificate: ServerCertificate, document: Document) -> Iterator[Diagnostic]:
    """A warning for a certificate that clients refuse now or soon. It is served: perhaps the clock is wrong."""
    now = time.time()
    if certificate.begins > now:
        message, hint = f"is not valid before {day(certificate.begins)}", "check the clock of this machine"
    elif certificate.ends <= now:
        message, hint = f"expired on {day(certificate.ends)}, clients refuse it", "renew it"
    elif certificate.ends - now < WARN_BEFORE:
        message, hint = f"expires on {day(certificate.ends)}", "renew it; no restart is needed"
    else:
        return
    yield _diagnostic(document, CERT, "certificate", f"the certificate {message}", hint, error=False)


def _diagnostic(document: Document, path: ValuePath, code: str, message: str, hint: str, *, error: bool) -> Diagnostic:
    line, column = document.place(path)
    return Diagnostic(
        severity="error" if error else "warning",
        code=code,
        message=message,
        path=path,
        line=line,
        column=column,
        source=document.source,
        hint=hint,
    )


def _certificates(path: str) -> None:
    """Raises Unreadable unless the file contains certificates that TLS accepts."""
    raw = read_whole(path).raw
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=raw.decode("ascii"))
    except (UnicodeDecodeError, ssl.SSLError, ValueError):
        raise Unreadable("ca-file", "contains no certificate", "name a PEM file of CA certificates") from None
