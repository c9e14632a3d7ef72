"""Loading a YAML text with a small environment, the way the daemon does."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config.document import parse
from daemon.config.load import AmbientSettings, Fragment, UnresolvedReference, load
from daemon.config.schema import Config


def loaded(text: str | bytes, env: Mapping[str, str] | None = None, ambient: AmbientSettings | None = None) -> Fragment:
    """References are looked up in ``env`` by their whole text (``env:NAME``, ``file:/path``)."""
    known = env or {}

    def resolve(reference: str) -> str:
        if reference not in known:
            name = reference.partition(":")[2]
            message = f"environment variable {name} is not set"
            raise UnresolvedReference(message, f"set {name} for the daemon and restart it")
        return known[reference]

    return load(parse(text if isinstance(text, bytes) else text.encode()), resolve=resolve, ambient=ambient)


def config_of(text: str, env: Mapping[str, str] | None = None, ambient: AmbientSettings | None = None) -> Config:
    fragment = loaded(text, env, ambient)
    assert fragment.settings is not None, [str(each) for each in fragment.diagnostics]
    return fragment.settings


def diagnostics_of(fragment: Fragment) -> list[str]:
    return [str(each) for each in fragment.diagnostics]
