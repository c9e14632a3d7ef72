"""``tppcd init [KIND]``: writes a commented config.yaml that is valid as it is. Never overwrites one."""

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
      # profile: ""                      # codex-relay, or none; empty: recognised by the base-url
    # - name: wolf                       # any number of them; requests spread over all that are enabled
    #   enabled: true
    #   base-url: https://wolf.example
    #   api-key: env:WOLF_API_KEY
"""

VLLM = """\
tppc:
  providers:
    - name: vllm
      enabled: true
      base-url: http://127.0.0.1:8000    # becomes http://127.0.0.1:8000/v1/chat/completions
      wire-api: chat
      api-key: not-needed                # the value of `vllm serve --api-key`, if set
      models:
        - name: Qwen/Qwen3-Coder-30B-A3B-Instruct   # the model of `vllm serve`
          alias: qwen3-coder             # the name clients use
      defaults:
        model: Qwen/Qwen3-Coder-30B-A3B-Instruct    # used for Claude Code's own model names
"""

TAIL = """
# api-keys:                              # keys that clients must send; none: only clients on this host are served
#   - env:TPPCD_CLIENT_KEY
# remote-management:
#   secret-key: env:TPPCD_MANAGEMENT_KEY # empty: management routes answer 404
# port: 8317
"""

KINDS = {"packycode": (PACKYCODE, "PACKYCODE_API_KEY"), "tppc": (TPPC, "FOX_API_KEY"), "vllm": (VLLM, "")}
"""Kind -> its block, and the variable that its key is taken from."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("init", help=COMMANDS["init"], description="Exits 1 if the file exists.")
    parser.add_argument("kind", nargs="?", choices=tuple(KINDS), default="packycode", help="default: %(default)s")
    parser.add_argument("--config", help="the file to write; default: $TPPCD_CONFIG or config.yaml")


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.config or default_path(os.environ))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"tppcd init: {path} exists already; nothing was written", file=sys.stderr)
        return FAILURE
    except OSError as error:
        print(f"tppcd init: {path} cannot be written: {error.strerror}", file=sys.stderr)
        return FAILURE
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(written(arguments.kind, os.environ))
    print(f"wrote {path}")
    variable = KINDS[arguments.kind][1]
    if variable and variable not in os.environ:
        print(f"next: export {variable}=…, set enabled: true, and: tppcd check {path}")
    return OK


def written(kind: str, environ: Mapping[str, str]) -> str:
    """The file. A provider whose key is not set yet is not enabled, so that the file is valid."""
    block, variable = KINDS[kind]
    ready = bool(environ.get(variable, "").strip())
    todo = "" if ready else f"{' ' * (24 if kind == 'packycode' else 20)}# true, once {variable} is set"
    return HEAD + block.format(enabled=str(ready).lower(), todo=todo) + TAIL
