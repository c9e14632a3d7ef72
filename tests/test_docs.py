"""The pages stay true: listed parts match the code, and every YAML block is a configuration that loads."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from starlette.routing import Route

from daemon.api import app
from daemon.api.inference.entry import entry
from daemon.api.management.operations import OPERATIONS
from daemon.cli import COMMANDS
from daemon.config.document import parse
from daemon.config.load import load
from docs import generate
from tests.api.world import World
from tests.surface import log_fields

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
YAML = re.compile(r"^```yaml\n(.*?)^```", re.S | re.M)
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(YAML.findall(page.read_text("utf-8")))
]


@pytest.mark.parametrize("page", generate.files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_listed_in_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text("utf-8") == generate.regenerated(page), "run: make docs"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_yaml_block_loads_without_a_complaint(block: str) -> None:
    fragment = load(parse(block.encode()), resolve=lambda reference: f"resolved-{reference}")
    assert fragment.diagnostics == ()


def test_every_command_that_a_page_shows_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for page in PAGES:
        shell = "\n".join(re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.S | re.M))
        assert set(re.findall(r"^(?:sudo )?make ([a-z0-9-]+)", shell, re.M)) <= targets, page
        assert set(re.findall(r"^\S*tppcd ([a-z]+)", shell, re.M)) <= COMMANDS.keys(), page


def test_the_readme_begins_with_the_two_commands() -> None:
    for name in ("README.md", "README_CN.md"):
        assert "```sh\nmake run\nmake test\n```" in (ROOT / name).read_text("utf-8")


def test_every_field_of_a_request_is_on_the_page_of_the_log() -> None:
    page = (ROOT / "docs/reference/logs.md").read_text("utf-8")
    fields = {field.partition(" ")[2] for field in log_fields() if field.startswith("request ")}
    assert len(fields) > 10
    assert {field for field in fields if f"`{field}`" not in page} == set()


def test_every_route_is_on_the_http_page() -> None:
    page = (ROOT / "docs/reference/http.md").read_text("utf-8")
    services = World().services
    table = app.routes(services, time.monotonic, app.InferenceEntry(entry, services))
    routes = {route.path for route in table if isinstance(route, Route)}
    routes |= {operation.prefix + operation.path for operation in OPERATIONS}
    assert len(routes) > 10
    assert {route for route in routes if route.replace(":path", "") not in page} == set()
