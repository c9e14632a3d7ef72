"""``tppcd migrate packycode``: the packycode block as one entry of ``tppc.providers``.

Without ``--write`` the entry is printed. With it the entry is put into config.yaml and the packycode
block is switched off, not removed: its comments stay, and the way back is one word.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_config, add_format
from daemon.cli.config_change import Data, change, failed, mapping, place_of, print_yaml, providers
from daemon.cli.config_file import default_path
from daemon.cli.exit_codes import OK
from daemon.config.document import parse
from daemon.config.packycode import API_KEY, BASE_URL, AmbientSettings, AmbientValue
from daemon.config.profiles import profile_of
from daemon.secret import Secret
from daemon.sources.ambient import ambient_settings

NAME = "packycode"
FROM_ENVIRONMENT = "env:PACKYCODE_API_KEY"
SAME = (
    "privacy",
    "defaults",
    "models",
    "exclude-models",
    "profile",
    "headers",
    "proxy-url",
    "max-concurrent",
    "balance-url",
    "timeouts",
    "instructions",
    "unsupported-parameters",
)
"""Settings with the same keys in an entry of ``tppc.providers``."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "migrate",
        help=COMMANDS["migrate"],
        description="Prints the provider; with --write it is put into config.yaml, and the packycode block is "
        "switched off.",
    )
    parser.add_argument("what", choices=("packycode",), help="what to migrate")
    parser.add_argument("--name", default=NAME, help="the provider's name (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="change config.yaml, keeping its comments")
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.config or default_path(os.environ))
    ambient = ambient_settings(os.environ)
    try:
        data = parse(path.read_bytes(), str(path)).data
    except OSError as error:
        return failed(f"{path} cannot be read: {error.strerror}", arguments.format)
    if not isinstance(data.get("packycode"), dict):
        return failed(f"{path} has no packycode block", arguments.format)
    if place_of(arguments.name, providers(data)) is not None:
        reason = f"{path} has a tppc provider named {arguments.name} already (use --name to choose another name)"
        return failed(reason, arguments.format)
    if arguments.write:
        return change(path, lambda data: migrated(data, arguments.name, ambient), arguments.format)
    print_yaml({"tppc": {"providers": [entry(data, arguments.name, ambient)]}}, arguments.format)
    return OK


def migrated(data: Data, name: str, ambient: AmbientSettings) -> dict[str, object]:
    """The whole file's data afterwards."""
    listed = [*providers(data), entry(data, name, ambient)]
    packycode = {**mapping(data.get("packycode")), "enabled": False}
    return {**data, "packycode": packycode, "tppc": {**mapping(data.get("tppc")), "providers": listed}}


def entry(data: Data, name: str, ambient: AmbientSettings) -> dict[str, object]:
    """The provider that serves as the packycode block does, where its settings come from elsewhere too."""
    old = mapping(data.get("packycode"))
    provider: dict[str, object] = {"name": name, "enabled": old.get("enabled") is True}
    if base_url := old.get("base-url") or ambient_value(ambient, BASE_URL):
        provider["base-url"] = base_url
    if key := mapping(old.get("credentials")).get("openai-api-key") or ambient_key(ambient):
        provider["api-key"] = key
    provider |= {key: old[key] for key in SAME if old.get(key)}
    if not provider.get("profile") and (profile := lost_profile(str(provider.get("base-url", "")))):
        provider["profile"] = profile
    return provider


def lost_profile(base_url: str) -> str:
    """The profile that packycode has by default, where a tppc provider with this URL would not get it."""
    ours, _ = profile_of("", is_packycode=True, base_url=base_url, wire="responses")
    recognised, _ = profile_of("", is_packycode=False, base_url=base_url, wire="responses")
    return ours.name if ours is not None and ours != recognised else ""


def ambient_key(ambient: AmbientSettings) -> str:
    """A reference where there can be one, else the key itself."""
    return FROM_ENVIRONMENT if API_KEY in ambient.env else ambient_value(ambient, API_KEY)


def ambient_value(ambient: AmbientSettings, field: str) -> str:
    """What the environment, else Codex CLI, says for a setting that the file leaves out."""
    value: AmbientValue = ambient.env.get(field) or ambient.codex_cli.get(field) or ""
    return value.reveal() if isinstance(value, Secret) else str(value)
