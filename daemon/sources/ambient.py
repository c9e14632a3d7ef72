"""packycode settings that lie outside config.yaml: the environment and the Codex CLI's own files.

``$CODEX_HOME`` (else ``~/.codex``) holds ``config.toml`` with ``[model_providers.packycode]`` and
``auth.json`` with ``OPENAI_API_KEY``. Those files belong to another program: one that is missing is skipped, one
that cannot be read is skipped with a warning, and neither breaks the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from daemon.config.diagnostics import Diagnostic
from daemon.config.foreign_text import Unparsable, decoded, json_data, toml_data
from daemon.config.packycode import API_KEY, BASE_URL, AmbientSettings, AmbientValue
from daemon.secret import Secret
from daemon.sources.reading import Unreadable, read_whole

MAX_CODEX_BYTES: Final = 1024 * 1024
PROVIDER: Final = "packycode"

FROM_PROVIDER: Final = {"base_url": BASE_URL, "wire_api": "wire-api", "requires_openai_auth": "requires-openai-auth"}
"""Keys of ``[model_providers.packycode]`` -> ours."""

FROM_TOP: Final = {
    "model": "defaults.model",
    "model_reasoning_effort": "defaults.model-reasoning-effort",
    "disable_response_storage": "privacy.disable-response-storage",
}
"""Top-level keys of ``config.toml`` -> ours; they belong to the provider that ``model_provider`` chooses."""


def ambient_settings(environ: Mapping[str, str]) -> AmbientSettings:
    """Reads the Codex CLI's files again at each call."""
    home = _codex_home(environ)
    if home is None:
        return AmbientSettings(env=_from_environment(environ))
    config, auth = home / "config.toml", home / "auth.json"
    problems: list[Diagnostic] = []
    codex_cli = _from_codex(_parsed(config, toml_data, problems), _parsed(auth, json_data, problems))
    files = frozenset((str(config), str(auth)))
    return AmbientSettings(env=_from_environment(environ), codex_cli=codex_cli, files=files, problems=tuple(problems))


def _from_environment(environ: Mapping[str, str]) -> dict[str, AmbientValue]:
    settings: dict[str, AmbientValue] = {}
    if base_url := environ.get("PACKYCODE_BASE_URL", "").strip():
        settings[BASE_URL] = base_url
    if api_key := environ.get("PACKYCODE_API_KEY", "").strip():
        settings[API_KEY] = Secret(api_key)
    return settings


def _codex_home(environ: Mapping[str, str]) -> Path | None:
    if home := environ.get("CODEX_HOME"):
        return Path(home)
    return Path(environ["HOME"], ".codex") if environ.get("HOME") else None


def _from_codex(config: Mapping[str, object], auth: Mapping[str, object]) -> dict[str, AmbientValue]:
    """Nothing if the CLI is set up for other providers only: its key is not packycode's then."""
    providers = config.get("model_providers")
    provider = providers.get(PROVIDER) if isinstance(providers, dict) else None
    if config and not isinstance(provider, dict):
        return {}
    settings = _pick(provider or {}, FROM_PROVIDER)
    if config.get("model_provider", PROVIDER) == PROVIDER:
        settings |= _pick(config, FROM_TOP)
    if isinstance(key := auth.get("OPENAI_API_KEY"), str):
        settings[API_KEY] = Secret(key.strip())
    return settings


def _pick(values: Mapping[str, object], names: Mapping[str, str]) -> dict[str, AmbientValue]:
    pairs = ((ours, values.get(theirs)) for theirs, ours in names.items())
    return {ours: value for ours, value in pairs if isinstance(value, (str, bool))}


def _parsed(path: Path, parse: Callable[[str], object], problems: list[Diagnostic]) -> Mapping[str, object]:
    """The file as a mapping, empty where there is none; why it is not used is put into ``problems``."""
    try:
        data = parse(decoded(read_whole(str(path), MAX_CODEX_BYTES).raw))
    except Unreadable as why:
        if why.code != "missing":
            problems.append(_ignored(path, why.message, why.hint))
        return {}
    except Unparsable as why:
        problems.append(_ignored(path, why.reason, why.hint, (why.line, why.column)))
        return {}
    return data if isinstance(data, dict) else {}


def _ignored(path: Path, reason: str, hint: str, place: tuple[int, int] = (0, 0)) -> Diagnostic:
    line, column = place
    return Diagnostic(
        severity="warning",
        code="codex-file",
        message=f"Codex CLI's file is not used: {reason}",
        line=line,
        column=column,
        source=str(path),
        hint=hint,
    )
