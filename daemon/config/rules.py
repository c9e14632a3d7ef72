"""What types cannot say: the seed system's validation sentences, and checks across fields.

Each rule is a small generator over a whole ``Config``; ``load`` adds the places. A disabled block is
not checked for missing fields.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import get_args

from msgspec import UNSET

from daemon.config.convert import quoted
from daemon.config.diagnostics import Fault, Faults, Path, fault_at
from daemon.config.header_rules import header_faults
from daemon.config.hosts import listen_fault
from daemon.config.model_patterns import excluding
from daemon.config.profiles import PROFILES
from daemon.config.provider import lower_name, providers_of
from daemon.config.rules_keys import key_form, provider_keys
from daemon.config.rules_operating import logging, management
from daemon.config.rules_secrets import secrets
from daemon.config.rules_urls import balance_url, base_url, proxy_url
from daemon.config.schema import DEFAULT_MODELS, Config, Defaults, ModelSource, ProviderEntry, TppcProvider, WireApi
from daemon.secret import Secret

SOURCES = get_args(ModelSource)
EFFORTS = ("low", "medium", "high")
NAME_LIMIT = 100

# The seed system's sentences. ``{}`` stands for ``providers[0]``, or for what is before ``defaults``.
BASE_URL_REQUIRED = "base-url is required when packycode.enabled=true"
"""Matched by the seed system's tests (Adamcf123's fork of CLIProxyAPI, 2025-10)."""
BASE_URL_INVALID = "base-url must be a valid http(s) URL"
"""Matched by the seed system's tests (as above); ``providers[0].`` stands before it for a provider."""
WIRE_API_FIXED = 'wire-api must be "responses"'
"""Matched by the seed system's tests (as above)."""
KEY_REQUIRED = "credentials.openai-api-key is required when requires-openai-auth=true"
"""Matched by the seed system's tests (as above)."""
EFFORT_CHOICES = "{}defaults.model-reasoning-effort must be one of: low, medium, high"
"""Matched by the seed system's tests (as above)."""
PROVIDER_NAME_REQUIRED = "{}.name is required when enabled=true"
"""Matched by scripts for the seed system's ``ValidateTppc`` (2025-10); the contract keeps the words."""
PROVIDER_BASE_URL_REQUIRED = "{0}.base-url is required when {0}.enabled=true"
"""Matched by scripts for the seed system's ``ValidateTppc`` (2025-10); the contract keeps the words."""
PROVIDER_KEY_REQUIRED = "{0}.api-key is required when {0}.enabled=true"
"""Matched by scripts for the seed system's ``ValidateTppc`` (2025-10); the contract keeps the words."""


def packycode(config: Config) -> Faults:
    block = config.packycode
    if not block.enabled:
        return
    if not block.base_url.strip():
        yield fault_at("packycode.base-url", "required", BASE_URL_REQUIRED, "e.g. https://codex-api.packycode.com/v1")
    else:
        yield from base_url(("packycode", "base-url"), block.base_url, "responses", BASE_URL_INVALID, only_wire=True)
    if block.wire_api != "responses":
        yield fault_at("packycode.wire-api", "wrong-value", WIRE_API_FIXED, "remove the line")
    yield from _effort(("packycode",), "", block.defaults)
    yield from key_form(("packycode", "credentials", "openai-api-key"), block.credentials.openai_api_key)
    if block.requires_openai_auth and not block.credentials.openai_api_key.reveal().strip():
        hint = "write the key, a reference such as env:PACKYCODE_API_KEY, or set PACKYCODE_API_KEY"
        yield fault_at("packycode.credentials.openai-api-key", "required", KEY_REQUIRED, hint)
    yield from _common(("packycode",), block, "responses")


def tppc(config: Config) -> Faults:
    for index, provider in enumerate(config.tppc.providers):
        if provider.enabled:
            yield from _provider(index, provider)


def _provider(index: int, provider: TppcProvider) -> Faults:
    path: Path = ("tppc", "providers", index)
    label = f"providers[{index}]"
    if not provider.name.strip():
        message = PROVIDER_NAME_REQUIRED.format(label)
        yield Fault(path=(*path, "name"), code="required", message=message, hint="add a name, e.g. fox")
    if not provider.base_url.strip():
        message = PROVIDER_BASE_URL_REQUIRED.format(label)
        yield Fault(path=(*path, "base-url"), code="required", message=message, hint="e.g. https://host.example/v1")
    else:
        message = f"{label}.{BASE_URL_INVALID}"
        yield from base_url((*path, "base-url"), provider.base_url, provider.wire_api, message)
    yield from provider_keys((*path, "api-key"), provider.api_key, PROVIDER_KEY_REQUIRED.format(label))
    yield from _effort(path, f"{label}.", provider.defaults)
    yield from _common(path, provider, provider.wire_api)


def _common(path: Path, entry: ProviderEntry, wire: WireApi) -> Faults:
    """The fields that packycode and the entries of ``tppc.providers`` have in common."""
    yield from header_faults((*path, "headers"), entry.headers)
    yield from proxy_url((*path, "proxy-url"), entry.proxy_url, "must be a proxy URL or direct")
    yield from balance_url((*path, "balance-url"), entry.balance_url, entry.base_url)
    profile = PROFILES.get(entry.profile)
    if profile is not None and wire not in profile.wires:
        message = f"profile {profile.name} is not for wire-api {wire}"
        hint = f"write wire-api: {' or '.join(profile.wires)}, or remove profile"
        yield Fault(path=(*path, "profile"), code="wrong-wire", message=message, hint=hint)
    if entry.instructions.source == "file" and wire != "responses":
        message, hint = f"wire-api {wire} has no field `instructions`", "remove it"
        yield Fault(path=(*path, "instructions"), code="no-effect", message=message, hint=hint, severity="warning")
    yield from _models(path, entry)


def _models(path: Path, provider: ProviderEntry) -> Faults:
    listed = provider.models if isinstance(provider.models, tuple) else ()
    seen: set[str] = set()
    for index, entry in enumerate(listed):
        at = (*path, "models", index)
        if not entry.name.strip():
            message = "a model needs a name"
            yield Fault(path=(*at, "name"), code="required", message=message, hint="remove the item")
        elif entry.public in seen:
            message = f"model {quoted(entry.public)} is listed twice"
            yield Fault(path=at, code="duplicate", message=message, hint="remove one", severity="warning")
        elif entry.public in SOURCES:
            message, hint = (
                f"is read as a model named {entry.public}",
                f"if none is meant, write models: {entry.public}",
            )
            yield Fault(path=at, code="no-effect", message=message, hint=hint, severity="warning")
        seen.add(entry.public)
    yield from _excluded(path, provider, {entry.public for entry in listed or DEFAULT_MODELS})


def _excluded(path: Path, provider: ProviderEntry, names: set[str]) -> Faults:
    """Warnings for a provider that serves nothing, or not what its default is."""
    if not provider.exclude_models:
        return
    out, at = excluding(provider.exclude_models), (*path, "exclude-models")
    if "*" in provider.exclude_models or (provider.models != "discover" and all(out.match(each) for each in names)):
        message, hint = "excludes every model of this provider", "remove a pattern, or write enabled: false"
        yield Fault(path=at, code="no-effect", message=message, hint=hint, severity="warning")
    elif out.match(default := provider.defaults.model):
        message = f"excludes defaults.model, {quoted(default)}, so this provider has no default model"
        hint = "set defaults.model to another one"
        yield Fault(path=at, code="no-effect", message=message, hint=hint, severity="warning")


def names(config: Config) -> Faults:
    """Names are compared trimmed and in lower case; a disabled entry counts, since it may be switched on."""
    seen: dict[str, int] = {}
    for index, provider in enumerate(config.tppc.providers):
        name = lower_name(provider.name)
        path: Path = ("tppc", "providers", index, "name")
        if len(name) > NAME_LIMIT:
            yield Fault(
                path=path, code="wrong-value", message=f"longer than {NAME_LIMIT} characters", hint="shorten it"
            )
        elif name in seen:
            message = f"providers[{index}].name {quoted(name)} is already the name of providers[{seen[name]}]"
            yield Fault(path=path, code="duplicate", message=message, hint="give each provider its own name")
        elif name:
            seen[name] = index


def client_keys(config: Config) -> Faults:
    seen: set[Secret] = set()
    for index, key in enumerate(config.api_keys):
        path: Path = ("api-keys", index)
        if not key.reveal().strip():
            yield Fault(path=path, code="empty", message="a client key must not be empty", hint="remove the item")
        elif key in seen:
            message = "this client key is listed twice"
            yield Fault(path=path, code="duplicate", message=message, hint="remove one", severity="warning")
        yield from key_form(path, key)
        seen.add(key)


def general(config: Config) -> Faults:
    yield from proxy_url(("proxy-url",), config.proxy_url, "must be a proxy URL")
    if bool(config.tls.cert) != bool(config.tls.key):
        present, missing = ("cert", "key") if config.tls.cert else ("key", "cert")
        message = f"tls.{missing} is required when tls.{present} is set"
        yield fault_at(f"tls.{missing}", "required", message, f"add it, or remove tls.{present}")
    store = config.provider_store
    if not re.match(r"(sqlite:///|postgres(ql)?://|$)", store.url):
        yield fault_at(
            "provider-store.url", "url", "must begin with sqlite:/// or postgresql://", "e.g. sqlite:///providers.db"
        )
    if store.url.startswith("postgres") and not store.encryption_key.reveal().strip():
        hint = "the same for every daemon; make one by: openssl rand -base64 32"
        yield fault_at("provider-store.encryption-key", "required", "is required with postgresql://", hint)
    if not config.host.strip():
        hint = "write 127.0.0.1 for this host only, 0.0.0.0 for all interfaces"
        message = "empty, so the default is used"
        yield Fault(path=("host",), code="empty", message=message, hint=hint, severity="warning")
    message, hint = listen_fault(config.host)
    if message:
        yield Fault(path=("host",), code="wrong-value", message=message, hint=hint)


def aliases(config: Config) -> Faults:
    """A warning for an alias of a model that no provider serves, before a client uses it."""
    served = _served(config)
    discover = any(provider.enabled and provider.discover for provider in providers_of(config))
    for alias in config.model_aliases if served else ():
        path: Path = ("model-aliases", alias.pattern)
        target = re.sub(r"(-(minimal|low|medium|high|xhigh)|\([^()]*\))$", "", alias.model)
        if not alias.pattern.strip():
            yield Fault(path=path, code="wrong-value", message="a pattern must not be empty", hint="e.g. claude-*")
        elif discover:  # what upstreams list is not known here
            continue
        elif alias.model and not served & {alias.model, target} and "/" not in alias.model:
            message = f"no enabled provider serves {quoted(alias.model)}"
            hint = "name a model of a provider, or leave the value empty for the provider's default model"
            yield Fault(path=path, code="unknown-model", message=message, hint=hint, severity="warning")


def shadowed(config: Config) -> Faults:
    """First match wins, so a row below a wider one never matches."""
    for index, alias in enumerate(config.model_aliases):
        for earlier in config.model_aliases[:index]:
            if fnmatch.fnmatchcase(alias.pattern, earlier.pattern):
                message = f"never reached: {quoted(earlier.pattern)} above matches first"
                yield Fault(
                    path=("model-aliases", alias.pattern),
                    code="shadowed",
                    message=message,
                    hint="move it up",
                    severity="warning",
                )
                break


RULES: tuple[Callable[[Config], Faults], ...] = (
    general, management, client_keys, packycode, names, tppc, aliases, shadowed, logging, secrets,
)  # fmt: skip


def _served(config: Config) -> set[str]:
    """The public names of every enabled provider, its default model included."""
    enabled = [(provider.models, provider.defaults) for provider in providers_of(config) if provider.enabled]
    listed = {entry.public for models, _ in enabled for entry in models or DEFAULT_MODELS}
    return listed | {defaults.model for models, defaults in enabled if not models}


def _effort(path: Path, label: str, defaults: Defaults) -> Faults:
    effort = defaults.model_reasoning_effort
    if effort is not UNSET and effort not in EFFORTS:
        yield Fault(
            path=(*path, "defaults", "model-reasoning-effort"),
            code="wrong-value",
            message=EFFORT_CHOICES.format(label),
            hint=f"got {quoted(effort)}",
        )
    if not defaults.model.strip():
        yield Fault(
            path=(*path, "defaults", "model"), code="wrong-value", message="must not be empty", hint="e.g. gpt-5"
        )
