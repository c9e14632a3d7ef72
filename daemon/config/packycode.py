"""Where the packycode settings come from: config.yaml > environment > Codex CLI, field by field (FR-012).

``enabled`` comes from config.yaml only. A field that is absent, null or empty counts as not given.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.secret import Secret

BASE_URL = "base-url"
API_KEY = "credentials.openai-api-key"
FIELDS = (
    BASE_URL,
    API_KEY,
    "requires-openai-auth",
    "wire-api",
    "privacy.disable-response-storage",
    "defaults.model",
    "defaults.model-reasoning-effort",
)
"""What other sources may give, as dotted paths below ``packycode``."""

AmbientValue = str | bool | Secret


class AmbientSettings(Struct, frozen=True, kw_only=True):
    """packycode settings found outside config.yaml, keyed by the names of ``FIELDS``.

    ``env`` has at most ``base-url`` and ``credentials.openai-api-key`` (``PACKYCODE_BASE_URL``,
    ``PACKYCODE_API_KEY``); ``codex_cli`` what ``config.toml`` and ``auth.json`` give. ``files`` are the
    paths that were looked at, to be watched; ``problems`` is why one of them is not used.
    """

    env: Mapping[str, AmbientValue] = {}
    codex_cli: Mapping[str, AmbientValue] = {}
    files: frozenset[str] = frozenset()
    problems: tuple[Diagnostic, ...] = ()


def merge(block: Mapping[str, object], ambient: AmbientSettings) -> tuple[dict[str, object], dict[str, str]]:
    """The packycode block with its missing fields filled in, and the source of each field that is set."""
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in block.items()}
    sources: dict[str, str] = {}
    for field in FIELDS:
        if _is_given(_get(merged, field)):
            sources[field] = "config.yaml"
            continue
        for name, settings in (("env", ambient.env), ("codex-cli", ambient.codex_cli)):
            if _is_given(value := settings.get(field)) and _put(merged, field, value):
                sources[field] = name
                break
    return merged, sources


def effective_source(sources: Mapping[str, str]) -> str:
    """``config.yaml``, ``env``, ``codex-cli`` or ``mixed``."""
    names = set(sources.values())
    if len(names) > 1:
        return "mixed"
    return names.pop() if names else "config.yaml"


def source_words(sources: Mapping[str, str]) -> str:
    """The effective source for people: ``mixed`` lists the source of each field."""
    fields = ", ".join(f"{field}: {source}" for field, source in sources.items())
    source = effective_source(sources)
    return f"{source} ({fields})" if source == "mixed" else source


def _is_given(value: object) -> bool:
    return value is not None and value != "" and value != Secret("")


def _get(block: Mapping[str, object], field: str) -> object:
    value: object = block
    for key in field.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _put(block: dict[str, object], field: str, value: object) -> bool:
    """False where the file has something else than a mapping in the way (reported as a wrong type elsewhere)."""
    *sections, key = field.split(".")
    for name in sections:
        inner = block.get(name)
        if inner is None:
            inner = block[name] = {}
        if not isinstance(inner, dict):
            return False
        block = inner
    block[key] = value
    return True
