"""The shipped config.yaml: valid as it is, its comments are the built-in defaults, its schema is the loader's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from daemon.config.json_schema import json_schema
from daemon.config.schema import Config, Defaults
from daemon.config.shape import fields
from tests.config.world import config_of, loaded

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "config.yaml").read_text()


def uncommented(text: str) -> str:
    """Every ``# key: value`` switched on."""
    return re.sub(r"^(\s*)# ?( *(?:[a-z][a-z0-9-]*|claude-\*):(?: .*)?)$", r"\1\2", text, flags=re.MULTILINE)


def test_it_is_valid_and_disabled_without_any_key() -> None:
    assert loaded(TEXT).diagnostics == ()
    config = config_of(TEXT)
    assert not config.packycode.enabled
    assert not any(provider.enabled for provider in config.tppc.providers)


def test_what_is_commented_out_is_the_default() -> None:
    switched_on = config_of(uncommented(TEXT))
    assert msgspec.structs.replace(switched_on, packycode=Config().packycode, tppc=Config().tppc) == Config()
    effort = Defaults(model_reasoning_effort="high")  # absent it is for some models alone
    packycode = config_of(TEXT).packycode
    assert switched_on.packycode == msgspec.structs.replace(packycode, defaults=effort)


def test_it_names_every_key() -> None:
    """Sections and fields alike, so the file is the reference at hand."""
    names = set(re.findall(r"^[\s#-]*([a-z][a-z0-9-]*):", TEXT, flags=re.MULTILINE))
    assert set(fields(Config)) <= names
    for section in (field.shape.section for field in fields(Config).values()):
        assert set(fields(section)) <= names if section else True


def test_the_schema_beside_the_docs_is_the_generated_one() -> None:
    path = re.match(r"# yaml-language-server: \$schema=(\S+)\n", TEXT)
    assert path is not None, "the first line names the schema for editors"
    assert json.loads((ROOT / path[1]).read_text()) == json_schema(), "run: make docs"


def test_the_schema_describes_what_it_lists() -> None:
    node = json_schema()["properties"]
    assert isinstance(node, dict)
    assert node["port"]["default"] == 8317
    assert "Restart needed." in node["port"]["description"]
    models = node["tppc"]["properties"]["providers"]["items"]["properties"]["models"]
    words, listed = models["anyOf"]
    assert (words, models["default"]) == ({"enum": ["discover", "seed"]}, "discover")
    assert listed["items"]["anyOf"][1]["required"] == ["name"]
