"""The house: locked dependencies, one version, files of a readable size, links that lead somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import daemon

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "constraints.txt").read_text("utf-8")
FILE_LINES, CODEC_LINES, CASE_LINES = 350, 500, 600
"""A codec of a wire is one idea however long its API's grammar is: values in, values out, read from top to bottom.
Parting it sends the reader between files; elsewhere a long file has a second idea."""
FUNCTION_LINES = 60
ELSEWHERE = re.compile(
    r"(?<![\w.~*-])/(?:work/(?:main|shared|\.library)|root/|tmp/w/)|"
    + "|".join((r"pypi\." + "org", "python" + "hosted", r"registry\." + "npmjs"))
)
"""Paths of one machine and hosts of package indexes: neither belongs into a repository."""


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository; in an unpacked archive without git, everything that looks like one."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode == 0:
        files = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    else:
        hidden = (".venv", ".git", "build", "__pycache__")
        files = (path for path in ROOT.rglob("*") if not set(hidden) & set(path.parts))
    return tuple(sorted(path for path in files if path.is_file()))


def texts(*suffixes: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in suffixes]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def locked() -> dict[str, list[str]]:
    """``name==version`` -> its hashes."""
    entries = re.findall(
        r"^([a-z0-9-]+==[^\s;\\]+)[^\\\n]*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.M
    )
    return {pin: re.findall(r"sha256:[0-9a-f]{64}", hashes) for pin, hashes in entries}


def test_every_dependency_is_pinned_with_its_hashes_and_no_address() -> None:
    pinned = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pinned) == len(locked()) > 0, "a line of constraints.txt has no version or no hash: make lock"
    assert all(locked().values())
    assert "://" not in LOCK and "--index" not in LOCK and "--find-links" not in LOCK


def test_what_pyproject_asks_for_is_locked() -> None:
    groups = [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    asked = {re.split(r"[<>=!~\[; ]", requirement)[0].lower() for group in groups for requirement in group}
    assert asked <= {pin.split("==")[0] for pin in locked()}, "run: make lock"


def test_there_is_one_version_and_the_changelog_knows_it() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "daemon.__version__"}
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## {re.escape(daemon.__version__)}\b", changelog, re.M)
    assert changelog.index("## Unreleased") < changelog.index(f"## {daemon.__version__}")


def test_files_and_functions_stay_readable() -> None:
    long = []
    for path in texts(".py"):
        source = path.read_text("utf-8")
        codec = path.is_relative_to(ROOT / "daemon/wires")
        # Tables of cases may be long as well.
        most = CASE_LINES if path.is_relative_to(ROOT / "tests") else CODEC_LINES if codec else FILE_LINES
        if (lines := source.count("\n")) > most:
            long.append(f"{name(path)} has {lines} lines: look for the second idea in it")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{name(path)}: {node.name} has {lines} lines")
    assert long == []


def test_nothing_names_one_machine_or_a_package_index() -> None:
    found = {name(path): ELSEWHERE.findall(path.read_bytes().decode("utf-8", "replace")) for path in tracked()}
    del found[name(Path(__file__))]
    assert {path: named for path, named in found.items() if named} == {}


def test_links_between_pages_lead_somewhere() -> None:
    astray = []
    for path in texts(".md"):
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", prose):
            if "://" in link or link.startswith("mailto:"):
                continue
            page, _, anchor = link.partition("#")
            target = (path.parent / page).resolve() if page else path
            if not target.exists():
                astray.append(f"{name(path)}: {link} leads nowhere")
            elif anchor and anchor not in anchors(target):
                astray.append(f"{name(path)}: {link}: no such heading")
    assert astray == []


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that forges give to headings: lower case, punctuation dropped, spaces to hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings)


PRODUCT = [path for path in texts(".py") if path.is_relative_to(ROOT / "daemon")]
PACKAGES = "|".join(sorted({path.relative_to(ROOT / "daemon").parts[0].removesuffix(".py") for path in PRODUCT}))
NAMED = re.compile(rf"``(?:daemon\.)?((?:{PACKAGES})(?:\.\w+)+)``")
FILES = {"config.yaml", "config.toml"}
"""Names that look like a module of ours and are files."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the daemon by its dotted name below ``daemon``."""
    names = {".".join(path.relative_to(ROOT / "daemon").with_suffix("").parts): path for path in PRODUCT}
    return {each.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for each, path in names.items()}


@cache
def exists(dotted: str) -> bool:
    """Whether ``dotted`` is a module, or something that is defined in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module = modules().get(".".join(parts[:length]))
        if module is not None:
            fields = ("name", "id", "attr", "arg")
            known = {getattr(node, field, None) for node in ast.walk(module) for field in fields}
            return set(parts[length:]) <= known
    return False


def test_modules_that_a_docstring_names_exist() -> None:
    named = {(name(path), each) for path in PRODUCT for each in NAMED.findall(path.read_text("utf-8"))}
    assert {(path, each) for path, each in named if each not in FILES and not exists(each)} == set()


def test_every_page_is_linked_from_another_one() -> None:
    linked = {
        (page.parent / link).resolve()
        for page in texts(".md")
        for link in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", page.read_text("utf-8"))
        if "://" not in link and (page.parent / link).resolve() != page
    }
    assert {name(page) for page in texts(".md") if page not in linked and page.name != "CHANGELOG.md"} == set()


def test_no_public_class_name_is_used_twice() -> None:
    """Simulate is independent on purpose, and the schemas of the wires call things what their APIs call them."""
    found: dict[str, list[str]] = {}
    for module, tree in modules().items():
        if not module.startswith("simulate.") and not (module.startswith("wires.") and module.endswith("schema")):
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found.setdefault(node.name, []).append(module)
    assert {each: where for each, where in found.items() if len(where) > 1} == {}
