"""The structs of config.yaml: kebab-case keys, and beside each field its default and its docs text.

``Annotated[…, doc("…")]`` feeds ``tppcd schema`` and ``docs/reference/configuration.md``. ``schema_base`` has what all
sections share, ``sections`` those that are about the daemon itself; here are the providers, and the whole. Values are
frozen; a secret is a ``Secret``.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, UnsetType

from daemon.config import header_rules
from daemon.config.instructions import Instructions
from daemon.config.profiles import CHOICES
from daemon.config.schema_base import Base, Duration, Name, PemFile, Url, doc
from daemon.config.sections import (
    Limits,
    Logging,
    ProviderStore,
    RemoteManagement,
    Routing,
    Timeouts,
    Tls,
    Translation,
)
from daemon.secret import Secret

WireApi = Literal["responses", "chat", "messages"]


class Privacy(Base, frozen=True):
    disable_response_storage: Annotated[
        bool, doc("true sends `store: false` to the upstream; false leaves the field to the client.")
    ] = True


class Defaults(Base, frozen=True):
    model: Annotated[
        Name, doc("The provider's default model: used for `claude-*` names and for requests without a model.")
    ] = "gpt-5"
    model_reasoning_effort: Annotated[
        Name | UnsetType,
        doc(
            "low, medium or high; used if the client sends none. If absent, `high` is sent to models named `gpt-5*`, "
            "`codex*` or `o<digit>*` or known by the profile, and none to others.",
            shown="high",
        ),
    ] = UNSET


class ModelEntry(Base, frozen=True):
    """A model of a provider: its upstream ``name`` and the ``alias`` clients call it by (default: the name)."""

    name: Annotated[Name, doc("The upstream's name of the model.")]
    alias: Annotated[Name, doc("The name clients use; empty: the upstream's name.")] = ""

    @property
    def public(self) -> str:
        """What clients call it."""
        return self.alias or self.name


class ProviderTimeouts(Base, frozen=True):
    """Seconds; absent: the global value."""

    connect: Annotated[Duration | UnsetType, doc("Seconds to connect.")] = UNSET
    first_event: Annotated[Duration | UnsetType, doc("Seconds to the first event of an answer.")] = UNSET
    idle: Annotated[Duration | UnsetType, doc("Seconds between two events of an answer.")] = UNSET
    total: Annotated[Duration | UnsetType, doc("Seconds for a whole answer, streamed or not.")] = UNSET


# What packycode and every entry of tppc.providers have in common: one text and one rule for both.
ModelSource = Literal["discover", "seed"]
"""Where models come from that no list names: the upstream's own list beside the seed's ids, or these alone."""
ProviderModels = Annotated[
    tuple[ModelEntry, ...] | ModelSource,
    Meta(extra={"kind": "models", "choices": get_args(ModelSource)}),
    doc(
        "Model names, or {name, alias}. `discover`, as without a list: the built-in names, and what the upstream lists "
        "(`GET {base-url}/models`). `seed`: the built-in names alone."
    ),
]
ExcludeModels = Annotated[
    tuple[Name, ...],
    Meta(extra={"kind": "globs"}),
    doc("Patterns (`*`, `?`, `[ab]`; case does not matter) of models that this provider must not serve."),
]
ProfileName = Annotated[
    str,
    Meta(extra={"kind": "choice", "choices": CHOICES}),
    doc(
        "Make of the upstream: see the page of profiles; `none` for any other upstream. "
        "Empty: packycode is a `codex-relay`, others are recognised by their base-url or by their list of models."
    ),
]
Headers = Annotated[dict[str, str], doc(header_rules.DESCRIPTION)]
PROXY_PASSWORD = "In a password write `%23` for `#`, `%2F` for `/`, `%3F` for `?`."
ProxyUrl = Annotated[Url, doc(f"Proxy of this provider; `direct` bypasses the global one. {PROXY_PASSWORD}")]
BalanceUrl = Annotated[
    Url,
    doc(
        "Where the provider says how much money is left, e.g. `https://host.example/user/balance#data.balance`: asked "
        "with GET and the provider's key, at most every 5 minutes, and shown. Behind `#` is the way to the number in "
        "the JSON (names and places, with dots between them); without it, where common relays have it. Same scheme, "
        "host and port as base-url."
    ),
]
MaxConcurrent = Annotated[int, doc("Requests at once with one key, others wait; 0: no limit.", ge=0)]
ApiKeys = Annotated[Secret | tuple[Secret, ...], Meta(extra={"kind": "keys"})]
"""One key, or several: what is loaded has a list only where there are at least two (``load``)."""
SystemText = Annotated[
    Instructions,
    doc(
        "How system text goes upstream: as a `developer` message (the default), as `system` in the field "
        "`instructions` (it is lost if the relay overwrites the field), or as a `developer` message beside a "
        "fixed text in `instructions`, for relays that require one: `file:/path`."
    ),
]
UnsupportedParameters = Annotated[
    tuple[str, ...], doc("Request parameters that this upstream refuses; they are left out.")
]


class PackycodeCredentials(Base, frozen=True):
    openai_api_key: Annotated[Secret, doc("The provider's key.")] = Secret("")


class Packycode(Base, frozen=True):
    """The packycode provider. Fields left open are taken from the environment, then from Codex CLI."""

    enabled: Annotated[bool, doc("Whether the provider is used.")] = False
    base_url: Annotated[
        Url, doc("Absolute http(s) URL, with or without /v1, /responses, trailing slash. Required when enabled.")
    ] = ""
    requires_openai_auth: Annotated[bool, doc("If true, credentials.openai-api-key must not be empty.")] = True
    wire_api: Annotated[Name, doc("Only `responses`.")] = "responses"
    privacy: Privacy = Privacy()
    defaults: Defaults = Defaults()
    credentials: PackycodeCredentials = PackycodeCredentials()
    models: ProviderModels = "discover"
    exclude_models: ExcludeModels = ()
    profile: ProfileName = ""
    headers: Headers = {}  # noqa: RUF012 - msgspec gives each struct its own
    proxy_url: ProxyUrl = ""
    max_concurrent: MaxConcurrent = 0
    balance_url: BalanceUrl = ""
    timeouts: ProviderTimeouts = ProviderTimeouts()
    instructions: SystemText = Instructions()
    unsupported_parameters: UnsupportedParameters = ()


class TppcProvider(Base, frozen=True):
    """One third-party provider."""

    name: Annotated[Name, doc("Unique name; required when enabled. `name/model` asks this provider only.")] = ""
    enabled: Annotated[bool, doc("Whether the provider is used.")] = False
    base_url: Annotated[
        Url,
        doc(
            "Absolute http(s) URL; /responses, /chat/completions or /messages is appended once, "
            "a bare host gets /v1. Required when enabled. A host in another script is sent in Punycode, a path "
            "percent-encoded; the IDs are made of what is written."
        ),
    ] = ""
    api_key: Annotated[
        ApiKeys,
        doc(
            "The provider's key, or a list of keys; required when enabled. Each key is a core auth of its own, with "
            "its own limits, cooldowns and state."
        ),
    ] = Secret("")
    wire_api: Annotated[WireApi, doc("The upstream's API.")] = "responses"
    privacy: Privacy = Privacy()
    defaults: Defaults = Defaults()
    models: ProviderModels = "discover"
    exclude_models: ExcludeModels = ()
    profile: ProfileName = ""
    headers: Headers = {}  # noqa: RUF012 - msgspec gives each struct its own
    proxy_url: ProxyUrl = ""
    priority: Annotated[int, doc("Higher is tried first.")] = 0
    weight: Annotated[int, doc("Share under routing.strategy `weighted`; 0 gets nothing.", ge=0, le=1_000_000)] = 1
    max_concurrent: MaxConcurrent = 0
    balance_url: BalanceUrl = ""
    timeouts: ProviderTimeouts = ProviderTimeouts()
    instructions: SystemText = Instructions()
    unsupported_parameters: UnsupportedParameters = ()
    disable_cooling: Annotated[
        bool | UnsetType, doc("true: no cooldown after failures, they are only reported; absent: the global value.")
    ] = UNSET


ProviderEntry = Packycode | TppcProvider


class Tppc(Base, frozen=True):
    """Third-party providers, any number."""

    providers: Annotated[tuple[TppcProvider, ...], doc("The providers, in the order they are tried.")] = ()


class ModelAlias(Base, frozen=True):
    """One row of ``model-aliases``: ``pattern`` is a glob, ``model`` what it stands for ('' = the
    provider's default model)."""

    pattern: str
    model: str


DEFAULT_ALIASES: tuple[ModelAlias, ...] = (ModelAlias(pattern="claude-*", model=""),)

DEFAULT_MODELS: tuple[ModelEntry, ...] = tuple(
    ModelEntry(name=name)
    for name in (
        "gpt-5",
        "gpt-5-minimal",
        "gpt-5-low",
        "gpt-5-medium",
        "gpt-5-high",
        "gpt-5-codex",
        "gpt-5-codex-low",
        "gpt-5-codex-medium",
        "gpt-5-codex-high",
        "codex-mini-latest",
    )
)
"""The seed system's model ids: what a provider without a ``models`` list registers."""

Aliases = Annotated[tuple[ModelAlias, ...], Meta(extra={"kind": "aliases"})]


class Config(Base, frozen=True):
    """config.yaml, whole."""

    host: Annotated[
        str,
        doc(
            "Address to listen on, without a port: `127.0.0.1`, `::1`, `localhost`; `0.0.0.0` is every IPv4 address, "
            "`::` or `*` every one.",
            restart=True,
        ),
    ] = "127.0.0.1"
    port: Annotated[int, doc("Port to listen on.", ge=0, le=65535, restart=True)] = 8317
    api_keys: Annotated[
        tuple[Secret, ...],
        doc(
            "Keys that clients send as Authorization: Bearer or x-api-key. Empty: only clients on this host are served."
        ),
    ] = ()
    remote_management: RemoteManagement = RemoteManagement()
    packycode: Packycode = Packycode()
    tppc: Tppc = Tppc()
    model_aliases: Annotated[
        Aliases,
        doc(
            "Pattern to model, first match wins; an empty value is the provider's default model. "
            "This key replaces the built-in `claude-*` row: repeat it if you want to keep it."
        ),
    ] = DEFAULT_ALIASES
    routing: Routing = Routing()
    request_retry: Annotated[int, doc("Extra rounds over the providers.", ge=0)] = 3
    max_retry_interval: Annotated[
        float, Meta(extra={"kind": "duration"}), doc("Longest wait for a cooldown, seconds.", ge=0)
    ] = 30.0
    disable_cooling: Annotated[bool, doc("true: no cooldown after failures, they are only reported.")] = False
    translation: Translation = Translation()
    timeouts: Timeouts = Timeouts()
    proxy_url: Annotated[Url, doc(f"Proxy for upstream requests: http, https or socks5. {PROXY_PASSWORD}")] = ""
    provider_store: ProviderStore = ProviderStore()
    tls: Tls = Tls()
    upstream_ca: Annotated[
        PemFile,
        doc(
            "Extra CA file for upstreams, PEM; a relative path is relative to config.yaml's directory. A change of the "
            "file is in force without a restart."
        ),
    ] = ""
    logging: Logging = Logging()
    debug: Annotated[bool, doc("Same as logging.level debug.")] = False
    limits: Limits = Limits()
