"""What import-linter's contracts in pyproject.toml cannot see of the architecture (docs/explanation/architecture.md).

Which libraries exist at all, one part of a package of the standard library, calls, literals and docstrings. Read from
the source by ``ast``, so an import inside a function or under ``TYPE_CHECKING`` counts like any other.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

HOMES = {
    "alembic": ("store.database", "store.migrations"),
    "psycopg": ("store",),
    "sqlalchemy": ("store",),
    "argon2": ("api", "gateway"),
    "bcrypt": ("api", "gateway"),
    "bpe_openai": ("gateway.counting",),
    "cryptography": ("state.files", "store.encryption", "sources.certificate"),
    "httptools": ("service", "upstream.http.connection"),
    "httpx": ("api", "cli"),
    "loguru": ("",),
    "msgspec": ("",),
    "opentelemetry": ("telemetry.otel",),
    "prometheus_client": ("telemetry.metrics",),
    "python_socks": ("upstream.http.tunnel",),
    "requests": ("telemetry.otel.collector",),
    "starlette": ("api",),
    "uvicorn": ("service", "simulate", "cli.simulate"),
    "uvloop": ("service", "simulate", "cli.simulate", "cli.run"),
    "watchfiles": ("sources.file",),
    "zstandard": ("api.bodies",),
    "yaml": ("config.document", "config.scan"),
}
"""Outside library -> the modules or packages of ours that may know it ("" = any)."""

SHARED = {"failures", "openai"}
"""Folders in ``wires`` that are no wires: what several wires use."""
WIRES = sorted({path.parent.name for path in (ROOT / "daemon/wires").glob("*/__init__.py")} - SHARED)
HEART = {"schema", "errors", "passthrough", "upstream", "stream_decoder", "stream_encoder"}
HEART |= {f"{verb}_{what}" for verb in ("decode", "encode") for what in ("request", "answer", "blocks")}
"""The modules that every wire has, so that two can be read side by side."""
WIRE_NAMES = {"messages", "responses", "chat"}
NAME_WIRES = {
    "store.provider_row": "the types of the contract",
    "config": "the schema's literal and packycode's rule",
    "simulate": "an upstream of its own make",
    "cli": "the words of its options",
    "api.inference.entry": "the route table",
    "api.management.openapi": "the word of OpenAPI",
    "api.problems": "the entry of a path that is none",
    "api.schemas": "the schema's literal, as it is shown",
    "upstream.amendments": "a field of the request",
    "telemetry.otel.names": "the word of the conventions",
    "snapshot.core_auths": "packycode's rule",
    "upstream.adapters": "a type of provider is called like its wire",
}
"""Modules or packages outside ``wires`` with one of these words -> why. Who else asks ``WIRES``."""

CORE = {"inference", "wires", "config", "snapshot", "router"}
"""What opens nothing and asks no clock; which modules of the standard library that leaves out, the contract says."""
CLOCKS = {"now", "utcnow", "today"}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "daemon").rglob("*.py"))
}
INNER = [module for module in MODULES if module.count(".")]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def imports(module: str) -> Iterator[str]:
    """Every imported module, absolute; ``from daemon.x import y`` gives ``daemon.x.y`` where that is a module."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import hides where it leads"
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                yield longer if longer in MODULES else str(node.module)


def package(module: str) -> str:
    return module.split(".")[1]


def within(module: str, homes: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"daemon.{home}.".replace("..", ".")) for home in homes)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Also for types only: two modules that need each other's names are one idea, or a third one is missing."""
    left = {module: {target for target in imports(module) if target in MODULES} for module in MODULES}
    while free := {module for module, targets in left.items() if not targets & left.keys()}:
        left = {module: targets for module, targets in left.items() if module not in free}
    assert left == {}, "in a circle, or above one"


def test_every_outside_library_is_imported_in_its_home_only() -> None:
    for module, target in ((each, target) for each in MODULES for target in imports(each)):
        library = target.split(".")[0]
        if library in sys.stdlib_module_names or library == "daemon":
            continue
        assert library in HOMES, f"{module} imports {library}, which has no home"
        assert within(module, HOMES[library]), f"{module} imports {library}; its home is {HOMES[library]}"


def test_every_wire_is_kept_apart_from_the_others() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    listed = next(contract["modules"] for contract in contracts if contract["id"] == "wires")
    assert sorted(listed) == [f"daemon.wires.{name}" for name in WIRES], "list it in pyproject.toml, contract wires"


def test_every_wire_has_the_same_modules_at_its_heart() -> None:
    for name in WIRES:
        assert {path.stem for path in (ROOT / "daemon/wires" / name).glob("*.py")} >= HEART, name


def test_no_wire_is_named_outside_the_wires() -> None:
    """Let ``Wire`` say what is asked of it."""
    others = [each for each in INNER if package(each) != "wires" and not within(each, tuple(NAME_WIRES))]
    assert [
        f"{module}:{node.lineno}"
        for module in others
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and node.value in WIRE_NAMES
    ] == []


def test_the_core_reads_no_clock_and_opens_nothing() -> None:
    """The contract sees no parts of urllib, and urllib.parse is pure."""
    core = [each for each in INNER if package(each) in CORE]
    assert [each for each in core if "urllib.request" in imports(each)] == []
    for module, node in ((each, node) for each in core for node in ast.walk(tree(each))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "open", f"{module}:{node.lineno} opens a file"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCKS, f"{module}:{node.lineno} reads a clock; time comes in as an argument"


def test_tasks_belong_to_a_task_group_and_the_log_is_configured_once() -> None:
    for module, node in ((each, node) for each in MODULES for node in ast.walk(tree(each))):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        call = f"{node.value.id}.{node.attr}"
        assert call not in ("asyncio.create_task", "asyncio.ensure_future"), f"{module}:{node.lineno}: {call}"
        configures = call in ("logger.add", "logger.remove", "logger.configure")
        assert not configures or module == "daemon.telemetry.logs", f"{module}:{node.lineno}: {call}"


def test_every_module_says_what_it_is() -> None:
    """And how its parts fit."""
    wanted = {module: 60 if path.name == "__init__.py" else 20 for module, path in MODULES.items()}
    short = [module for module in MODULES if len(ast.get_docstring(tree(module)) or "") < wanted[module]]
    assert short == []
