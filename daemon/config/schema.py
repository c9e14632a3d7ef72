"""The structs of config.yaml: kebab-case keys, defaults beside each field, what it means as docs text.

``Annotated[..., Meta(description=…)]`` feeds ``tppcd schema`` and ``docs/configuration.md``;
``extra={"restart": True}`` marks what takes effect only after a restart. Values are frozen; a
secret is a ``Secret`` (converted through ``dec_hook``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from daemon.secret import Secret

Effort = Literal["minimal", "low", "medium", "high"]
WireApi = Literal["responses", "chat", "messages"]

RESTART = {"restart": True}


class Base(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What all sections share."""


class RemoteManagement(Base):
    secret_key: Annotated[Secret, Meta(description="Management key: literal, bcrypt or argon2id hash, or reference. Empty: management routes answer 404.")] = Secret("")
    allow_remote: Annotated[bool, Meta(description="Whether other hosts than this one may manage.")] = False
    allow_private_upstreams: Annotated[bool, Meta(description="Whether callers that are not loopback may set base URLs that resolve to private addresses.")] = False
    trusted_proxies: Annotated[tuple[str, ...], Meta(description="Addresses whose X-Forwarded-For counts.")] = ()


class Privacy(Base):
    disable_response_storage: Annotated[bool, Meta(description="Sends store: false to the upstream.")] = True


class Defaults(Base):
    model: Annotated[str, Meta(description="Model used when the client's name is covered by an alias, or gave none.")] = "gpt-5"
    model_reasoning_effort: Annotated[str, Meta(description="low, medium or high; used when the client gave none.")] = "high"


class PackycodeCredentials(Base):
    openai_api_key: Annotated[Secret, Meta(description="The provider's key.")] = Secret("")


class Packycode(Base):
    """The block of the seed system; one provider."""

    enabled: bool = False
    base_url: Annotated[str, Meta(description="Absolute http(s) URL, with or without /v1, /responses, trailing slash.")] = ""
    requires_openai_auth: Annotated[bool, Meta(description="Then credentials.openai-api-key must be non-empty.")] = True
    wire_api: Annotated[str, Meta(description="Only responses.")] = "responses"
    privacy: Privacy = Privacy()
    defaults: Defaults = Defaults()
    credentials: PackycodeCredentials = PackycodeCredentials()


class ModelEntry(Base):
    """A model of a provider: its upstream ``name`` and the ``alias`` clients call it by (default: the name)."""

    name: str
    alias: str = ""


class ProviderTimeouts(Base):
    """Seconds; absent = the global value."""

    connect: float | UnsetType = UNSET
    first_event: float | UnsetType = UNSET
    idle: float | UnsetType = UNSET


class TppcProvider(Base):
    """One third-party provider."""

    name: str = ""
    enabled: bool = False
    base_url: str = ""
    api_key: Secret = Secret("")
    wire_api: WireApi = "responses"
    privacy: Privacy = Privacy()
    defaults: Defaults = Defaults()
    models: Annotated[tuple[ModelEntry, ...], Meta(description="Names or {name, alias}; replaces the built-in list.")] = ()
    headers: Annotated[dict[str, str], Meta(description="Extra upstream headers; $Name copies the client's header.")] = {}
    proxy_url: str = ""
    priority: int = 0
    weight: int = 1
    max_concurrent: Annotated[int, Meta(description="Requests at once; 0 = no limit.")] = 0
    timeouts: ProviderTimeouts = ProviderTimeouts()
    instructions: Literal["developer", "system"] = "developer"
    unsupported_parameters: tuple[str, ...] = ()
    disable_cooling: bool | UnsetType = UNSET


class Tppc(Base):
    providers: tuple[TppcProvider, ...] = ()


class ModelAlias(Base):
    """One row of ``model-aliases``: ``pattern`` is a glob, ``model`` what it stands for ('' = the
    provider's default model)."""

    pattern: str
    model: str


class Routing(Base):
    strategy: Literal["round-robin", "fill-first", "weighted"] = "round-robin"
    session_affinity: bool = False


class Translation(Base):
    strict: Annotated[bool, Meta(description="Refuse with 400 what a wire cannot carry, instead of reporting the loss.")] = False


class Timeouts(Base):
    connect: Annotated[float, Meta(description="Seconds to connect to an upstream.")] = 10.0
    first_event: Annotated[float, Meta(description="Seconds to the first event of an answer.")] = 120.0
    idle: Annotated[float, Meta(description="Seconds between two events of an answer.")] = 300.0


class ProviderStore(Base):
    url: Annotated[str, Meta(description="sqlite:/// path or postgresql:// DSN.", extra=RESTART)] = ""
    encryption_key: Annotated[Secret, Meta(description="Reference to the key that encrypts stored keys.")] = Secret("")


class Tls(Base):
    cert: Annotated[str, Meta(extra=RESTART)] = ""
    key: Annotated[str, Meta(extra=RESTART)] = ""


class Logging(Base):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    file: str = ""
    rotation: str = "20 MB"
    retention: str = "10 files"


class Limits(Base):
    body: Annotated[int, Meta(description="Bytes of a request body; a number or e.g. 64MiB.")] = 64 * 1024 * 1024
    concurrent_requests: Annotated[int, Meta(description="Requests at once; 0 = no limit.")] = 0


DEFAULT_ALIASES: tuple[ModelAlias, ...] = (ModelAlias(pattern="claude-*", model=""),)


class Config(Base):
    """config.yaml, whole."""

    host: Annotated[str, Meta(description="Address to listen on.", extra=RESTART)] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535, extra=RESTART)] = 8317
    api_keys: Annotated[tuple[Secret, ...], Meta(description="Keys that clients present. Empty: only loopback clients are served.")] = ()
    remote_management: RemoteManagement = RemoteManagement()
    packycode: Packycode = Packycode()
    tppc: Tppc = Tppc()
    model_aliases: tuple[ModelAlias, ...] = DEFAULT_ALIASES
    routing: Routing = Routing()
    request_retry: Annotated[int, Meta(description="Extra rounds over the credentials.", ge=0)] = 3
    max_retry_interval: Annotated[float, Meta(description="Longest wait for a cooldown, seconds.", ge=0)] = 30.0
    disable_cooling: bool = False
    translation: Translation = Translation()
    timeouts: Timeouts = Timeouts()
    proxy_url: str = ""
    provider_store: ProviderStore = ProviderStore()
    tls: Tls = Tls()
    upstream_ca: Annotated[str, Meta(description="Extra CA file for upstreams.")] = ""
    logging: Logging = Logging()
    debug: bool = False
    limits: Limits = Limits()
