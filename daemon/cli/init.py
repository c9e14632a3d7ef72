"""``tppcd init [PRESET]``: writes a commented config.yaml that is valid as it is. Never overwrites one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers
from daemon.cli.config_file import default_path
from daemon.cli.exit_codes import FAILURE, OK
from daemon.config.profile import Profile
from daemon.config.profiles import PROFILES

HEAD = """\
# The gateway daemon tppcd. `tppcd check` reports every problem, `tppcd schema` describes every key.
# Saving this file is enough: the running daemon applies it at once.
# A value may be a reference: env:NAME, file:/path, credential:NAME.

"""

PACKYCODE = """\
packycode:
  enabled: {enabled}{todo}
  base-url: https://codex-api.packycode.com/v1
  credentials:
    openai-api-key: env:PACKYCODE_API_KEY
  # requires-openai-auth: true
  # privacy:
  #   disable-response-storage: true     # sends store: false
  # defaults:
  #   model: gpt-5                       # used for Claude Code's own model names
  #   model-reasoning-effort: high       # low, medium or high
  # models: discover                     # the built-in names and what the upstream lists; or a list of names
  # exclude-models: []                   # patterns of models that are not served
  # profile: ""                          # packycode is a codex-relay; none: treated as any other upstream
  # headers: {{}}                          # e.g. {{user-agent: $User-Agent}}: the client's own
  # instructions: developer              # or system; or file:/path, a fixed text that the relay requires
"""

TPPC = """\
tppc:
  providers:
    - name: fox                          # unique; the model name fox/gpt-5 asks this provider only
      enabled: {enabled}{todo}
      base-url: https://fox.example/v1   # /responses is appended; a bare host gets /v1
      api-key: env:FOX_API_KEY
      # wire-api: responses              # the upstream's API: responses, chat or messages
      # defaults:
      #   model: gpt-5
      #   model-reasoning-effort: high
      # models: discover                 # the built-in names and what the upstream lists; or a list of names
      # profile: ""                      # the make of the upstream, or none; empty: recognised
    # - name: wolf                       # any number of them; requests spread over all that are enabled
    #   enabled: true
    #   base-url: https://wolf.example
    #   api-key: env:WOLF_API_KEY
"""

MAKE = """\
tppc:
  providers:
    - name: {name}
      enabled: {{enabled}}{{todo}}
      base-url: {url}{others}
      wire-api: {wire}
      api-key: {key}
      profile: {name:<25} # the make of the upstream, which decides what is sent to it
      models:
        - {model:<30} # any other: ask for {name}/MODEL
      # defaults:
      #   model-reasoning-effort: high   # for requests that say none
"""
"""One make of upstream; the braces that are left are as in the others."""

TAIL = """
# api-keys:                              # keys that clients must send; none: only clients on this host are served
#   - env:TPPCD_CLIENT_KEY
# remote-management:
#   secret-key: env:TPPCD_MANAGEMENT_KEY # empty: management routes answer 404
# port: 8317
"""


def _make(profile: Profile) -> tuple[str, str]:
    preset = profile.preset
    (wire, url), *others = preset.base_urls.items()
    text = MAKE.format(
        name=profile.name,
        url=url,
        others="".join(f"\n      # wire-api {other}: {each}" for other, each in others if each != url),
        wire=wire,
        key=f"env:{preset.key}" if preset.key else "not-needed",
        model=preset.model,
    )
    return text, preset.key


PRESETS = {
    "packycode": (PACKYCODE, "PACKYCODE_API_KEY"),
    "tppc": (TPPC, "FOX_API_KEY"),
    **{profile.name: _make(profile) for profile in PROFILES.values()},
}
"""Preset -> its block, and the variable that its key is taken from; empty: it needs none."""


def add_parser(subparsers: Subparsers) -> None:
    description = "Exits 1 if the file exists and is not empty."
    parser = subparsers.add_parser("init", help=COMMANDS["init"], description=description)
    parser.add_argument(
        "preset",
        metavar="PRESET",
        nargs="?",
        choices=tuple(PRESETS),
        default="packycode",
        help=f"one of: {', '.join(PRESETS)}; default: %(default)s",
    )
    parser.add_argument("--config", help="the file to write; default: $TPPCD_CONFIG or config.yaml")


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.config or default_path(os.environ))
    try:
        empty = path.is_file() and path.stat().st_size == 0
        descriptor = os.open(path, os.O_WRONLY | (0 if empty else os.O_CREAT | os.O_EXCL), 0o600)
    except FileExistsError:
        print(f"tppcd init: {path} exists already; nothing was written", file=sys.stderr)
        return FAILURE
    except OSError as error:
        print(f"tppcd init: {path} cannot be written: {error.strerror}", file=sys.stderr)
        return FAILURE
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(written(arguments.preset, os.environ))
    print(f"wrote {path}")
    variable = PRESETS[arguments.preset][1]
    if variable and variable not in os.environ:
        print(f"next: export {variable}=…, set enabled: true, and: tppcd check {path}")
    return OK


def written(preset: str, environ: Mapping[str, str]) -> str:
    """The file. A provider whose key is not set yet is not enabled, so that the file is valid."""
    block, variable = PRESETS[preset]
    ready = not variable or bool(environ.get(variable, "").strip())
    todo = "" if ready else f"{' ' * (25 if preset == 'packycode' else 21)}# true, once {variable} is set"
    return HEAD + block.format(enabled=str(ready).lower(), todo=todo) + TAIL
