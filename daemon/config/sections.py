"""The sections of config.yaml that are about the daemon itself, not about one provider."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from daemon.config.schema_base import Base, Duration, PemFile, Size, Url, doc
from daemon.secret import Secret


class RemoteManagement(Base, frozen=True):
    secret_key: Annotated[
        Secret,
        doc(
            "Management key: literal, bcrypt or argon2id hash, or reference. A literal is never rewritten. "
            "Empty: management routes respond with 404."
        ),
    ] = Secret("")
    allow_remote: Annotated[bool, doc("Whether callers on other hosts may use the management API.")] = False
    allow_private_upstreams: Annotated[
        bool,
        doc("Whether callers that are not loopback may set base URLs that resolve to private or loopback addresses."),
    ] = False
    trusted_proxies: Annotated[tuple[str, ...], doc("Proxies whose X-Forwarded-For header is trusted.")] = ()
    reference_directories: Annotated[
        tuple[str, ...],
        doc(
            "Absolute directories: callers from another host may set new `file:` references below them only; of `env:` "
            "and `credential:` only those that this file has. Nor may they change this list."
        ),
    ] = ()


class Routing(Base, frozen=True):
    strategy: Annotated[
        Literal["round-robin", "fill-first", "weighted", "least-busy", "headroom"],
        doc("How requests are spread over providers of equal priority."),
    ] = "round-robin"
    session_affinity: Annotated[
        bool, doc("Keep a session on the provider that served it, where its prompt is cached, while that is ready.")
    ] = True


class Translation(Base, frozen=True):
    strict: Annotated[
        bool, doc("Refuse with 400 a request that would lose something in translation, instead of reporting it.")
    ] = False


class Timeouts(Base, frozen=True):
    connect: Annotated[Duration, doc("Seconds to connect to an upstream.")] = 10.0
    first_event: Annotated[Duration, doc("Seconds to the first event of an answer.")] = 120.0
    idle: Annotated[Duration, doc("Seconds between two events of an answer.")] = 300.0
    total: Annotated[Duration | None, doc("Seconds for a whole answer, streamed or not; absent: no limit.")] = None


class ProviderStore(Base, frozen=True):
    url: Annotated[
        Url,
        doc("sqlite:/// path or postgresql:// DSN; empty: providers.db in the state directory.", restart=True),
    ] = ""
    encryption_key: Annotated[
        Secret,
        doc(
            "Reference to the key that encrypts stored keys: 32 bytes in base64 or hex; several, newest first, while "
            "it is changed. Required with postgresql://; else, if empty, generated in the state directory."
        ),
    ] = Secret("")


class Tls(Base, frozen=True):
    """HTTPS for the listener, on when both are set."""

    cert: Annotated[
        PemFile,
        doc(
            "Certificate chain, a PEM file, the daemon's own certificate first; a relative path is relative to "
            "config.yaml's directory. New content of the same file is in force without a restart.",
            restart=True,
        ),
    ] = ""
    key: Annotated[PemFile, doc("Its private key, a PEM file without a passphrase.", restart=True)] = ""


Level: TypeAlias = Literal["debug", "info", "warning", "error"]


class LogLevels(Base, frozen=True):
    """The parts of the daemon that log: its packages, and ``request`` for the line of each finished request."""

    api: Annotated[Level | None, doc("The management API and the routes.")] = None
    gateway: Annotated[Level | None, doc("Requests while they are served: routes, failed attempts, rests.")] = None
    reload: Annotated[Level | None, doc("Reloads and their changes.")] = None
    request: Annotated[Level | None, doc("The one line of each finished request.")] = None
    service: Annotated[Level | None, doc("Start and stop, listeners.")] = None
    sources: Annotated[Level | None, doc("The watch of config.yaml and of the files it names.")] = None
    state: Annotated[Level | None, doc("The files in the state directory.")] = None
    store: Annotated[Level | None, doc("The provider store.")] = None
    upstream: Annotated[Level | None, doc("Connections to upstreams, their model lists and profiles.")] = None


class Logging(Base, frozen=True):
    level: Annotated[Level, doc("Lowest level that is written.")] = "info"
    levels: Annotated[LogLevels, doc("The same for parts of the daemon alone, also with --log-level.")] = LogLevels()
    format: Annotated[Literal["text", "json"], doc("Format of the log.")] = "text"
    file: Annotated[str, doc("Also write to this file.")] = ""
    rotation: Annotated[str, doc("The size at which the file is rotated, e.g. `20 MB`; `never`: by others.")] = "20 MB"
    retention: Annotated[str, doc("How many or how old files are kept, e.g. `10 files` or `14 days`.")] = "10 files"


class Limits(Base, frozen=True):
    body: Annotated[Size, doc("Largest request body: bytes, or e.g. 64MiB.")] = 64 * 1024 * 1024
    concurrent_requests: Annotated[int, doc("Requests at once, others get 429; 0: no limit.", ge=0)] = 0
