"""A provider as configured, in one form for all places that it can be configured in.

    packycode ─────────┐
    tppc.providers[…] ─┴─ providers_of ─▶ Provider, …, in the order of the file

Code that needs every provider iterates over these, so that another kind needs no change there.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from msgspec import UNSET, Struct, UnsetType

from daemon.config.diagnostics import Path
from daemon.config.instructions import Instructions
from daemon.config.schema import (
    Config,
    Defaults,
    ModelEntry,
    ModelSource,
    Packycode,
    Privacy,
    ProviderTimeouts,
    TppcProvider,
    WireApi,
)
from daemon.secret import Secret

Kind = Literal["packycode", "tppc", "store"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
PACKYCODE: Final = "packycode"


def provider_path(path: Path) -> Path:
    """The path of the provider of config.yaml that contains the value at ``path``; empty outside of providers."""
    if path[:1] == (PACKYCODE,):
        return path[:1]
    return path[:3] if path[:2] == ("tppc", "providers") and len(path) > 3 else ()


SetBy = Literal["local", "remote"]
"""From where a URL was set, for the egress rule: this host, or another one."""


class RequestDefaults(Struct, frozen=True, kw_only=True, gc=False):
    """What a request gets that lacks it; None: nothing. A value of the request's own wins; a null is none."""

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None


class Provider(Struct, frozen=True, kw_only=True, gc=False):
    """``name`` is as written, trimmed; compared in lower case. ``source`` is where it is from and is unique
    (``config:packycode``, ``config:tppc[fox]``, ``store:fox``), ``path`` its place in config.yaml. The rest
    is as in the schema; ``wire`` is ``wire-api``, of which packycode has only one."""

    kind: Kind
    name: str
    source: str
    path: Path = ()
    enabled: bool
    wire: WireApi
    base_url: str
    api_keys: tuple[Secret, ...]
    """At least one, though it may be empty; in the order of the file. Each is a core auth of its own."""
    privacy: Privacy = Privacy()
    defaults: Defaults = Defaults()
    models: tuple[ModelEntry, ...] = ()
    """Those of a list; without one empty, or of the store those that it has until its upstream has been asked."""
    discover: bool = False
    """It serves what its upstream lists."""
    keeps_models: bool = False
    """What its upstream lists comes beside its own models or the seed's ids, not in their place."""
    exclude_models: tuple[str, ...] = ()
    profile: str = ""
    headers: dict[str, str] = {}
    proxy_url: str = ""
    priority: int = 0
    weight: int = 1
    max_concurrent: int = 0
    balance_url: str = ""
    timeouts: ProviderTimeouts = ProviderTimeouts()
    instructions: Instructions = Instructions()
    unsupported_parameters: tuple[str, ...] = ()
    disable_cooling: bool | UnsetType = UNSET
    failed: bool = False
    """A reference of it cannot be resolved, so it serves nothing."""

    # Of a provider of the store.
    type: str = ""
    """``openai``, ``vllm``, ``codex`` or ``messages``; of config.yaml, which names a wire, empty."""
    fallback_models: tuple[str, ...] = ()
    """Asked in this order when a model fails, before the next provider is."""
    total_timeout: float | None = None
    """Seconds for an answer that comes as a whole; None: no limit."""
    request_defaults: RequestDefaults = RequestDefaults()
    set_by: SetBy = "local"
    """Who set ``base_url``."""
    core_auth_id: str = ""
    client_id: str = ""
    """The stable IDs where they are known without the key; empty: computed."""
    digest: str = ""
    """SHA-256 (hex) of all this but ``enabled`` and ``failed``, computed once per row that changes; empty: not yet."""

    def is_named(self, name: str) -> bool:
        """Whether ``name`` means this one."""
        return lower_name(self.name) == lower_name(name)


def lower_name(name: str) -> str:
    """How provider names are compared."""
    return name.strip().lower()


def providers_of(config: Config) -> tuple[Provider, ...]:
    """Every provider of config.yaml, the disabled ones too."""
    return (_packycode(config.packycode), *(_tppc(*each) for each in enumerate(config.tppc.providers)))


def _packycode(block: Packycode) -> Provider:
    return Provider(
        kind="packycode",
        name=PACKYCODE,
        source="config:packycode",
        path=("packycode",),
        enabled=block.enabled,
        wire="responses",  # the block's own is any text until it is enabled; it can only be this one
        base_url=block.base_url,
        api_keys=(block.credentials.openai_api_key,),
        privacy=block.privacy,
        defaults=block.defaults,
        models=_listed(block.models),
        exclude_models=block.exclude_models,
        discover=block.models == "discover",
        keeps_models=True,
        profile=block.profile,
        headers=block.headers,
        proxy_url=block.proxy_url,
        max_concurrent=block.max_concurrent,
        balance_url=block.balance_url,
        timeouts=block.timeouts,
        instructions=block.instructions,
        unsupported_parameters=block.unsupported_parameters,
    )


def _tppc(index: int, entry: TppcProvider) -> Provider:
    return Provider(
        kind="tppc",
        name=entry.name.strip(),
        source=f"config:tppc[{lower_name(entry.name)}]",
        path=("tppc", "providers", index),
        enabled=entry.enabled,
        wire=entry.wire_api,
        base_url=entry.base_url,
        api_keys=keys_of(entry),
        privacy=entry.privacy,
        defaults=entry.defaults,
        models=_listed(entry.models),
        exclude_models=entry.exclude_models,
        discover=entry.models == "discover",
        keeps_models=True,
        profile=entry.profile,
        headers=entry.headers,
        proxy_url=entry.proxy_url,
        priority=entry.priority,
        weight=entry.weight,
        max_concurrent=entry.max_concurrent,
        balance_url=entry.balance_url,
        timeouts=entry.timeouts,
        instructions=entry.instructions,
        unsupported_parameters=entry.unsupported_parameters,
        disable_cooling=entry.disable_cooling,
    )


def keys_of(entry: TppcProvider) -> tuple[Secret, ...]:
    """The keys of an entry, at least one."""
    keys = entry.api_key
    return keys or (Secret(""),) if isinstance(keys, tuple) else (keys,)


def _listed(models: tuple[ModelEntry, ...] | ModelSource) -> tuple[ModelEntry, ...]:
    return models if isinstance(models, tuple) else ()
