"""The description of the management API against the routes and their responses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Route

from daemon.api.management.handlers import auths_to_test
from daemon.api.management.openapi import COMMON, PREFIX, STORE_PREFIX, described
from daemon.api.management.operations import OPERATIONS
from daemon.api.management.routes import routes
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.diagnosis import Diagnosis
from tests.api.world import MANAGED, World, snapshot

DOCUMENT: dict[str, Any] = described(OPERATIONS)


def routed() -> set[tuple[str, str]]:
    """Every (method, path) that is routed."""
    pairs = set()
    for prefix in (PREFIX, STORE_PREFIX):
        for route in routes(World(MANAGED).services, prefix):
            assert isinstance(route, Route)
            pairs |= {(method.lower(), prefix + route.path) for method in route.methods or () if method != "HEAD"}
    return pairs


def test_every_operation_has_its_route() -> None:
    assert {(each.method, each.prefix + each.path) for each in OPERATIONS} == routed()


def test_every_operation_says_what_may_go_wrong() -> None:
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            assert {str(status) for status in COMMON} <= operation["responses"].keys()
            named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r"'#/components/schemas/(\w+)'", repr(DOCUMENT)))
    assert references
    assert references <= DOCUMENT["components"]["schemas"].keys()


@pytest.mark.asyncio
async def test_it_is_served_to_whoever_may_manage() -> None:
    response = await World(MANAGED).manage("/openapi.json")
    assert response.json() == DOCUMENT
    assert (await World(MANAGED).get(f"{PREFIX}/openapi.json")).status_code == 401


@pytest.mark.asyncio
async def test_explain_tells_the_route_decision() -> None:
    world = World(MANAGED)
    response = await world.ask("POST", f"{PREFIX}/explain", world.key, body={"model": "fox-gpt"})
    assert response.status_code == 200
    (target,) = response.json()["targets"]
    assert (target["provider"], target["model"], target["translated"]) == ("Fox", "gpt-5", True)
    assert response.json()["rule"] == "exact"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body, status",
    [
        ({"model": "nobody-has-this"}, 404),
        ({}, 400),
        ({"model": 5}, 400),
        ({"model": "a", "entry": "carrier pigeon"}, 400),
        ("{", 400),
        ({"model": "a" * 70_000}, 413),
    ],
)
async def test_explain_refuses_in_words(body: object, status: int) -> None:
    world = World(MANAGED)
    response = await world.ask("POST", f"{PREFIX}/explain", world.key, body=body)
    assert response.status_code == status
    assert response.json()["message"]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/plain"])
async def test_a_form_is_not_taken(kind: str) -> None:
    """Reliability row 99: what a page of any origin can send changes nothing, not even with a key."""
    world = World(MANAGED)
    response = await world.ask("POST", f"{PREFIX}/reload", {**world.key, "content-type": kind})
    assert response.status_code == 415
    assert world.reloads.reasons == ()


@pytest.mark.asyncio
async def test_a_provider_that_does_not_exist_cannot_be_tested() -> None:
    world = World(MANAGED)
    response = await world.ask("POST", f"{PREFIX}/providers/nobody/test", world.key)
    assert response.status_code == 404


@pytest.mark.asyncio
async def test_a_provider_test_shows_no_secret_and_what_is_wrong() -> None:
    world = World(MANAGED.replace("https://wolf.example", "http://user:hidden@127.0.0.1:9/v1?token=hidden"))
    response = await world.ask("POST", f"{PREFIX}/providers/WOLF/test", world.key)
    body = response.json()
    assert (body["provider"], body["ok"], body["checks"][-1]["name"]) == ("wolf", False, "connect")
    assert body["explanation"] == "nothing listens on 127.0.0.1 port 9"
    assert "planted" not in response.text
    assert "hidden" not in response.text


@pytest.mark.parametrize(
    "name, url",
    [
        ("packycode", "https://packy.example/v1/responses?token=hidden"),
        (" FOX ", "https://fox.example/v1/responses"),
        ("wolf", "https://wolf.example/v1/responses"),
    ],
)
def test_a_test_goes_to_the_configured_url_only(name: str, url: str) -> None:
    auths = auths_to_test(name, snapshot(MANAGED))
    assert not isinstance(auths, Diagnosis)
    (auth,) = auths
    assert adapter_of(auth).url(auth.base_url) == url


def test_a_provider_without_an_address_is_told_so() -> None:
    for text, name in (("{}", "packycode"), ("tppc: {providers: [{name: fox}]}", "fox")):
        finding = auths_to_test(name, snapshot(text))
        assert isinstance(finding, Diagnosis)
        assert "no base-url" in finding.explanation
