"""``tppcd import codex-cli``: the provider of Codex CLI, as a packycode block or a tppc provider.

``~/.codex/config.toml`` (or ``$CODEX_HOME``) names the provider, ``auth.json`` has the key. A provider
called packycode becomes the packycode block, any other one a provider of that name.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_config, add_format
from daemon.cli.config_change import Data, change, failed, mapping, place_of, print_yaml, providers
from daemon.cli.config_file import default_path
from daemon.cli.exit_codes import OK
from daemon.config.foreign_text import Unparsable, decoded, json_data, toml_data

PACKYCODE = "packycode"
EFFORTS = ("low", "medium", "high")
WIRES = {"responses": "responses", "chat": "chat"}


class NothingToImport(Exception):
    """Codex CLI does not use a provider that can be imported; one line says why."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "import",
        help=COMMANDS["import"],
        description="Prints a block for config.yaml; with --write it is put into the file.",
    )
    parser.add_argument("source", choices=("codex-cli",), help="what to import from")
    parser.add_argument("--provider", metavar="NAME", help="which entry of model_providers (default: the one in use)")
    parser.add_argument("--as", dest="target", choices=("packycode", "tppc"), help="default: by the provider's name")
    parser.add_argument("--write", action="store_true", help="change config.yaml, keeping its comments")
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    try:
        home = codex_home(os.environ)
        config = read(home / "config.toml", toml_data)
        auth = read(home / "auth.json", json_data) if (home / "auth.json").exists() else {}
        block = imported(config, auth, provider=arguments.provider, target=arguments.target)
    except NothingToImport as why:
        return failed(str(why), arguments.format)
    if not arguments.write:
        print_yaml(block, arguments.format)
        return OK
    return change(
        Path(arguments.config or default_path(os.environ)), lambda data: merged(data, block), arguments.format
    )


def codex_home(environ: Mapping[str, str]) -> Path:
    """``$CODEX_HOME``, else ``~/.codex``."""
    return Path(environ.get("CODEX_HOME") or Path.home() / ".codex")


def read(path: Path, loads: Callable[[str], object]) -> Data:
    """The file as a mapping. Raises NothingToImport."""
    try:
        return mapping(loads(decoded(path.read_bytes())))
    except OSError as error:
        raise NothingToImport(f"{path} cannot be read: {(error.strerror or '').lower()}") from None
    except Unparsable as why:
        raise NothingToImport(f"{path}:{why}") from None


def imported(config: Data, auth: Data, *, provider: str | None = None, target: str | None = None) -> dict[str, object]:
    """The block: ``{"packycode": …}`` or ``{"tppc": {"providers": [one]}}``. Raises NothingToImport."""
    name = provider or str(config.get("model_provider", ""))
    if not name:
        raise NothingToImport("config.toml names no model_provider (--provider chooses one)")
    settings = mapping(mapping(config.get("model_providers")).get(name))
    if not settings.get("base_url"):
        raise NothingToImport(f"config.toml has no [model_providers.{name}] with a base_url")
    if (target or name) == PACKYCODE:
        return {PACKYCODE: packycode(config, settings, key(settings, auth))}
    return {"tppc": {"providers": [tppc(name, config, settings, key(settings, auth))]}}


def packycode(config: Data, settings: Data, key: str) -> dict[str, object]:
    """The packycode block."""
    block: dict[str, object] = {"enabled": True, "base-url": settings["base_url"]}
    if isinstance(settings.get("requires_openai_auth"), bool):
        block["requires-openai-auth"] = settings["requires_openai_auth"]
    block |= common(config)
    return block | ({"credentials": {"openai-api-key": key}} if key else {})


def tppc(name: str, config: Data, settings: Data, key: str) -> dict[str, object]:
    """An entry of ``tppc.providers``; without a key it is not enabled."""
    block: dict[str, object] = {"name": name, "enabled": bool(key), "base-url": settings["base_url"]}
    if key:
        block["api-key"] = key
    if (wire := WIRES.get(str(settings.get("wire_api", "responses")))) not in (None, "responses"):
        block["wire-api"] = wire
    return block | common(config)


def common(config: Data) -> dict[str, object]:
    """The settings of both blocks: privacy and defaults, as far as Codex CLI has them."""
    block: dict[str, object] = {}
    if isinstance(config.get("disable_response_storage"), bool):
        block["privacy"] = {"disable-response-storage": config["disable_response_storage"]}
    defaults: dict[str, object] = {}
    if isinstance(config.get("model"), str):
        defaults["model"] = config["model"]
    if config.get("model_reasoning_effort") in EFFORTS:
        defaults["model-reasoning-effort"] = config["model_reasoning_effort"]
    return block | ({"defaults": defaults} if defaults else {})


def key(settings: Data, auth: Data) -> str:
    """``env:`` where the provider names a variable, else the key of auth.json; empty where there is none."""
    if isinstance(variable := settings.get("env_key"), str) and variable:
        return f"env:{variable}"
    text = auth.get("OPENAI_API_KEY")
    return text.strip() if isinstance(text, str) else ""


def merged(data: Data, block: Data) -> dict[str, object]:
    """The whole file's data with the block put in; what the block does not mention stays."""
    if PACKYCODE in block:
        return {**data, PACKYCODE: over(mapping(data.get(PACKYCODE)), mapping(block[PACKYCODE]))}
    (new,) = providers(block)
    listed = providers(data)
    place = place_of(str(new["name"]), listed)
    if place is None:
        listed.append(new)
    else:
        listed[place] = _with_its_keys(listed[place], over(listed[place], new))
    return {**data, "tppc": {**mapping(data.get("tppc")), "providers": listed}}


def _with_its_keys(old: Data, new: dict[str, object]) -> dict[str, object]:
    """A provider that has a list of keys keeps them; the one that is imported comes behind them."""
    keys, imported = old.get("api-key"), new.get("api-key")
    if not isinstance(keys, list):
        return new
    return {**new, "api-key": keys if imported in keys or imported is keys else [*keys, imported]}


def over(old: Data, new: Data) -> dict[str, object]:
    """``new`` over ``old``, section by section."""
    return {
        **old,
        **{key: over(mapping(old.get(key)), value) if isinstance(value, dict) else value for key, value in new.items()},
    }
