"""The presets of ``tppcd init``: the blocks of config.yaml that they write, with comments, and as plain data.

``packycode`` and ``tppc`` are blocks of the seed system; each other one is a profile (``config.makes``), whose name and
key are all that it needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from daemon.config.profiles import PROFILES

PACKYCODE: Final = "packycode"
TPPC: Final = "tppc"

HEAD: Final = """\
# The gateway daemon tppcd. `tppcd check` reports every problem, `tppcd schema` describes every key.
# Saving this file is enough: the running daemon applies it at once.
# A value may be a reference: env:NAME, file:/path, credential:NAME.

"""

PACKYCODE_BLOCK: Final = """\
packycode:
  enabled: {enabled}
  base-url: {base_url}
  credentials:
    openai-api-key: {key}
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

TPPC_BLOCK: Final = """\
tppc:
  providers:
    - name: {name:<28} # unique; the model name {name}/gpt-5 asks this provider only
      enabled: {enabled}
      base-url: {base_url:<24} # /responses is appended; a bare host gets /v1
      api-key: {key}{wire_line}
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

MAKE_BLOCK: Final = """\
tppc:
  providers:
    - name: {name}
      enabled: {enabled}
      base-url: {base_url}{others}
      wire-api: {wire}
      api-key: {key}
      profile: {profile:<25} # the make of the upstream, which decides what is sent to it
      models:
        - {model:<30} # any other: ask for {name}/MODEL
      # defaults:
      #   model-reasoning-effort: high   # for requests that say none
"""

TAIL: Final = """
# api-keys:                              # keys that clients must send; none: only clients on this host are served
#   - env:TPPCD_CLIENT_KEY
# remote-management:
#   secret-key: env:TPPCD_MANAGEMENT_KEY # empty: management routes answer 404
# port: 8317
"""

REMARK_COLUMN: Final = 41
NOT_NEEDED: Final = "not-needed"


class Starter(Struct, frozen=True, kw_only=True):
    """What a preset begins with. ``base_urls``: by the values of ``wire-api``; ``placeholder``: they are examples, and
    the real one has to be given. ``variable`` is where the key usually is; empty: it needs none. ``model`` is what a
    make serves; empty: the built-in names."""

    name: str
    title: str
    base_urls: Mapping[str, str]
    variable: str = ""
    model: str = ""
    placeholder: bool = False


def _starters() -> Mapping[str, Starter]:
    own = (
        Starter(
            name=PACKYCODE,
            title="PackyCode, as in the seed system",
            base_urls={"responses": "https://codex-api.packycode.com/v1"},
            variable="PACKYCODE_API_KEY",
        ),
        Starter(
            name=TPPC,
            title="any provider with the Responses API",
            base_urls={"responses": "https://fox.example/v1"},
            variable="FOX_API_KEY",
            placeholder=True,
        ),
    )
    makes = (
        Starter(
            name=each.name,
            title=each.title,
            base_urls=each.preset.base_urls,
            variable=each.preset.key,
            model=each.preset.model,
            placeholder=any(word in url for url in each.preset.base_urls.values() for word in PLACEHOLDERS),
        )
        for each in PROFILES.values()
    )
    return {each.name: each for each in (*own, *makes)}


PLACEHOLDERS: Final = ("relay.example", "my-resource.")
PRESETS: Final = _starters()


class ChosenPreset(Struct, frozen=True, kw_only=True):
    """A preset with what was given on the command line. ``key`` is what is written: a reference, or ``not-needed``.
    ``lacks`` is what must be done before it can be enabled, empty where it is enabled."""

    preset: Starter
    name: str
    base_url: str
    wire: str
    model: str
    key: str
    lacks: str = ""


def file_text(chosen: ChosenPreset) -> str:
    """A whole config.yaml."""
    return HEAD + block_text(chosen) + TAIL


def block_text(chosen: ChosenPreset) -> str:
    """The block with its comments."""
    preset = chosen.preset
    others = [
        f"\n      # wire-api {wire}: {url}"
        for wire, url in preset.base_urls.items()
        if wire != chosen.wire and url != chosen.base_url and not preset.placeholder
    ]
    template = {PACKYCODE: PACKYCODE_BLOCK, TPPC: TPPC_BLOCK}.get(preset.name, MAKE_BLOCK)
    enabled = "true"
    if chosen.lacks:
        indent = len("  enabled: ") if preset.name == PACKYCODE else len("      enabled: ")
        enabled = f"{'false':<{REMARK_COLUMN - indent}}# true, once {chosen.lacks}"
    return template.format(
        name=quoted(chosen.name),
        enabled=enabled,
        base_url=quoted(chosen.base_url),
        others="".join(others),
        wire=chosen.wire,
        wire_line="" if chosen.wire == "responses" else f"\n      wire-api: {chosen.wire}",
        key=quoted(chosen.key),
        profile=preset.name,
        model=quoted(chosen.model),
    )


def packycode_data(chosen: ChosenPreset) -> dict[str, object]:
    """The keys of the packycode block that are set."""
    enabled = not chosen.lacks
    return {"enabled": enabled, "base-url": chosen.base_url, "credentials": {"openai-api-key": chosen.key}}


def provider_data(chosen: ChosenPreset) -> dict[str, object]:
    """An entry of ``tppc.providers``."""
    entry: dict[str, object] = {"name": chosen.name, "enabled": not chosen.lacks, "base-url": chosen.base_url}
    if chosen.wire != "responses" or chosen.preset.model:
        entry["wire-api"] = chosen.wire
    entry["api-key"] = chosen.key
    if chosen.preset.model:
        entry |= {"profile": chosen.preset.name, "models": [chosen.model]}
    return entry


_PLAIN: Final = re.compile(r"[A-Za-z][\w./@+-]*(?::[\w./@+~-]+)*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


def quoted(text: str) -> str:
    """A YAML scalar that is this text and nothing else; JSON's form of a text is YAML too."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
