"""``tppcd init [PRESET]``: a commented config.yaml that is valid as it is, for one provider. Name and key are enough.

    missing, empty or blank file ─▶ written (mode 0600)
    a file with something in it  ─▶ refused; --add puts the provider into it, --force replaces it and keeps a copy

A key is given as a reference, or typed or piped into standard input: then it is saved in a file beside config.yaml that
only its owner can read. A provider whose key or address is not there yet is written, and not enabled.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format
from daemon.cli.config_change import NotChanged
from daemon.cli.config_file import default_path
from daemon.cli.exit_codes import OK
from daemon.cli.init_write import InitFault, Writing
from daemon.cli.output import failed, print_json
from daemon.cli.presets import (
    NOT_NEEDED,
    PACKYCODE,
    PRESETS,
    ChosenPreset,
    Starter,
    file_text,
    packycode_data,
    provider_data,
)
from daemon.cli.terminal import table, terminal
from daemon.config.references import UnresolvedReference
from daemon.sources.references import resolver

STDIN = "-"
REFERENCES = ("env:", "file:", "credential:")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "init",
        help=COMMANDS["init"],
        description="For one provider: its name and its key are enough. Exits 1 if the file exists and is not empty. A "
        "provider whose key is not set yet is written, and not enabled.",
    )
    parser.add_argument(
        "preset",
        metavar="PRESET",
        nargs="?",
        choices=tuple(PRESETS),
        default="packycode",
        help=f"one of: {', '.join(PRESETS)}; default: %(default)s",
    )
    parser.add_argument("--list", action="store_true", help="list the presets, with where their keys usually are")
    parser.add_argument(
        "--key",
        help="env:NAME, file:/path or credential:NAME; - reads the key from standard input and saves it in a file "
        "beside config.yaml (default: the make's usual variable)",
    )
    parser.add_argument("--name", help="the provider's name (default: that of the preset)")
    parser.add_argument("--base-url", metavar="URL", help="another address, or the one that the preset cannot know")
    parser.add_argument(
        "--wire-api", choices=("responses", "chat", "messages"), help="which API of the upstream to use"
    )
    parser.add_argument("--model", help="the model to serve (default: that of the preset)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--print", action="store_true", help="print the file, write nothing")
    how.add_argument("--add", action="store_true", help="put the provider into the file there is, comments kept")
    how.add_argument("--force", action="store_true", help="replace the file there is, and keep it as FILE.bak")
    parser.add_argument("--config", help="the file to write; default: $TPPCD_CONFIG or config.yaml")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 written, 1 not, 2 arguments that do not go together."""
    if arguments.list:
        _print_list(arguments.format)
        return OK
    path = Path(arguments.config or default_path(os.environ))
    try:
        return _init(arguments, path)
    except NotChanged as why:
        for each in why.diagnostics:
            print(each, file=sys.stderr)
        return failed(f"tppcd init: {why}", arguments.format, message=str(why), code=why.code)
    except InitFault as fault:
        return failed(f"tppcd init: {fault}", arguments.format, message=str(fault), code=fault.code)


def _init(arguments: argparse.Namespace, path: Path) -> int:
    typed = arguments.key == STDIN
    if typed and arguments.print:
        raise InitFault("--print writes nothing, so it cannot save a key: name a reference instead of -")
    writing = Writing(path, force=arguments.force, add=arguments.add)
    if not arguments.print:
        writing.may_write()
    preset = PRESETS[arguments.preset]
    name = arguments.name or preset.name
    if arguments.preset == "tppc" and not arguments.name:
        name = "fox"
    key_file = path.with_name(f"{name}.key")
    key = f"file:{key_file.absolute()}" if typed else arguments.key
    secret = _typed_key() if typed else ""
    chosen = chosen_preset(preset, name, arguments, key, os.environ, path.parent, key_is_there=bool(secret))
    writing.must_be_valid(file_text(structs.replace(chosen, lacks="", key=NOT_NEEDED)))
    if arguments.print:
        _print_file(chosen, arguments.format)
        return OK
    with writing.key_file(key_file, secret):
        if arguments.add:
            writing.add(chosen, packycode_data(chosen) if preset.name == PACKYCODE else provider_data(chosen))
        else:
            writing.write(file_text(chosen))
    _print_written(writing, chosen, key_file if secret else None, arguments.format)
    return OK


def chosen_preset(
    preset: Starter,
    name: str,
    arguments: argparse.Namespace,
    key: str | None,
    environ: Mapping[str, str],
    base: Path,
    *,
    key_is_there: bool = False,
) -> ChosenPreset:
    """The preset with the options. Raises InitFault for options that do not fit it."""
    for option in ("name", "wire_api", "model"):
        if preset.name == PACKYCODE and getattr(arguments, option):
            raise InitFault(f"packycode has no --{option.replace('_', '-')}: use the preset codex-relay or tppc")
    if preset.name == "tppc" and arguments.model:
        raise InitFault("tppc has no --model: it serves the built-in names and what the upstream lists")
    wire = arguments.wire_api or next(iter(preset.base_urls))
    url = arguments.base_url or preset.base_urls.get(wire, "")
    if not url:
        known = ", ".join(preset.base_urls)
        raise InitFault(f"{preset.name} is known for {known} only: add --base-url for its {wire} API")
    if key is not None and not key.startswith(REFERENCES):
        raise InitFault(
            "a key on the command line stays in the shell's history: give env:NAME, file:/path or credential:NAME, "
            "or - to type it"
        )
    written = key or (f"env:{preset.variable}" if preset.variable else NOT_NEEDED)
    lacks = ""
    if preset.placeholder and not arguments.base_url:
        lacks = "base-url is yours"
    elif not key_is_there and written != NOT_NEEDED:
        lacks = _missing(written, environ, base)
    return ChosenPreset(
        preset=preset,
        name=name,
        base_url=url,
        wire=wire,
        model=arguments.model or preset.model,
        key=written,
        lacks=lacks,
    )


def _missing(reference: str, environ: Mapping[str, str], base: Path) -> str:
    """What has to be done before the reference can be used here; empty where it can."""
    try:
        found = bool(resolver(environ, base=base)(reference).strip())
    except UnresolvedReference:
        found = False
    scheme, _, name = reference.partition(":")
    what = {"env": f"{name} is set", "file": f"{name} has the key", "credential": f"{name} is passed"}
    return "" if found else what.get(scheme, "the key is there")


def _typed_key() -> str:
    key = (getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key:
        raise InitFault("there is no key on standard input")
    return key


def _print_list(format: str) -> None:
    shown = terminal(sys.stdout, os.environ)
    rows = [(each.name, "/".join(each.base_urls), each.variable or "-", each.title) for each in PRESETS.values()]
    if format == "json":
        keys = ("name", "wire-apis", "key-variable", "title")
        documents = [
            dict(zip(keys, (row[0], row[1].split("/"), row[2].strip("-"), row[3]), strict=True)) for row in rows
        ]
        print_json({"presets": documents})
        return
    head, *lines = table([("PRESET", "WIRE-API", "KEY", "MAKE"), *rows])
    print(shown.paint("bold", "".join(head)))
    for name, *cells in lines:
        print(shown.paint("cyan", name) + "".join(cells))


def _print_file(chosen: ChosenPreset, format: str) -> None:
    if format == "json":
        print_json({"preset": chosen.preset.name, "enabled": not chosen.lacks, "text": file_text(chosen)})
    else:
        print(file_text(chosen), end="")


def _print_written(writing: Writing, chosen: ChosenPreset, key_file: Path | None, format: str) -> None:
    path, copy = writing.path, writing.copy
    if format == "json":
        document: dict[str, object] = {"path": str(path), "written": writing.wrote, "preset": chosen.preset.name}
        document |= {"enabled": not chosen.lacks, "lacks": chosen.lacks or None, "changes": list(writing.changes)}
        document |= {"copy": str(copy) if copy else None, "key-file": str(key_file) if key_file else None}
        print_json(document)
        return
    done = f"wrote {path}" if writing.wrote else f"{path} needs no change"
    print(done + (f"; what was there is kept as {copy}" if copy else ""))
    for line in writing.changes:
        print(f"  {line}")
    if key_file:
        print(f"the key is saved in {key_file}, which only you can read")
    if chosen.lacks.endswith("is set"):
        print(f"next: export {chosen.key.removeprefix('env:')}=…, set enabled: true, and: tppcd check {path}")
    elif chosen.lacks:
        print(f"next: when {chosen.lacks}, set enabled: true, and: tppcd check {path}")
    else:
        print(f"next: tppcd run --config {path}, unless a daemon uses this file already")
