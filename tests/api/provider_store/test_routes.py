"""``/api/v1`` on real databases, with a pipeline of the test's own; the daemon as a whole is in ``tests/e2e``."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.world import KEY, World, snapshot
from tests.harness import simulator
from tests.store.postgresql import PostgreSQL
from tests.store.test_service import Node, a_node
from tests.store.world import PLANTED

TEXT = f"""
remote-management:
  secret-key: {KEY}
  allow-remote: true
tppc:
  providers:
    - {{name: owl, enabled: true, base-url: "https://owl.example", api-key: env:OWL_KEY}}
"""
FOX = {"name": "fox", "type": "openai", "base_url": "https://fox.example/v1", "api_key": PLANTED}
MASK = "********"
ELSEWHERE = "203.0.113.9"

pytestmark = pytest.mark.asyncio


class Api:
    """One daemon's API without its traffic; ``node`` is its store."""

    def __init__(self, node: Node, text: str = TEXT) -> None:
        self.node = node
        self.world = World(None)
        self.world.services.current.set(snapshot(text.replace("env:OWL_KEY", "env:FOX_KEY")))
        self.world.services.providers = node.service

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        headers = {**self.world.key, **more.pop("headers", {})}
        return await self.world.ask(method, f"/api/v1{path}", headers, body=body, **more)

    async def create(self, **changes: object) -> httpx.Response:
        """Without asking the upstream, which does not exist."""
        return await self.ask("POST", "/providers?skip-check=1", FOX | changes)


@asynccontextmanager
async def an_api(url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with a_node(url, tmp_path) as node:
        node.file_names = {"owl"}
        yield Api(node)


async def test_a_provider_is_created_shown_changed_and_removed(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        created = await api.create(extra_config={"temperature": 0.5, "headers": {"X-Team": "planted-header"}})
        assert created.status_code == 201
        body = created.json()
        assert (body["name"], body["timeout"], body["enabled"], body["api_key"]) == ("fox", 300.0, True, MASK)
        assert (body["is_running"], body["error"], body["set_by"]) == (True, None, "local")
        shown = await api.ask("GET", "/providers/FOX")
        assert (shown.status_code, shown.json(), shown.headers["etag"]) == (200, body, '"1"')
        changed = await api.ask("PUT", "/providers/fox", {"timeout": 7})
        assert (changed.status_code, changed.json()["timeout"], changed.headers["etag"]) == (200, 7.0, '"2"')
        (entry,) = (await api.ask("GET", "/providers")).json()["providers"]
        assert entry.keys() == {"provider", "is_running", "error"}
        assert (entry["provider"]["name"], entry["is_running"], entry["error"]) == ("fox", True, None)
        assert (await api.ask("DELETE", "/providers/fox")).status_code == 204
        assert (await api.ask("DELETE", "/providers/fox")).status_code == 404
        assert (await api.ask("GET", "/providers/fox")).status_code == 404


async def test_what_was_shown_and_is_sent_back_changes_nothing(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        secret = {"X-Team": "planted-header", "X-Copied": "$X-Copied"}
        extra = {"headers": secret, "courier": {"token": "planted-token", "number": 5}, "top_p": 0.5}
        await api.create(base_url="https://user:hidden@fox.example/v1?token=hidden", extra_config=extra)
        shown = (await api.ask("GET", "/providers/fox")).json()
        assert "planted" not in json.dumps(shown)
        assert "hidden" not in json.dumps(shown)
        assert shown["extra_config"] == {
            "headers": {"X-Team": MASK, "X-Copied": "$X-Copied"},
            "courier": {"token": MASK, "number": 5},
            "top_p": 0.5,
        }
        before = api.node.in_force["fox"]
        assert (await api.ask("PUT", "/providers/fox", shown)).status_code == 200
        after = api.node.in_force["fox"]
        assert (after.base_url, after.headers) == ("https://user:hidden@fox.example/v1?token=hidden", secret)
        assert after.api_keys[0].reveal() == before.api_keys[0].reveal() == PLANTED
        row = (await api.node.service.get("fox")).row
        assert row.extra_config == extra  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change, path",
    [
        ({"base_url": f"https://{MASK}@fox.example/v1"}, "base_url"),
        ({"extra_config": {"headers": {"X-Team": MASK}}}, "extra_config.headers.X-Team"),
        ({"extra_config": {"courier": [MASK]}}, "extra_config.courier[0]"),
    ],
)
async def test_a_mask_that_stands_for_nothing_is_refused(change: dict[str, object], path: str, tmp_path: Path) -> None:
    async with an_api("", tmp_path) as api:
        response = await api.create(**change)
        assert response.status_code == 400
        assert [each["path"] for each in response.json()["details"]] == [path]


async def test_case_191_what_is_wrong_is_named(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        for change, path in (
            ({"type": "carrier-pigeon"}, "type"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": "soon"}, "timeout"),
            ({"base-url": "https://x.example"}, "base-url"),
            ({"models": ["a\0b"]}, "models[0]"),
            ({"extra_config": {"x": "a\0b"}}, "extra_config.x"),
        ):
            response = await api.create(**change)
            assert (response.status_code, response.json()["error"]) == (400, "invalid_provider")
            assert [each["path"] for each in response.json()["details"]] == [path]
        broken = await api.ask("POST", "/providers", "{")
        assert (broken.status_code, broken.json()["error"]) == (400, "invalid_request")
        assert (await api.ask("POST", "/providers", ["no", "object"])).status_code == 400
        assert (await api.ask("GET", "/providers?enabled=perhaps")).status_code == 400
        assert (await api.ask("GET", "/providers?limit=-1")).status_code == 400
        assert (await api.ask("POST", "/providers?skip-check=perhaps", FOX)).status_code == 400
        assert (await api.ask("GET", "/providers/a%00b")).status_code == 404
        assert (await api.ask("GET", "/providers")).json() == {"providers": []}


async def test_case_191_a_name_that_is_taken(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        await api.create()
        for name in ("fox", " FOX ", "owl"):
            again = await api.create(name=name)
            assert (again.status_code, again.json()["error"]) == (409, "name_taken")
        await api.create(name="wolf")
        assert (await api.ask("PUT", "/providers/wolf", {"name": "fox"})).status_code == 409
        assert (await api.ask("PUT", "/providers/wolf", {"name": "owl"})).status_code == 409


async def test_case_191_the_list_is_filtered_and_paged(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        for name in ("fox", "wolf", "lynx"):
            await api.create(name=name, enabled=name != "wolf")

        async def names(query: str) -> list[str]:
            response = await api.ask("GET", f"/providers{query}")
            assert response.status_code == 200
            return [each["provider"]["name"] for each in response.json()["providers"]]

        assert await names("") == ["fox", "wolf", "lynx"]
        assert await names("?enabled=true") == ["fox", "lynx"]
        assert await names("?enabled=false") == ["wolf"]
        assert await names("?limit=2") == ["fox", "wolf"]
        assert await names("?limit=2&after=wolf") == ["lynx"]
        assert (await api.ask("GET", "/providers?after=nobody")).status_code == 404


async def test_enable_and_disable_repeat(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        await api.create()
        for path, running in (("disable", False), ("disable", False), ("enable", True), ("enable", True)):
            response = await api.ask("POST", f"/providers/fox/{path}")
            assert (response.status_code, response.json()["is_running"]) == (200, running)
        assert response.json()["row_version"] == 3
        assert (await api.ask("POST", "/providers/nobody/enable")).status_code == 404


async def test_if_match_is_held_against_the_row_version(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        await api.create()
        stale = {"if-match": '"9"'}
        for method, path in (
            ("PUT", "/providers/fox"),
            ("DELETE", "/providers/fox"),
            ("POST", "/providers/fox/disable"),
            ("POST", "/providers/fox/enable"),
        ):
            body = {"timeout": 5} if method == "PUT" else None
            refused = await api.ask(method, path, body, headers=stale)
            assert (refused.status_code, refused.json()["error"]) == (412, "precondition_failed")
        fresh = await api.ask("PUT", "/providers/fox", {"timeout": 5}, headers={"if-match": 'W/"9", "1"'})
        assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2"')
        assert (await api.ask("DELETE", "/providers/fox", headers={"if-match": "*"})).status_code == 204


async def test_api_key_null_clears_it(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        await api.create(type="vllm")
        assert (await api.ask("PUT", "/providers/fox", {"api_key": MASK})).json()["api_key"] == MASK
        cleared = await api.ask("PUT", "/providers/fox", {"api_key": None})
        assert (cleared.status_code, cleared.json()["api_key"]) == (200, None)
        await api.create(name="wolf")
        needed = await api.ask("PUT", "/providers/wolf", {"api_key": None})
        assert (needed.status_code, needed.json()["details"][0]["path"]) == (400, "api_key")


async def test_case_192_reload_of_one_and_of_all(url: str, tmp_path: Path) -> None:
    async with an_api(url, tmp_path) as api:
        await api.create()
        await api.create(name="wolf")
        one = await api.ask("POST", "/admin/providers/fox/reload")
        assert (one.status_code, one.json()) == (200, {"message": "provider reloaded", "provider": "fox"})
        assert (await api.ask("POST", "/admin/providers/nobody/reload")).status_code == 404
        assert (await api.ask("POST", "/admin/providers/reload")).status_code == 200
        await api.node.sql("UPDATE providers SET type = 'carrier-pigeon' WHERE name = 'fox'")
        old = api.node.in_force["fox"]
        for path, word in (("fox/reload", "failed to reload provider"), ("reload", "failed to reload providers")):
            failed = await api.ask("POST", f"/admin/providers/{path}")
            assert (failed.status_code, failed.json().keys()) == (500, {"error", "details"})
            assert failed.json()["error"] == word
            assert "unknown provider type" in failed.json()["details"]
        assert api.node.in_force["fox"] == old
        broken, good = (await api.ask("GET", "/providers")).json()["providers"]
        assert (broken["is_running"], good["error"]) == (True, None)
        assert "unknown provider type" in broken["error"]
        assert (broken["provider"]["name"], broken["provider"]["type"]) == ("fox", None)
        fixed = await api.ask("PUT", "/providers/fox", {"type": "codex"})
        assert (fixed.status_code, fixed.json()["error"]) == (200, None)


async def test_a_key_is_shown_to_its_upstream_before_it_is_saved(tmp_path: Path) -> None:
    async with an_api("", tmp_path) as api, AsyncExitStack() as stack:
        upstream = stack.enter_context(simulator("--key", "good-key"))
        given = FOX | {"base_url": f"{upstream.url}/v1"}
        refused = await api.ask("POST", "/providers", given)
        assert (refused.status_code, refused.json()["error"]) == (422, "invalid_key")
        assert refused.json()["details"][0]["path"] == "api_key"
        assert PLANTED not in refused.text
        assert (await api.ask("GET", "/providers")).json() == {"providers": []}
        assert (await api.ask("POST", "/providers", given | {"api_key": "good-key"})).status_code == 201
        for key, status in ((PLANTED, 422), (MASK, 200), ("good-key", 200), (None, 400)):
            assert (await api.ask("PUT", "/providers/fox", {"api_key": key})).status_code == status
        assert (await api.ask("PUT", "/providers/fox?skip-check=1", {"api_key": PLANTED})).status_code == 200
        assert upstream.requests == []  # no paid call


async def test_an_upstream_that_cannot_be_reached_refuses_no_key(tmp_path: Path) -> None:
    async with an_api("", tmp_path) as api:
        created = await api.ask("POST", "/providers", FOX | {"base_url": "http://127.0.0.1:9/v1"})
        assert (created.status_code, created.json()["is_running"]) == (201, True)


async def test_a_url_from_another_host_leads_to_the_public_internet(tmp_path: Path) -> None:
    async with an_api("", tmp_path) as api:
        private = FOX | {"base_url": "http://10.0.0.9/v1"}
        refused = await api.ask("POST", "/providers?skip-check=1", private, client=ELSEWHERE)
        assert (refused.status_code, refused.json()["error"]) == (422, "private_upstream")
        assert refused.json()["details"][0]["path"] == "base_url"
        assert (await api.ask("POST", "/providers?skip-check=1", private)).json()["set_by"] == "local"
        same = {"base_url": "http://10.0.0.9/v1", "timeout": 5}  # unchanged: it was set on this host
        assert (await api.ask("PUT", "/providers/fox", same, client=ELSEWHERE)).json()["set_by"] == "local"
        public = await api.ask("PUT", "/providers/fox", {"base_url": "http://1.1.1.1/v1"}, client=ELSEWHERE)
        assert (public.status_code, public.json()["set_by"]) == (200, "remote")
        assert api.world.services.egress.refusal("1.1.1.1", ["10.0.0.9"])
        assert (await api.ask("PUT", "/providers/fox", {"base_url": "http://169.254.169.254"})).status_code == 422


async def test_references_from_another_host_are_those_of_the_file(tmp_path: Path) -> None:
    async with a_node("", tmp_path) as node:
        allowed = tmp_path / "keys"
        allowed.mkdir()
        (allowed / "link").symlink_to("/etc/passwd")
        text = TEXT.replace("  allow-remote: true", f"  allow-remote: true\n  reference-directories: [{allowed}]")
        api = Api(node, text)
        public = {"base_url": "http://1.1.1.1/v1"}

        async def status(reference: str, client: str | None, method: str = "POST", path: str = "/providers") -> int:
            body = (
                FOX | public | {"api_key": reference, "name": reference[-9:].translate({ord(":"): "-", ord("/"): "-"})}
            )
            body = body if method == "POST" else {"api_key": reference}
            response = await api.ask(method, f"{path}?skip-check=1", body, client=client)
            if response.status_code == 403:
                assert response.json()["error"] == "not_settable_remotely"
                assert response.json()["details"][0]["path"] == "api_key"
            return response.status_code

        for reference in (
            "env:HOME",
            "file:/etc/passwd",
            f"file:{allowed}/../x",
            f"file:{allowed}/link",
            "file:keys/a",
        ):
            assert await status(reference, ELSEWHERE) == 403
        assert await status("env:FOX_KEY", ELSEWHERE) == 201
        assert await status(f"file:{allowed}/fox", ELSEWHERE) == 201
        assert await status("env:HOME", "127.0.0.1") == 201
        assert await status("env:HOME", ELSEWHERE, "PUT", "/providers/env-HOME") == 200  # unchanged
        assert await status("env:PATH", None, "PUT", "/providers/env-HOME") == 200  # the admin socket


async def test_without_the_database_reads_go_on_and_writes_are_refused(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("api_away") as url:
        async with an_api(url, tmp_path) as api:
            await api.create()
            await api.create(name="wolf")
            postgresql.stop()
            for method, path in (
                ("POST", "/providers?skip-check=1"),
                ("PUT", "/providers/fox"),
                ("DELETE", "/providers/fox"),
                ("POST", "/providers/fox/disable"),
                ("POST", "/admin/providers/reload"),
            ):
                body = FOX | {"name": "lynx"} if path.endswith("skip-check=1") else {"timeout": 5}
                refused = await api.ask(method, path, None if path.endswith(("disable", "reload")) else body)
                assert (refused.status_code, refused.json()["error"]) == (503, "store_unavailable")
                assert int(refused.headers["retry-after"]) > 0
            listed = (await api.ask("GET", "/providers?after=fox")).json()["providers"]
            assert [(each["provider"]["name"], each["is_running"]) for each in listed] == [("wolf", True)]
            assert (await api.ask("GET", "/providers/fox")).json()["is_running"]
            assert (await api.ask("GET", "/providers/nobody")).status_code == 404
            postgresql.start()
            assert (await api.create(name="lynx")).status_code == 201


async def test_it_is_behind_the_management_key_and_the_lock_out(tmp_path: Path) -> None:
    async with an_api("", tmp_path) as api:
        ask = api.world.ask
        assert (await ask("GET", "/api/v1/providers")).status_code == 401
        assert (await ask("GET", "/api/v1/nothing")).status_code == 401
        assert (await ask("GET", "/api/v1/providers", client=None)).status_code == 200
        headers = {**api.world.key, "host": "evil.example"}
        assert (await ask("GET", "/api/v1/providers", headers)).status_code == 403
        headers = {**api.world.key, "origin": "https://evil.example"}
        assert (await ask("POST", "/api/v1/providers", headers, body=FOX)).status_code == 403
        headers = {**api.world.key, "content-type": "text/plain"}
        assert (await ask("POST", "/api/v1/providers", headers, body="{}")).status_code == 415
        assert (await api.ask("GET", "/providers")).status_code == 200
        for _ in range(5):
            assert (await ask("GET", "/api/v1/providers", {"x-management-key": "wrong"})).status_code == 401
        assert (await api.ask("GET", "/providers")).status_code == 403
        assert (await ask("GET", "/v0/management/providers", api.world.key)).status_code == 403


async def test_a_write_is_an_audit_event(tmp_path: Path) -> None:
    async with an_api("", tmp_path) as api:
        await api.create()
        await api.create()
        events = [(each.kind, each.message) for each in api.world.services.audit.recent(50)]
        assert ("write", "POST /api/v1/providers from 127.0.0.1: done") in events
        (refused,) = [message for kind, message in events if kind == "write-refused"]
        assert refused.startswith("POST /api/v1/providers from 127.0.0.1: refused with 409: the name ")
        assert PLANTED not in repr(events)


async def test_a_daemon_without_a_store_says_so() -> None:
    world = World(TEXT.replace("env:OWL_KEY", "env:FOX_KEY"))
    response = await world.ask("GET", "/api/v1/providers", world.key)
    assert (response.status_code, response.json()["error"]) == (404, "not_found")


async def test_a_key_that_was_typed_as_a_name_is_in_no_event(tmp_path: Path) -> None:
    """Paths and refusals quote names."""
    async with an_api("", tmp_path) as api:
        for method, path in (("PUT", ""), ("POST", "/enable"), ("DELETE", "")):
            await api.ask(method, f"/providers/sk-ant-api03-PLANTEDPLANTED{path}", {} if method == "PUT" else None)
        events = [str(each) for each in api.world.services.audit.recent(50)]
        assert len([each for each in events if "refused with 404" in each]) == 3
        assert not any("PLANTED" in each for each in events)
