"""What others build on, collected from the code: ``tests/surface.json`` keeps it, ``test_surface`` compares.

Where a table or a struct lists it, that is read; the rest is read from the source, as the literals passed for
a parameter of a known name (a diagnostic's ``code``, an event's ``kind``), wherever the function is defined.
So moving or renaming modules and functions changes nothing here; changing a word that scripts, dashboards or
clients know does.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import BaseRoute, Mount, Route

from daemon import cli
from daemon.api import app
from daemon.api.inference.entry import ENTRIES, entry
from daemon.api.management.openapi import PREFIX, STORE_PREFIX, described
from daemon.api.management.operations import OPERATIONS
from daemon.api.management.routes import routes as management_routes
from daemon.cli import exit_codes
from daemon.errors import ErrorKind
from daemon.telemetry import metric_table, metrics
from tests.api.world import World
from tests.wires.documented_fields import reported

ROOT = Path(__file__).resolve().parents[1] / "daemon"
LOSSES = ROOT.parent / "docs/reference/losses.md"
WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LOSS = re.compile(r"[\w.\[\]{}-]+", re.ASCII)
HEADER = re.compile(r"(x-(?!gzip)|anthropic-(?=beta|version)|openai-(?=beta))[a-z0-9-]+")
HEADERS = {
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
}
HEADERS |= {"etag", "if-match", "if-none-match", "last-event-id", "location", "originator", "request-id", "retry-after"}
HEADERS |= {"retry-after-ms", "session-id", "session_id", "thread-id", "upgrade", "user-agent", "www-authenticate"}

Surface = dict[str, list[str]]


def collected() -> Surface:
    """Kind of surface -> its entries, sorted."""
    return {name: sorted(set(collect())) for name, collect in COLLECTORS.items()}


def metric_names() -> Iterator[str]:
    for metric in metric_table.TABLE:
        yield f"{metric.name} {metric.kind}"
        yield from (f"{metric.name} le={edge}" for edge in metric.buckets)


def metric_labels() -> Iterator[str]:
    for metric in metric_table.TABLE:
        yield from (f"{metric.name} {label}" for label in metric.labels)


def metric_label_values() -> Iterator[str]:
    """The values of the labels whose values are ours, read from an exposition."""
    numbers = metrics.Metrics()
    numbers.auths([metrics.AuthNumbers(id="any", name="any", state="ready")])
    kinds = ("input", "output", "cached", "cache_write", "reasoning")
    usage: Any = SimpleNamespace(**{f"{kind}_tokens": 1 for kind in kinds})
    for name in entries():
        numbers.request_started()
        numbers.request_finished(name, "any", 200, 0.1, 0.2, usage, model="any")
    for family in text_string_to_metric_families(numbers.exposition().decode()):
        for sample in family.samples:
            for label in ("state", "kind", "entry") + (("result",) if "reloads" in sample.name else ()):
                if label in sample.labels and sample.name.startswith("tppcd_") and not sample.name.endswith("_created"):
                    yield f"{family.name} {label}={sample.labels[label]}"
    yield from (f"tppcd_credential_attempts result={result}" for result in ("ok", *ErrorKind))


def entries() -> set[str]:
    """The entries as log and metrics name them."""
    return {wire.name for wire in ENTRIES.values()}


def log_fields() -> Iterator[str]:
    """What is bound to a log line, the fields of a request's line, and those that every JSON line has."""
    for tree in trees():
        for call in calls(tree, "bind"):
            yield from (keyword.arg for keyword in call.keywords if keyword.arg)
        for function in functions(tree):
            if "total_ms" in constants(function):  # the one line of a finished request
                yield from (f"request {key}" for key in keys_written(function))
            if function.name == "__call__" and {"logger", "level", "exception"} <= set(constants(function)):
                yield from (f"json {key}" for key in keys_written(function))


def event_kinds() -> Iterator[str]:
    yield from passed_for("kind", beside={"message", "line"})
    yield from (value for name, value in module_constants() if name == "DROPPED")


def event_fields() -> Iterator[str]:
    """Keyword arguments of what publishes events."""
    for call, position in wrapped("kind", beside={"message", "line"}):
        fields = [keyword.arg for keyword in call.keywords if keyword.arg not in (None, "level")]
        for kind in (text for value in call.args[position:][:1] for text in texts(value)):
            yield from (f"{kind} {field}" for field in fields)


def diagnostic_codes() -> Iterator[str]:
    yield from passed_for("code", beside={"message", "hint"})


def error_codes() -> Iterator[str]:
    """The ``code`` words of our own refusals to clients, and the management API's ``error`` words."""
    for tree in trees():
        for call in calls(tree, "LocalError"):
            yield from (word for keyword in call.keywords if keyword.arg == "code" for word in constants(keyword.value))
        for call in calls(tree, "invalid"):  # (message, param, code): the OpenAI entries' own way to say it
            code = [*call.args[2:3], *(keyword.value for keyword in call.keywords if keyword.arg == "code")]
            yield from (word for value in code for word in constants(value))
        for call in calls(tree, "Problem"):
            yield from (
                word for keyword in call.keywords if keyword.arg == "error" for word in constants(keyword.value)
            )
    yield from (f"kind {kind}" for kind in ErrorKind)


def options() -> Iterator[str]:
    """Every command with its options and arguments, their choices and defaults."""
    for name in cli.COMMANDS:
        adder = argparse.ArgumentParser(prog="tppcd").add_subparsers()
        importlib.import_module(f"daemon.cli.{cli.module_of(name)}").add_parser(adder)
        yield name
        yield from actions(name, adder.choices[name])


def actions(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner, each in action.choices.items():
                yield from actions(f"{name} {inner}", each)
        elif action.dest != "help":
            spelled = "/".join(action.option_strings) or action.metavar or action.dest
            flag = " flag" if action.nargs == 0 else ""
            # One line per choice: another one takes nothing away.
            yield from (f"{name} {spelled}{choice}{flag}" for choice in _choices(action))


def _choices(action: argparse.Action) -> list[str]:
    return [f" {choice}" for choice in action.choices] if action.choices else [""]


def routes() -> Iterator[str]:
    services = World().services
    yield from routed("", app.routes(services, lambda: 0.0, app.InferenceEntry(entry, services)))
    for prefix in (PREFIX, STORE_PREFIX):
        yield from routed(prefix, management_routes(services, prefix))
    for operation in OPERATIONS:
        where = f"{operation.method.upper()} {operation.prefix}{operation.path}"
        yield from (f"{where} {each.where}:{each.name}" for each in operation.parameters)
        yield from (f"{where} -> {status}" for status in operation.responses)


def routed(prefix: str, table: Sequence[BaseRoute]) -> Iterator[str]:
    for route in table:
        if isinstance(route, Route):
            yield from (f"{method} {prefix}{route.path}" for method in route.methods or ("*",))
        else:
            assert isinstance(route, Mount)


def response_fields() -> Iterator[str]:
    """Every field of every struct that the management API answers with, its type as in openapi.json."""
    document: Any = described(OPERATIONS)
    for name, schema in document["components"]["schemas"].items():
        for field, type_ in schema.get("properties", {}).items():
            told = {key: value for key, value in type_.items() if key != "description"}
            optional = "" if field in schema.get("required", ()) else "?"
            yield f"{name}.{field}{optional} {msgspec.json.encode(told, order='sorted').decode()}"
    for tree in trees():
        for function in functions(tree):
            if function.name in ("hello", "health", "ready"):
                yield from (f"{function.name} {key}" for key in keys_written(function))


def loss_names() -> Iterator[str]:
    """Whatever is added to something called ``lost``: texts, f-strings as ``tools.{}.format``, and the texts
    of the tables of the same module that are named there. Then the plain names that the page of losses lists,
    as long as the code knows the word, or a client's field of that name is reported."""
    known = {text for tree in trees() for text in constants(tree)} | reported()
    rows = re.findall(r"^\| (`.*?) \|", LOSSES.read_text("utf-8"), re.M)
    yield from (name for row in rows for name in re.findall(r"`([a-z_]+)`", row) if name in known)
    for tree in trees():
        tables = {
            target.id: node.value
            for node in tree.body
            for target in assigned(node)
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        }
        for value in lost_values(tree):
            named = [tables[name] for name in names(value) if name in tables]
            values = [each for table in named for each in (table.values if isinstance(table, ast.Dict) else [table])]
            for expression in (value, *values):
                yield from (text for text in texts(expression) if LOSS.fullmatch(text) and text.strip("{}.[]"))


def lost_values(tree: ast.Module) -> Iterator[ast.expr]:
    for node in walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            gathers = node.func.attr in ("append", "extend") and last_name(node.func.value) == "lost"
            if gathers or node.func.attr == "_lose":
                yield from node.args
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            if any(target.id == "lost" for target in assigned(node)):
                yield node.value
        elif isinstance(node, ast.keyword) and node.arg == "lost":
            yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name in ("answer_losses", "loss_names", "lost", "_lost"):
            yield from (each.value for each in walk(node) if isinstance(each, ast.Yield | ast.Return) and each.value)


def headers() -> Iterator[str]:
    """Every HTTP header that the code names, read or written, toward clients or upstreams."""
    for tree in trees():
        for node in walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
                if text.lower() in HEADERS or HEADER.fullmatch(text.lower()):
                    yield text.lower()


def matched_texts() -> Iterator[str]:
    """Constants that say beneath them by whom they are matched: a client with its version, or the seed system."""
    for tree in trees():
        for node, note in pairwise(tree.body):
            value, beneath = getattr(node, "value", None), getattr(note, "value", None)
            said = str(beneath.value) if isinstance(beneath, ast.Constant) else ""
            if isinstance(value, ast.Constant) and assigned(node) and said.startswith("Matched by "):
                yield str(value.value)


def exit_code_values() -> Iterator[str]:
    yield from (f"{name} {value}" for name, value in vars(exit_codes).items() if name.isupper())


COLLECTORS: dict[str, Callable[[], Iterable[str]]] = {
    "metrics": metric_names,
    "metric labels": metric_labels,
    "metric label values": metric_label_values,
    "log fields": log_fields,
    "event kinds": event_kinds,
    "event fields": event_fields,
    "diagnostic codes": diagnostic_codes,
    "error codes": error_codes,
    "options": options,
    "routes": routes,
    "response fields": response_fields,
    "loss names": loss_names,
    "headers": headers,
    "matched texts": matched_texts,
    "exit codes": exit_code_values,
}


# Reading the source.


@cache
def trees() -> tuple[ast.Module, ...]:
    """Every module of the daemon; the simulated upstream is not part of its surface."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if "simulate" not in path.relative_to(ROOT).parts]
    return tuple(ast.parse(path.read_text("utf-8")) for path in paths)


def walk(tree: ast.AST) -> Iterable[ast.AST]:
    return everything(tree) if isinstance(tree, ast.Module) else ast.walk(tree)


@cache
def everything(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    return (node for node in walk(tree) if isinstance(node, ast.Call) and last_name(node.func) == name)


def last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def names(node: ast.AST) -> set[str]:
    return {each.id for each in walk(node) if isinstance(each, ast.Name)}


def constants(node: ast.AST) -> list[str]:
    return [each.value for each in walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def assigned(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target for target in targets if isinstance(target, ast.Name)]


def module_constants() -> Iterator[tuple[str, str]]:
    for tree in trees():
        for node in tree.body:
            value = getattr(node, "value", None)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield from ((target.id, value.value) for target in assigned(node))


def keys_written(node: ast.AST) -> Iterator[str]:
    """Literal keys of dict displays, and of ``x["key"] = …``."""
    for each in walk(node):
        keys: list[ast.expr | None] = []
        if isinstance(each, ast.Dict):
            keys = each.keys
        elif isinstance(each, ast.Assign):
            keys = [target.slice for target in each.targets if isinstance(target, ast.Subscript)]
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def texts(node: ast.AST) -> Iterator[str]:
    """The texts of an expression; an f-string is one text, with ``{}`` for each value."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}"
            for part in node.values
        )
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def wrapped(parameter: str, *, beside: set[str]) -> Iterator[tuple[ast.Call, int]]:
    """Calls of the functions and classes that take ``parameter`` together with one of ``beside``, and where
    among the arguments it stands. A private function is looked for in its own module only."""
    everywhere = {name: position for tree in trees() for name, position in takers(tree, parameter, beside)}
    for tree in trees():
        here = {name: position for name, position in everywhere.items() if not name.startswith("_")}
        here |= dict(takers(tree, parameter, beside))
        for node in walk(tree):
            if isinstance(node, ast.Call) and last_name(node.func) in here:
                yield node, here[last_name(node.func)]


def takers(tree: ast.Module, parameter: str, beside: set[str]) -> Iterator[tuple[str, int]]:
    """The functions that take ``parameter``, and the classes whose ``__init__`` does: name -> its position."""
    makers = {id(each): node.name for node in walk(tree) if isinstance(node, ast.ClassDef) for each in node.body}
    for function in functions(tree):
        taken = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if parameter in taken and beside & set(taken):
            name = makers[id(function)] if function.name == "__init__" else function.name
            yield name, taken.index(parameter) - (taken[0] == "self")


def passed_for(parameter: str, *, beside: set[str]) -> Iterator[str]:
    """The words that are passed for ``parameter``: by position to a function that takes it, or by name
    beside a message."""
    values = [value for call, position in wrapped(parameter, beside=beside) for value in call.args[position:][:1]]
    for tree in trees():
        for call in (node for node in walk(tree) if isinstance(node, ast.Call)):
            named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            if (
                parameter in named
                and {"message", "path"} & named.keys()
                and {"hint", "severity", "path"} & named.keys()
            ):
                values.append(named[parameter])
    for value in values:
        yield from (text for text in texts(value) if WORD.fullmatch(text.replace("{}", "x")))
