"""Keys that config.yaml does not have: of the seed system, misspelt, in the wrong section, or just unknown."""

from __future__ import annotations

import difflib

from daemon.config.diagnostics import Fault, Path
from daemon.config.document import nameable
from daemon.config.lookalikes import blank_hint, plain_key
from daemon.config.schema import Config, ModelEntry, Packycode, TppcProvider
from daemon.config.schema_base import Base
from daemon.config.sections import RemoteManagement, Routing, Tls
from daemon.config.shape import fields


def unknown_key(key: str, section: type[Base], *, suggest: bool = True) -> Fault | None:
    """What to report about this key in this section, with the key as it may be shown for a path; None for ``x-…``
    keys, which are there for anchors. ``suggest``: whether a similar key is looked for, which takes a millisecond."""
    if key.startswith("x-"):
        return None
    path: Path = (nameable(key).strip("`"),)
    if key in SEED_KEYS.get(section, ()):
        hint = SEED_HINTS.get(key, "remove it")
        return Fault(path=path, code="not-supported", message="not supported by tppcd", hint=hint, severity="warning")
    hint = (
        _written_otherwise(key, section)
        or MISPLACED.get((section, key))
        or (_nearest(key, section) if suggest else "remove it")
    )
    return Fault(path=path, code="unknown-key", message="unknown key", hint=hint, severity="warning")


def _written_otherwise(key: str, section: type[Base]) -> str:
    """For a key with a character in it that looks like another one."""
    if hint := blank_hint(key):
        return hint
    plain = plain_key(key)
    is_known = plain != key and plain in fields(section)
    return f"it has a character that only looks like an ASCII one: write {plain}" if is_known else ""


def _nearest(key: str, section: type[Base]) -> str:
    known = fields(section)
    spelt = key.replace("_", "-").lower()
    if near := difflib.get_close_matches(spelt[:100], known, n=1, cutoff=0.6):
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(known)}" if len(known) <= 8 else "remove it, or see tppcd schema"


SEVERAL_KEYS = "did you mean `api-key`? It takes one key or a list"
MISPLACED: dict[tuple[type[Base], str], str] = {
    (Config, "providers"): "did you mean `tppc.providers`?",
    (Config, "aliases"): "did you mean `model-aliases`?",
    (Packycode, "api-key"): "did you mean `credentials.openai-api-key`?",
    (Packycode, "openai-api-key"): "did you mean `credentials.openai-api-key`?",
    (Packycode, "model"): "did you mean `defaults.model`, or `models` for a list?",
    (Packycode, "model-reasoning-effort"): "did you mean `defaults.model-reasoning-effort`?",
    (Packycode, "disable-response-storage"): "did you mean `privacy.disable-response-storage`?",
    (Packycode, "effective-source"): "read-only, ignored",
    (TppcProvider, "openai-api-key"): "did you mean `api-key`?",
    (TppcProvider, "api-keys"): SEVERAL_KEYS,
    (TppcProvider, "api-key-entries"): SEVERAL_KEYS,
    (TppcProvider, "keys"): SEVERAL_KEYS,
    (TppcProvider, "credentials"): "did you mean `api-key`?",
    (TppcProvider, "model"): "did you mean `defaults.model`, or `models` for a list?",
}

SEED_KEYS: dict[type[Base], frozenset[str]] = {
    Config: frozenset(
        (
            *("allow-localhost-unauthenticated", "ampcode", "auth", "auth-dir", "claude-api-key", "claude-code"),
            *("claude-header-defaults", "codex", "codex-api-key", "codex-header-defaults", "commercial-mode"),
            *("disable-image-generation", "error-logs-max-files", "force-gpt-5-codex", "force-model-prefix"),
            *("gemini-api-key", "generative-language-api-key", "interactions-api-key", "logging-to-file"),
            *("logs-max-total-size-mb", "max-retry-credentials", "nonstream-keepalive-interval"),
            *("oauth-excluded-models", "oauth-model-alias", "oauth-request-scoped-errors", "openai-compatibility"),
            *("passthrough-headers", "payload", "plugins", "pprof", "quota-exceeded"),
            *("redis-usage-queue-retention-seconds", "request-log", "save-cooldown-status", "streaming"),
            *("transient-error-cooldown-seconds", "usage-statistics-enabled", "vertex-api-key", "ws-auth"),
            "xai-api-key",
        )
    ),
    RemoteManagement: frozenset(("disable-control-panel", "panel-github-repository")),
    Routing: frozenset(("session-affinity-ttl",)),
    Tls: frozenset(("enable",)),
    TppcProvider: frozenset(
        ("alpha-search", "excluded-models", "prefix", "request-retry", "request-scoped-errors", "websockets")
    ),
    ModelEntry: frozenset(
        (
            *("display-name", "force-mapping", "image", "input-modalities", "is-compat", "max-context-length"),
            *("output-modalities", "thinking"),
        )
    ),
}
"""Keys of the seed system that tppcd does not have."""

SEED_HINTS = {
    "openai-compatibility": "write its entries as tppc.providers with wire-api: chat",
    "codex-api-key": "write its entries as tppc.providers",
    "claude-api-key": "write its entries as tppc.providers with wire-api: messages",
    "oauth-model-alias": "use model-aliases",
    "logging-to-file": "use logging.file",
    "request-log": "request and answer content is never logged",
    "prefix": "use name/model to ask one provider",
    "excluded-models": "list the models you want in models",
    "enable": "TLS is on when cert and key are set",
}
