"""Real certificates, made in milliseconds: CAs, and what they sign for whom and for how long."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


class Authority:
    """A CA. ``pem`` is its certificate."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._certificate = _certificate(self._name, self._name, self._key, self._key, days=30, is_ca=True)
        self.pem = self._certificate.public_bytes(Encoding.PEM)

    def server(self, directory: Path, *names: str, days: float = 30, since: float = -1) -> ssl.SSLContext:
        """A server's context with a certificate for ``names``, by default localhost and 127.0.0.1; ``since`` and
        ``days`` are days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = names or ("localhost", "127.0.0.1")
        leaf = _certificate(_named("server"), self._name, key, self._key, names=names, days=days, since=since)
        return _context(directory, leaf, key)

    def issue(self, *, days: float = 30, since: float = -1, passphrase: str = "") -> tuple[bytes, bytes]:
        """A certificate for localhost and 127.0.0.1, and its key, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = ("localhost", "127.0.0.1")
        leaf = _certificate(_named("server"), self._name, key, self._key, names=names, days=days, since=since)
        sealed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        return leaf.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)


def self_signed(directory: Path, *names: str) -> ssl.SSLContext:
    """A server's context with a certificate that nobody but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named("alone")
    return _context(directory, _certificate(name, name, key, key, names=names or ("localhost",), days=30), key)


def _context(directory: Path, leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    path = directory / f"{leaf.serial_number}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(leaf.public_bytes(Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    days: float,
    names: tuple[str, ...] = (),
    since: float = -1,
    is_ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=since))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
    return builder.sign(signer, SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
