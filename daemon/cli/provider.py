"""``tppcd provider ACTION``: the providers of the store, through the running daemon.

A key is given as a reference, or typed or piped into standard input, so that it stands neither in the shell's history
nor in the list of processes. It is never printed.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, urlencode

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import OK, USAGE
from daemon.cli.output import failed, print_json
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items

ROUTE: Final = "/api/v1/providers"
RELOAD: Final = "/api/v1/admin/providers"
TYPES: Final = ("openai", "vllm", "codex", "messages")
STDIN: Final = "-"
NAMELESS: Final = ("list", "reload")
"""Actions that need no name."""


CHANGES: Final = ("add", "update")
OPTIONS: Final[Mapping[str, tuple[object, tuple[str, ...]]]] = {
    "type": (None, CHANGES),
    "url": (None, CHANGES),
    "key": (None, CHANGES),
    "no_key": (False, ("update",)),
    "rename": (None, ("update",)),
    "timeout": (None, CHANGES),
    "models": (None, CHANGES),
    "fallback_models": (None, CHANGES),
    "extra": (None, CHANGES),
    "disabled": (False, ("add",)),
    "skip_check": (False, CHANGES),
}
"""Option -> its default, and the actions that it is for."""


class UsageFault(Exception):
    """Arguments that do not go together, or a value that cannot be read."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "provider",
        help=COMMANDS["provider"],
        usage="tppcd provider ACTION [NAME] [options]",
        description="A change takes effect at once. `add` needs --type and --url; `update` changes what is given; "
        "`reload` without a name reloads all providers. The options from --type to --skip-check are for `add` and "
        "`update`, --no-key and --rename for `update`, --disabled for `add`.",
    )
    parser.add_argument("action", choices=tuple(ACTIONS), help="what to do")
    parser.add_argument("name", nargs="?", default="", help="the provider's name; not for list")
    parser.add_argument("--type", choices=TYPES, help="which API the upstream has")
    parser.add_argument("--url", help="the upstream's address, e.g. https://host.example/v1")
    parser.add_argument(
        "--key", help="a reference (env:NAME, file:/path, credential:NAME); - reads the key from standard input"
    )
    parser.add_argument("--no-key", action="store_true", help="clear the key")
    parser.add_argument("--rename", metavar="NAME", help="the new name")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="default: 300")
    parser.add_argument("--models", metavar="A,B", help="the models to serve; empty: those that the upstream lists")
    parser.add_argument("--fallback-models", metavar="A,B", help="models to ask next if one fails, in this order")
    parser.add_argument("--extra", metavar="JSON", help="extra_config as a JSON object")
    parser.add_argument("--disabled", action="store_true", help="add it, but do not serve it yet")
    parser.add_argument("--skip-check", action="store_true", help="save the key without asking the upstream")
    add_socket(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 done, 1 refused or no daemon, 2 arguments that do not go together."""
    try:
        _check_options(arguments)
        method, path, body = ACTIONS[arguments.action](arguments)
        status, response = AdminClient(find_admin_socket(os.environ, arguments.socket)).request(method, path, body)
    except UsageFault as fault:
        return failed(f"tppcd provider: {fault}", "text", code=USAGE)
    except DaemonUnreachable as error:
        return failed(f"tppcd provider: {error}", arguments.format, message=str(error))
    if status >= 300:
        lines = "\n".join(_refused(status, response))
        details = items(response, "details")
        return failed(lines, arguments.format, message=_reason(status, response), details=details)
    if arguments.format == "json":
        print_json(response)
    else:
        print("\n".join(_done(arguments, response)))
    return OK


def _check_options(arguments: argparse.Namespace) -> None:
    """Raises UsageFault for what the action does not take, or lacks."""
    action = arguments.action
    for option, (default, actions) in OPTIONS.items():
        if getattr(arguments, option) != default and action not in actions:
            named = f"--{option.replace('_', '-')}"
            raise UsageFault(f"{action} has no {named}; it belongs to: {', '.join(actions)}")
    if action == "list" and arguments.name:
        raise UsageFault(f"list takes no name; did you mean: tppcd provider show {arguments.name}")
    if not arguments.name and action not in NAMELESS:
        raise UsageFault(f"{action} needs a name")
    if action == "add" and (lacking := [each for each in ("--type", "--url") if not getattr(arguments, each[2:])]):
        raise UsageFault(f"add needs {' and '.join(lacking)}")


Call = tuple[str, str, Json | None]
"""Method, path and body of what is asked."""


def _add(arguments: argparse.Namespace) -> Call:
    body = {"name": arguments.name, **_fields(arguments)}
    if arguments.disabled:
        body["enabled"] = False
    return "POST", ROUTE + _query(arguments), body


def _update(arguments: argparse.Namespace) -> Call:
    body = _fields(arguments)
    if arguments.rename is not None:
        body["name"] = arguments.rename
    if not body:
        raise UsageFault("update needs something to change")
    return "PUT", _path(arguments) + _query(arguments), body


def _reload(arguments: argparse.Namespace) -> Call:
    return "POST", f"{RELOAD}/{_quoted(arguments.name)}/reload" if arguments.name else f"{RELOAD}/reload", None


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace], Call]]] = {
    "add": _add,
    "list": lambda arguments: ("GET", ROUTE, None),
    "show": lambda arguments: ("GET", _path(arguments), None),
    "update": _update,
    "enable": lambda arguments: ("POST", f"{_path(arguments)}/enable", None),
    "disable": lambda arguments: ("POST", f"{_path(arguments)}/disable", None),
    "remove": lambda arguments: ("DELETE", _path(arguments), None),
    "reload": _reload,
}


def _fields(arguments: argparse.Namespace) -> dict[str, object]:
    """What was given, as the fields of the body."""
    given = {"type": arguments.type, "base_url": arguments.url, "timeout": arguments.timeout}
    body: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if arguments.no_key and arguments.key is not None:
        raise UsageFault("--key and --no-key exclude each other")
    if arguments.no_key or arguments.key is not None:
        body["api_key"] = None if arguments.no_key else _key(arguments.key)
    if arguments.models is not None:
        body["models"] = _names(arguments.models) or None
    if arguments.fallback_models is not None:
        body["fallback_models"] = _names(arguments.fallback_models)
    if arguments.extra is not None:
        body["extra_config"] = _object(arguments.extra)
    return body


def _key(given: str) -> str:
    if given != STDIN:
        return given
    key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise UsageFault("there is no key on standard input")
    return key.strip()


def _names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageFault(f"--extra is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageFault("--extra must be a JSON object")
    return value


def _path(arguments: argparse.Namespace) -> str:
    return f"{ROUTE}/{_quoted(arguments.name)}"


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _query(arguments: argparse.Namespace) -> str:
    return "?" + urlencode({"skip-check": 1}) if arguments.skip_check else ""


def _done(arguments: argparse.Namespace, response: Json) -> Iterator[str]:
    match arguments.action:
        case "list":
            yield from (_row(each) for each in items(response, "providers") if isinstance(each, Mapping))
        case "show":
            yield from (f"{name}: {_value(value)}" for name, value in response.items())
        case "reload":
            yield str(response.get("message", "reloaded"))
        case "remove":
            yield f"removed {arguments.name}"
        case _:
            yield _row({"provider": response, **response})


def _row(entry: Json) -> str:
    """``running   fox  openai  https://fox.example/v1``, and what is wrong with it."""
    provider = entry.get("provider")
    fields = provider if isinstance(provider, Mapping) else {}
    state = "running" if entry.get("is_running") else "disabled" if fields.get("enabled") is False else "failed"
    parts = (f"{state:<8}", fields.get("name"), fields.get("type"), fields.get("base_url"), entry.get("error"))
    return "  ".join(str(part) for part in parts if part)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refused(status: int, response: Json) -> Iterator[str]:
    """Each field that is wrong on a line of its own, else the sentence."""
    faults = [each for each in items(response, "details") if isinstance(each, Mapping)]
    for each in faults:
        hint = f" ({each['hint']})" if each.get("hint") else ""
        yield f"{each.get('path')}: {each.get('message')}{hint}"
    if faults:
        yield "tppcd provider: refused; nothing has changed"
        return
    yield f"tppcd provider: {_reason(status, response)}"


def _reason(status: int, response: Json) -> str:
    why = response.get("details") if isinstance(response.get("details"), str) else ""
    reason = response.get("message") or response.get("error") or f"the daemon answered {status}"
    return f"{reason}" + (f": {why}" if why else "")
