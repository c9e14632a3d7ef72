"""Where each core auth's credential is from, for the log at DEBUG: the source of each field, never a value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from daemon.config.diagnostics import Path
from daemon.config.packycode import API_KEY, BASE_URL
from daemon.config.provider import PACKYCODE, Provider
from daemon.config.references import is_reference
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Snapshot

FILE: Final = "config.yaml"
AMBIENT: Final[Mapping[str, str]] = {"env": "the environment ({})", "codex-cli": "Codex CLI's files"}
"""Sources of packycode settings outside config.yaml, as the snapshot names them."""
VARIABLES: Final[Mapping[str, str]] = {BASE_URL: "PACKYCODE_BASE_URL", API_KEY: "PACKYCODE_API_KEY"}


class CredentialSources(Struct, frozen=True):
    """``text``: ``base-url from config.yaml, api-key from env:FOX_KEY``. A reference is shown as it is written."""

    auth: str
    provider: str
    text: str


def credential_sources(old: Snapshot | None, new: Snapshot) -> Iterator[CredentialSources]:
    """Of each core auth that is new, or whose sources are others than before."""
    before = frozenset(_sources(old)) if old else frozenset()
    yield from (each for each in _sources(new) if each not in before)


def _sources(snapshot: Snapshot) -> Iterator[CredentialSources]:
    providers = {each.source: each for each in snapshot.providers}
    for auth in snapshot.core_auths:
        if provider := providers.get(auth.source):
            yield CredentialSources(auth.id, auth.name, ", ".join(_fields(auth, provider, snapshot)))


def _fields(auth: CoreAuth, provider: Provider, snapshot: Snapshot) -> Iterator[str]:
    if provider.kind == "store":
        yield "base-url and api-key from the provider store"
    else:
        for field in (BASE_URL, API_KEY if provider.kind == PACKYCODE else "api-key"):
            yield f"{field} {_source(field, provider, snapshot, auth.key)}"
    if auth.proxy_url:
        own = provider.proxy_url.strip()
        path: Path = (*provider.path, "proxy-url") if own else ("proxy-url",)
        yield f"proxy-url {_written(snapshot, path) if not own or provider.path else 'from the provider store'}"
    yield f"models {_models(auth, provider)}"
    if auth.profile:
        yield f"profile {auth.profile} ({auth.profile_reason})"


def _source(field: str, provider: Provider, snapshot: Snapshot, key: int) -> str:
    if provider.kind == PACKYCODE and (ambient := AMBIENT.get(snapshot.effective_sources.get(field, ""))):
        return f"from {ambient.format(VARIABLES.get(field))}"
    place: Path = (key - 1,) if key and field == "api-key" else ()
    return _written(snapshot, (*provider.path, *field.split("."), *place))


def _written(snapshot: Snapshot, path: Path) -> str:
    value: object = snapshot.written
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            value = None
    if isinstance(value, str) and is_reference(value):
        return f"from {value}"
    return f"from {FILE}" if value else "not set"


def _models(auth: CoreAuth, provider: Provider) -> str:
    own = "as listed" if provider.models else "built in"
    if not auth.discover:
        return own
    return f"{own}, and what the upstream lists" if auth.keeps_models else "that the upstream lists"
