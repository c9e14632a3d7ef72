"""Synthesis: providers become core auths, each one usable upstream credential with its stable IDs.

IDs are made here only, byte for byte as in the seed system. It names what a credential is (key and base URL,
as written, trimmed), not how it is used: headers, weight or models may change without a new ID, so live state
and dashboards carry over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import UNSET, Struct, structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.instructions import Source
from daemon.config.profile import Profile
from daemon.config.profiles import profile_of
from daemon.config.provider import PACKYCODE, Kind, Provider, RequestDefaults, SetBy, lower_name
from daemon.config.schema import DEFAULT_MODELS, Config, Defaults, ModelEntry, Privacy, WireApi
from daemon.config.sections import Timeouts
from daemon.secret import MASK, Secret
from daemon.snapshot.effort import SEED_EFFORTS
from daemon.wires.table import WIRES

Verified = Literal["yes", "no", "unknown"]
"""Whether the upstream takes a core auth's key. ``unknown``: it has none, everybody gets the list of models, or nobody
has answered yet."""


class UpstreamTimeouts(Timeouts, frozen=True):
    """The limits of one core auth, in seconds. ``whole``: of an answer that comes as a whole; None: no limit but
    ``total``, which is that of every answer."""

    whole: float | None = None

    def limit(self, *, streamed: bool) -> float | None:
        """Of an answer from its request to its end."""
        limits = [each for each in (self.total, None if streamed else self.whole) if each is not None]
        return min(limits, default=None)


class CoreAuth(Struct, frozen=True, kw_only=True, gc=False):
    """One usable upstream credential, frozen; its live state is kept elsewhere under ``id``.

    ``name`` is the provider's name (``packycode``, ``fox``), ``kind`` where it is configured, ``provider`` the
    family the management API shows (``codex``, ``openai`` or ``anthropic``, by the wire). ``source`` is
    ``config:packycode``, ``config:tppc[fox]`` or ``store:fox``. ``base_url`` is as written. A key of the store opens
    itself when it is revealed, so only who sends it reveals it.
    """

    id: str
    client_id: str
    name: str
    kind: Kind
    provider: str
    source: str
    wire: WireApi
    base_url: str
    api_key: Secret
    key: int = 0
    """Which one of its provider's keys this is, from 1; 0 where it has one key alone."""
    models: tuple[ModelEntry, ...]
    """Empty for a provider of the store that lists none and whose upstream is yet to be asked (``discover``)."""
    defaults: Defaults
    """``model`` is empty where there is no default."""
    store: bool | None
    """``False`` sends ``store: false``; None leaves the field to the client."""
    timeouts: UpstreamTimeouts
    headers: tuple[tuple[str, str], ...] = ()
    proxy_url: str = ""
    priority: int = 0
    weight: int = 1
    max_concurrent: int = 0
    balance_url: str = ""
    """As written, with the way to the number behind ``#``; on the host of ``base_url``."""
    instructions: Source = "developer"
    """How system text goes upstream; ``file``: beside ``instructions_text``, in a developer message."""
    instructions_text: str = ""
    """The fixed text of ``instructions``: the user's own, never shown."""
    unsupported_parameters: tuple[str, ...] = ()
    """Those of the entry, then those of its profile."""
    disable_cooling: bool = False
    profile: str = ""
    profile_reason: str = ""
    """Why it has this profile, or none: ``configured``, ``host packycode.com`` …"""
    type: str = ""
    """Of the store: the name of its type of adapter; of config.yaml empty, and the wire decides."""
    fallback_models: tuple[str, ...] = ()
    """Upstream names, asked in this order when a model fails, before the next provider is."""
    request_defaults: RequestDefaults = RequestDefaults()
    """What a request gets that lacks it."""
    discover: bool = False
    """It serves what its upstream lists, and ``models`` until that is known."""
    keeps_models: bool = False
    """And ``models`` after that, too."""
    exclude_models: tuple[str, ...] = ()
    """Patterns in lower case; what they match it does not serve, whoever lists it."""
    set_by: SetBy = "local"
    """Of the store: who set ``base_url``, for the egress rule. Who set those of config.yaml is known by host."""

    @property
    def label(self) -> str:
        """Its provider's name and, where that has several keys, which one this is: ``fox (key 2)``."""
        return f"{self.name} (key {self.key})" if self.key else self.name

    def __repr__(self) -> str:
        """Without the fixed text: it may be long, and it is the user's."""
        fields = {**structs.asdict(self), "instructions_text": MASK if self.instructions_text else ""}
        return f"CoreAuth({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


def synthesize(
    settings: Config, providers: Sequence[Provider], known: Mapping[str, CoreAuth] | None = None
) -> tuple[tuple[CoreAuth, ...], tuple[Diagnostic, ...]]:
    """One core auth for each key of each enabled provider that has not failed, in their order; a warning for each ID
    that was taken already. ``known`` has those that need not be made again, by ``source``."""
    ids, clients = Unique(), Unique()
    auths: list[CoreAuth] = []
    warnings: list[Diagnostic] = []
    for provider in providers:
        if not provider.enabled or provider.failed:
            continue
        auth = (known or {}).get(provider.source)
        if auth is None or (auth.id, auth.client_id) != (provider.core_auth_id, provider.client_id):
            own = _core_auths(provider, settings)
        else:
            own = (auth,)
        for each in own:
            unique, client = ids.take(each.id), clients.take(each.client_id)
            if unique != each.id:
                message = f"the same name, key and base URL as another entry; it is known as {unique}"
                warnings.append(Diagnostic(severity="warning", code="same-id", message=message, path=provider.path))
            if (unique, client) != (each.id, each.client_id):
                each = structs.replace(each, id=unique, client_id=client)
            auths.append(each)
    return tuple(auths), tuple(warnings)


def general_settings(settings: Config) -> tuple[object, ...]:
    """What a core auth takes from the settings, beside its provider."""
    return settings.timeouts, settings.proxy_url.strip(), settings.disable_cooling


def _core_auths(provider: Provider, settings: Config) -> tuple[CoreAuth, ...]:
    """One for each key. They differ in nothing else, so what is made of the rest is made once."""
    first = _core_auth(provider, settings)
    if len(provider.api_keys) == 1:
        return (first,)
    found: dict[str, CoreAuth] = {}
    for number, key in enumerate(provider.api_keys, 1):
        text = key.reveal().strip()
        ids = stable_ids(provider.kind, provider.name, api_key=text, base_url=provider.base_url)
        if text not in found:  # one that is listed twice is warned of
            found[text] = structs.replace(first, id=ids[0], client_id=ids[1], api_key=Secret(text), key=number)
    return tuple(found.values())


def _core_auth(provider: Provider, settings: Config) -> CoreAuth:
    """That of the first key."""
    base_url, wire = provider.base_url.strip(), provider.wire
    is_packycode = provider.kind == PACKYCODE
    has_none = provider.discover and not provider.keeps_models
    models = provider.models or (() if has_none else _built_in_models(provider.defaults))
    identity, client, key = _identity(provider)
    profile, reason = profile_of(provider.profile, is_packycode=is_packycode, base_url=base_url, wire=wire)
    cooling = provider.disable_cooling
    auth = CoreAuth(
        id=identity,
        client_id=client,
        name=provider.name,
        kind=provider.kind,
        provider=WIRES[wire].upstream.family,
        source=provider.source,
        wire=wire,
        base_url=base_url,
        api_key=key,
        models=models,
        defaults=_defaults(provider.defaults, models),
        store=_store(provider.privacy),
        timeouts=_timeouts(provider, settings.timeouts),
        headers=tuple(provider.headers.items()),
        proxy_url=provider.proxy_url.strip() or settings.proxy_url.strip(),
        priority=provider.priority,
        weight=provider.weight,
        max_concurrent=provider.max_concurrent,
        balance_url=provider.balance_url.strip(),
        instructions=provider.instructions.source,
        instructions_text=provider.instructions.text.reveal(),
        unsupported_parameters=tuple(dict.fromkeys(provider.unsupported_parameters)),
        disable_cooling=settings.disable_cooling if cooling is UNSET else cooling,
        type=provider.type,
        fallback_models=provider.fallback_models,
        request_defaults=provider.request_defaults,
        discover=provider.discover,
        keeps_models=provider.keeps_models,
        exclude_models=provider.exclude_models,
        set_by=provider.set_by,
    )
    return with_profile(auth, profile, reason)


def with_profile(auth: CoreAuth, profile: Profile | None, reason: str) -> CoreAuth:
    """The same with a profile, or with the reason why it has none."""
    if profile is None:
        return structs.replace(auth, profile_reason=reason) if reason else auth
    unsupported = tuple(dict.fromkeys((*auth.unsupported_parameters, *profile.unsupported_on(auth.wire))))
    return structs.replace(auth, profile=profile.name, profile_reason=reason, unsupported_parameters=unsupported)


def _identity(provider: Provider) -> tuple[str, str, Secret]:
    """(core auth ID, client ID, key). Where the IDs are known the key stays closed: opening 2,000 takes too long."""
    if provider.core_auth_id and provider.client_id:
        return provider.core_auth_id, provider.client_id, provider.api_keys[0]
    key = provider.api_keys[0].reveal().strip()
    ids = stable_ids(provider.kind, provider.name, api_key=key, base_url=provider.base_url)
    return *ids, Secret(key)


def _defaults(defaults: Defaults, models: tuple[ModelEntry, ...]) -> Defaults:
    """The default model as it is requested upstream: ``gpt-5-low`` is gpt-5 with effort low.

    A provider whose list lacks the built-in default (a vLLM with one model of its own) defaults to
    the first of its list; one without a list has none; a default that was chosen stays as chosen.
    """
    listed = {entry.public for entry in models}
    chosen = defaults.model in listed or defaults.model != Defaults().model
    model = defaults.model if chosen else models[0].public if models else ""
    if model in SEED_EFFORTS and any(entry.public == model and not entry.alias for entry in models):
        base, effort = SEED_EFFORTS[model]
        return Defaults(model=base, model_reasoning_effort=effort)
    return structs.replace(defaults, model=model)


def _built_in_models(defaults: Defaults) -> tuple[ModelEntry, ...]:
    """The seed's ids, and the configured default where it is not one of them."""
    if any(entry.name == defaults.model for entry in DEFAULT_MODELS):
        return DEFAULT_MODELS
    return (*DEFAULT_MODELS, ModelEntry(name=defaults.model))


def _store(privacy: Privacy) -> bool | None:
    return False if privacy.disable_response_storage else None


def _timeouts(provider: Provider, general: Timeouts) -> UpstreamTimeouts:
    own = {name: value for name, value in structs.asdict(provider.timeouts).items() if value is not UNSET}
    return UpstreamTimeouts(**structs.asdict(general) | own, whole=provider.total_timeout)


def short(kind: str, *parts: str) -> str:
    """First 12 hex digits of SHA-256 over ``kind``, then for each part a NUL byte and the trimmed part."""
    text = "\0".join((kind, *(part.strip() for part in parts)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def stable_ids(kind: Kind, name: str, *, api_key: str, base_url: str) -> tuple[str, str]:
    """(core auth ID, client ID), the latter the name under which a core auth registers its models: there a name keeps
    its case. packycode has no name of its own."""
    if kind == PACKYCODE:
        core_auth = "packycode:codex"
        client = short("packycode:models", base_url, api_key)
    else:
        core_auth = f"{kind}:{lower_name(name)}"
        client = short(f"{kind}:models", name, base_url, api_key)
    return f"{core_auth}:{short(core_auth, api_key, base_url)}", f"{kind}:models:{client}"


class Unique:
    """Gives the second taker of an ID ``-1``, the third ``-2``: stable as long as the file's order is."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, identity: str) -> str:
        count = self._taken.get(identity, 0)
        self._taken[identity] = count + 1
        return f"{identity}-{count}" if count else identity
