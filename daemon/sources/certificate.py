"""The certificate that HTTPS clients are shown: two PEM files, checked as a whole and made into a TLS context.

    tls.cert, tls.key ─ regular files ─ PEM ─ they fit each other ─▶ ServerCertificate
                                └─ not so ──▶ BadCertificate: which of the two, why, what to do

The files are read again whenever they may have changed; what is in force is exchanged as a whole, so no connection gets
the certificate of one pair and the key of another. No message contains what was read.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from typing import TYPE_CHECKING, Final, NoReturn

from msgspec import Struct

from daemon.config.schema_base import PEM
from daemon.sources.reading import Unreadable, read_whole

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MOST_BYTES: Final = 1024 * 1024
_NAMES_SHOWN: Final = 3


class BadCertificate(Unreadable):
    """``key`` is the setting at fault: ``cert`` or ``key``."""

    def __init__(self, key: str, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint)
        self.key = key


class ServerCertificate(Struct, frozen=True, kw_only=True):
    """``digest`` is of both files; ``names`` are the hosts that it is for; ``begins`` and ``ends`` are Unix seconds."""

    context: ssl.SSLContext
    digest: bytes
    names: tuple[str, ...]
    begins: float
    ends: float

    @property
    def shown_names(self) -> str:
        shown = ", ".join(self.names[:_NAMES_SHOWN]) or "no host"
        return f"{shown} and {len(self.names) - _NAMES_SHOWN} more" if len(self.names) > _NAMES_SHOWN else shown


def day(at: float) -> str:
    """``2027-02-26``: Unix seconds as people compare them with a certificate, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def read_certificate(cert: str, key: str) -> ServerCertificate:
    """What the files at these absolute paths contain. Blocks. Raises BadCertificate."""
    chain, secret = _read("cert", cert), _read("key", key)
    first = _first_certificate(chain)
    return ServerCertificate(
        context=_context(cert, key),
        digest=hashlib.sha256(len(chain).to_bytes(8) + chain + secret).digest(),
        names=_names(first),
        begins=first.not_valid_before_utc.timestamp(),
        ends=first.not_valid_after_utc.timestamp(),
    )


def _read(setting: str, path: str) -> bytes:
    if PEM in path:
        raise BadCertificate(setting, "not-a-path", "must be a path", "write the text into a file, and its path here")
    try:
        return read_whole(path, MOST_BYTES).raw
    except Unreadable as why:
        raise BadCertificate(setting, why.code, why.message, why.hint) from None


def _first_certificate(chain: bytes) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise BadCertificate(
            "cert", "certificate", "contains no certificate", "name a PEM file, the daemon's own certificate first"
        ) from None


def _names(certificate: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _context(cert: str, key: str) -> ssl.SSLContext:
    """Raises BadCertificate unless OpenSSL takes both files, and they belong to each other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            hint = "name the key that the first certificate of tls.cert was made with"
            raise BadCertificate("key", "certificate", "is not the key of tls.cert", hint) from None
        hint = "name a PEM file with the private key"
        raise BadCertificate("key", "certificate", "contains no usable private key", hint) from None
    except OSError as error:  # replaced since it was read
        raise BadCertificate("key", "unreadable", "cannot be read any more", "check the file") from error
    return context


def _no_passphrase() -> NoReturn:
    hint = "remove it, e.g. by: openssl pkey -in OLD -out NEW"
    raise BadCertificate("key", "certificate", "has a passphrase, and nobody is there to enter it", hint)
