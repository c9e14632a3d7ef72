"""The API of the provider store over real HTTP: a daemon, SQLite and PostgreSQL, and traffic to a simulated upstream.

``test_9_N_…`` are the scenarios of part 9 of the seed (004), ``test_case_N_…`` the pinned cases of the reference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from daemon.simulate.ledger import fingerprint
from tests.dialects import CHAT, events, streamed_text
from tests.e2e.test_store_pipeline import PLANTED, hand, models, settings
from tests.harness import Daemon, Simulator, daemon, provider, simulator, tppcd, wait_for
from tests.managing import KEY

MASK = "********"


@pytest.fixture
def gateway(url: str) -> Iterator[Daemon]:
    with a_gateway(url) as running:
        yield running


@contextmanager
def a_gateway(url: str, *providers: dict[str, object]) -> Iterator[Daemon]:
    with daemon(settings(url, *providers, remote_management={"secret-key": KEY})) as running:
        yield running


def api(gateway: Daemon, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    content: dict[str, Any] = {} if body is None else {"json": body}
    if isinstance(body, str):
        content, headers = {"content": body}, {"content-type": "application/json", **headers}
    headers = {"x-management-key": KEY, **headers}
    return gateway.http.request(method, f"{gateway.url}/api/v1{path}", headers=headers, **content)


def fields(name: str, upstream: Simulator | str, **changes: object) -> dict[str, object]:
    """The body of a provider with one model of its own."""
    base_url = upstream if isinstance(upstream, str) else f"{upstream.url}/v1"
    given = {"name": name, "type": "openai", "base_url": base_url, "api_key": PLANTED, "models": [f"model-of-{name}"]}
    return given | changes


def create(gateway: Daemon, name: str, upstream: Simulator | str, **changes: object) -> dict[str, Any]:
    response = api(gateway, "POST", "/providers", fields(name, upstream, **changes))
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    assert PLANTED not in response.text
    return body


def chat(gateway: Daemon, name: str, **body: object) -> httpx.Response:
    """One answer of the provider's own model."""
    return gateway.post(CHAT.path, CHAT.request("hello", **{"model": f"model-of-{name}", **body}))


def state(gateway: Daemon) -> dict[str, tuple[bool, str | None]]:
    """Name -> (is running, error)."""
    listed = api(gateway, "GET", "/providers").json()["providers"]
    return {each["provider"]["name"]: (each["is_running"], each["error"]) for each in listed}


def test_9_1_an_openai_provider_is_created_and_asked_for(gateway: Daemon, upstream: Simulator) -> None:
    created = create(gateway, "fox", upstream)
    assert (created["type"], created["api_key"], created["is_running"]) == ("openai", MASK, True)
    assert api(gateway, "GET", "/providers/fox").json() == created
    assert state(gateway) == {"fox": (True, None)}
    assert "model-of-fox" in models(gateway)
    answer = chat(gateway, "fox")
    assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "fox")
    assert upstream.requests[-1]["key"] == fingerprint(PLANTED)
    assert PLANTED not in gateway.log


def test_9_2_a_vllm_provider_without_a_key_is_created_and_asked_for(gateway: Daemon, upstream: Simulator) -> None:
    created = create(gateway, "llama", upstream, type="vllm", api_key=None)
    assert (created["type"], created["api_key"], created["is_running"]) == ("vllm", None, True)
    assert chat(gateway, "llama").status_code == 200
    assert upstream.requests[-1]["key"] == ""


def test_9_3_one_provider_that_cannot_be_initialised_stops_nobody(url: str, upstream: Simulator) -> None:
    with a_gateway(url) as gateway, hand(url, gateway) as store:
        refused = api(gateway, "POST", "/providers", fields("fox", upstream, type="carrier-pigeon"))
        assert (refused.status_code, refused.json()["details"][0]["path"]) == (400, "type")
        create(gateway, "fox", upstream)
        create(gateway, "wolf", upstream)
        gateway.stop()
        store.sql("UPDATE providers SET type = 'carrier-pigeon' WHERE name = 'wolf'")
        with daemon(None, home=gateway.home) as again:
            again.wait_log(r"providers\.wolf: type: unknown provider type")
            running, error = state(again)["wolf"]
            assert (running, "unknown provider type" in str(error)) == (False, True)
            assert state(again)["fox"] == (True, None)
            assert chat(again, "fox").status_code == 200
            assert api(again, "PUT", "/providers/wolf", {"type": "openai"}).json()["is_running"]
            assert chat(again, "wolf").status_code == 200


def test_9_4_the_registry_is_read_while_it_is_written(gateway: Daemon, upstream: Simulator) -> None:
    create(gateway, "fox", upstream)
    with traffic(gateway, lambda: chat(gateway, "fox").status_code == 200):
        for number in range(8):
            create(gateway, f"wolf-{number}", upstream)
            assert chat(gateway, f"wolf-{number}").status_code == 200
            assert state(gateway)[f"wolf-{number}"] == (True, None)
            assert api(gateway, "PUT", f"/providers/wolf-{number}", {"timeout": 5}).status_code == 200
            assert api(gateway, "DELETE", f"/providers/wolf-{number}").status_code == 204
            assert chat(gateway, f"wolf-{number}").status_code in (404, 503)  # 503: no provider is left


def test_9_5_the_timeout_is_300_seconds_and_ends_what_is_silent(gateway: Daemon, upstream: Simulator) -> None:
    assert create(gateway, "fox", upstream)["timeout"] == 300.0
    assert api(gateway, "PUT", "/providers/fox", {"timeout": 1}).json()["timeout"] == 1.0
    upstream.fail("stall_head")
    assert chat(gateway, "fox").status_code == 504
    upstream.control(delay_ms=70)  # a stream that flows is not ended, however long it takes
    with gateway.stream(CHAT.path, CHAT.request("hello " * 20, model="model-of-fox", stream=True)) as response:
        seen = list(events(response))
    upstream.reset()
    assert seen[-1] == {"type": "[DONE]"}


def test_9_6_one_provider_is_reloaded(url: str, gateway: Daemon, upstream: Simulator) -> None:
    create(gateway, "fox", "http://127.0.0.1:9/v1")
    with hand(url, gateway) as store:
        store.sql(f"UPDATE providers SET base_url = '{upstream.url}' WHERE name = 'fox'")
        reloaded = api(gateway, "POST", "/admin/providers/fox/reload")
        assert (reloaded.status_code, reloaded.json()["provider"]) == (200, "fox")
        assert chat(gateway, "fox").status_code == 200
        assert api(gateway, "POST", "/admin/providers/nobody/reload").status_code == 404


def test_9_7_all_providers_are_reloaded(url: str, gateway: Daemon, upstream: Simulator) -> None:
    for name in ("fox", "wolf"):
        create(gateway, name, "http://127.0.0.1:9/v1")
    with hand(url, gateway) as store:
        store.sql(f"UPDATE providers SET base_url = '{upstream.url}'")
        assert api(gateway, "POST", "/admin/providers/reload").status_code == 200
        assert [chat(gateway, name).status_code for name in ("fox", "wolf")] == [200, 200]


def test_9_8_a_reload_that_fails_keeps_the_old_instance_serving(url: str, gateway: Daemon, upstream: Simulator) -> None:
    create(gateway, "fox", upstream)
    with hand(url, gateway) as store, traffic(gateway, lambda: chat(gateway, "fox").status_code == 200):
        store.sql("UPDATE providers SET base_url = 'ftp://nowhere', type = 'carrier-pigeon' WHERE name = 'fox'")
        failed = api(gateway, "POST", "/admin/providers/fox/reload")
        assert (failed.status_code, failed.json().keys()) == (500, {"error", "details"})
        assert "unknown provider type" in failed.json()["details"]
        assert chat(gateway, "fox").headers["x-tppcd-provider"] == "fox"
        running, error = state(gateway)["fox"]
        assert (running, bool(error)) == (True, True)
        assert gateway.health()["status"] == "degraded"
        fixed = {"type": "openai", "base_url": f"{upstream.url}/v1"}
        assert api(gateway, "PUT", "/providers/fox", fixed).json()["error"] is None
        assert api(gateway, "POST", "/admin/providers/fox/reload").status_code == 200
        assert gateway.health()["status"] == "ok"


def test_9_9_fifty_reloads_at_once_while_requests_run(gateway: Daemon, upstream: Simulator) -> None:
    """Case 192: none fails, of the reloads and of the requests."""
    create(gateway, "fox", upstream)
    paths = [f"/admin/providers{'/fox' if number % 2 else ''}/reload" for number in range(50)]
    with traffic(gateway, lambda: chat(gateway, "fox").status_code == 200), ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda path: api(gateway, "POST", path).status_code, paths))
    assert statuses == [200] * 50


@pytest.mark.parametrize(
    "base, path",
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/api/paas/v4", "/api/paas/v4/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/openai/v1", "/openai/v1/chat/completions"),
    ],
)
@pytest.mark.parametrize("url", [""], ids=["sqlite"])
def test_case_188_the_path_is_appended_once(gateway: Daemon, upstream: Simulator, base: str, path: str) -> None:
    create(gateway, "fox", upstream.url + base)
    assert chat(gateway, "fox").status_code == 200
    assert upstream.requests[-1]["path"] == path


def test_case_189_what_a_request_says_beats_extra_config(gateway: Daemon, upstream: Simulator) -> None:
    extra = {"temperature": 0.25, "top_p": 0.5, "max_tokens": 77}
    create(gateway, "fox", upstream, type="vllm", api_key=None, extra_config=extra)
    assert chat(gateway, "fox", temperature=0.75).status_code == 200
    sent = upstream.requests[-1]
    assert (sent["body"]["temperature"], sent["body"]["top_p"], sent["key"]) == (0.75, 0.5, "")
    assert 77 in (sent["body"].get("max_tokens"), sent["body"].get("max_completion_tokens"))
    assert chat(gateway, "fox").status_code == 200
    assert upstream.requests[-1]["body"]["temperature"] == 0.25


def test_case_190_what_the_upstream_says_and_where_a_stream_ends(gateway: Daemon, upstream: Simulator) -> None:
    create(gateway, "fox", upstream)
    upstream.fail("unauthorized")
    refused = chat(gateway, "fox")
    assert refused.status_code == 401
    assert "key" in refused.json()["error"]["message"].lower()
    upstream.fail("bad_gateway")
    page = chat(gateway, "fox")
    assert page.status_code == 502
    assert "502" in page.json()["error"]["message"]
    with gateway.stream(CHAT.path, CHAT.request("hello", model="model-of-fox", stream=True)) as response:
        seen = list(events(response))
    assert streamed_text(CHAT, seen)
    assert seen[-1] == {"type": "[DONE]"}
    upstream.control(delay_ms=100)
    with gateway.stream(CHAT.path, CHAT.request("hello " * 100, model="model-of-fox", stream=True)) as response:
        next(events(response))
    wait_for(lambda: upstream.requests[-1]["outcome"] == "aborted", "the upstream's stream to be given up")
    upstream.reset()


def test_case_191_create_get_list_update_switch_and_delete(
    gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    create(gateway, "fox", upstream)
    assert api(gateway, "POST", "/providers", fields("FOX", upstream)).status_code == 409
    for change in ({"type": "carrier-pigeon"}, {"timeout": 0}, {"timeout": "soon"}):
        assert api(gateway, "POST", "/providers", fields("wolf", upstream, **change)).status_code == 400
    assert api(gateway, "POST", "/providers", "{bad").status_code == 400
    create(gateway, "wolf", upstream, enabled=False)
    assert state(gateway) == {"fox": (True, None), "wolf": (False, None)}
    assert chat(gateway, "wolf").status_code == 404
    for query, names in (("true", ["fox"]), ("false", ["wolf"])):
        listed = api(gateway, "GET", f"/providers?enabled={query}").json()["providers"]
        assert [each["provider"]["name"] for each in listed] == names
    assert api(gateway, "GET", "/providers?enabled=perhaps").status_code == 400
    assert api(gateway, "PUT", "/providers/fox", {"base_url": other_upstream.url}).status_code == 200
    assert chat(gateway, "fox").status_code == 200
    assert other_upstream.requests[-1]["key"] == fingerprint(PLANTED)
    for path, status in (("enable", 200), ("enable", 200), ("disable", 404), ("disable", 404)):
        assert api(gateway, "POST", f"/providers/wolf/{path}").status_code == 200
        assert chat(gateway, "wolf").status_code == status
    assert [api(gateway, "DELETE", "/providers/fox").status_code for _ in range(2)] == [204, 404]
    nobody = chat(gateway, "fox")
    assert (nobody.status_code, "wolf" in nobody.text) == (503, True)  # no provider is in service
    assert "model-of-fox" not in models(gateway)


def test_case_192_one_is_broken_and_the_others_are_replaced(
    url: str, gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    for name in ("fox", "wolf", "lynx"):
        create(gateway, name, upstream)
    with hand(url, gateway) as store:
        store.sql("UPDATE providers SET type = 'carrier-pigeon' WHERE name = 'fox'")
        store.sql(f"UPDATE providers SET base_url = '{other_upstream.url}' WHERE name = 'wolf'")
        store.sql("DELETE FROM providers WHERE name = 'lynx'")
        assert api(gateway, "POST", "/admin/providers/reload").status_code == 500
        assert [chat(gateway, name).status_code for name in ("fox", "wolf", "lynx")] == [200, 200, 404]
        assert other_upstream.requests[-1]["model"] == "model-of-wolf"
        assert state(gateway).keys() == {"fox", "wolf"}


def test_case_193_what_goes_on_to_the_next_provider(gateway: Daemon, upstream: Simulator) -> None:
    shared = {"models": ["model-of-all"]}
    create(gateway, "refused", "http://127.0.0.1:9/v1", **shared)
    create(gateway, "unknown", "http://no-such-host.invalid/v1", **shared)
    create(gateway, "fox", upstream, **shared)
    for _ in range(3):
        answer = chat(gateway, "all")
        assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "fox")
    upstream.fail("context_length")
    assert chat(gateway, "all").status_code == 400


@pytest.mark.parametrize("fault", ["server_error", "unavailable", "rate_limit", "not_found"])
def test_case_193_fallback_models_are_asked_in_order(gateway: Daemon, upstream: Simulator, fault: str) -> None:
    create(gateway, "fox", upstream, fallback_models=["second", "third"])
    upstream.fail(fault, fault)
    assert chat(gateway, "fox").status_code == 200
    assert [each["model"] for each in upstream.requests] == ["model-of-fox", "second", "third"]


@pytest.mark.parametrize("fault", ["unauthorized", "context_length"])
@pytest.mark.parametrize("url", [""], ids=["sqlite"])
def test_case_193_other_refusals_go_no_further(gateway: Daemon, upstream: Simulator, fault: str) -> None:
    create(gateway, "fox", upstream, fallback_models=["second"])
    upstream.fail(fault)
    assert chat(gateway, "fox").status_code in (400, 401)
    assert [each["model"] for each in upstream.requests] == ["model-of-fox"]


def test_a_name_of_config_yaml_is_taken(url: str, upstream: Simulator) -> None:
    with a_gateway(url, provider("fox", upstream)) as gateway:
        taken = api(gateway, "POST", "/providers", fields("FOX", upstream))
        assert (taken.status_code, taken.json()["error"]) == (409, "name_taken")
        assert "config.yaml" in taken.json()["message"]


def test_a_url_that_was_set_remotely_leads_to_public_networks_on_every_daemon(url: str, upstream: Simulator) -> None:
    with a_gateway(url) as gateway, hand(url, gateway) as store:
        create(gateway, "fox", upstream)
        store.sql("UPDATE providers SET set_by = 'remote', row_version = row_version + 1")  # as another daemon does
        assert api(gateway, "POST", "/admin/providers/reload").status_code == 200
        assert chat(gateway, "fox").status_code != 200
        assert upstream.requests == []


def test_the_store_outlives_the_daemon_and_shows_no_key(url: str, upstream: Simulator) -> None:
    with a_gateway(url) as gateway:
        create(gateway, "fox", upstream)
        gateway.stop(9)
        with daemon(None, home=gateway.home) as again:
            assert chat(again, "fox").status_code == 200
            for path in ("/api/v1/providers", "/v0/management/auths", "/v0/management/providers", "/metrics"):
                assert PLANTED not in again.get(path, headers={"x-management-key": KEY}).text
            assert PLANTED not in again.log
            assert PLANTED.encode() not in b"".join(
                each.read_bytes() for each in again.state_directory.rglob("*") if each.is_file()
            )


def test_the_commands_manage_the_store_of_a_running_daemon(url: str, upstream: Simulator) -> None:
    with simulator("--key", "good-key") as strict, a_gateway(url) as gateway:
        env = {"GOOD_KEY": "good-key"}

        def command(*arguments: str) -> tuple[int, str]:
            done = tppcd("provider", *arguments, home=gateway.home, env=env)
            return done.returncode, done.stdout + done.stderr

        add = ("add", "fox", "--type", "openai", "--url", f"{strict.url}/v1", "--models", "model-of-fox", "--key")
        code, said = command(*add, "bad-planted-key")
        assert (code, "refuses the key" in said, "bad-planted-key" in said) == (1, True, False)
        code, said = command(*add, "good-key")
        assert (code, said) == (0, f"running   fox  openai  {strict.url}/v1\n")
        assert chat(gateway, "fox").status_code == 200
        assert command("list") == (0, said)
        assert "api_key: ********" in command("show", "fox")[1]
        assert command("update", "fox", "--timeout", "7")[0] == 0
        assert command("disable", "fox")[1].startswith("disabled  fox")
        assert command("enable", "fox")[1].startswith("running   fox")
        assert command("reload", "fox") == (0, "provider reloaded\n")
        assert command("reload") == (0, "all providers reloaded\n")
        rekeyed = tppcd("store", "rekey", "--config", str(gateway.config), home=gateway.home)
        assert (rekeyed.returncode, rekeyed.stdout) == (0, "1 key encrypted again\n"), rekeyed.stderr
        assert command("reload", "fox")[0] == 0
        assert chat(gateway, "fox").status_code == 200
        assert command("remove", "fox") == (0, "removed fox\n")
        assert command("show", "fox")[0] == 1


@contextmanager
def traffic(gateway: Daemon, ask: Callable[[], bool]) -> Iterator[None]:
    """Requests from four clients as long as the block lasts; none may fail, and there were some."""
    stop, good, bad = threading.Event(), [0], [0]

    def client() -> None:
        while not stop.is_set():
            (good if ask() else bad)[0] += 1

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client) for _ in range(4)]
        try:
            yield
            wait_for(lambda: good[0] >= 20, "some requests")
        finally:
            stop.set()
        for each in clients:
            each.result()
    assert (bad[0], good[0] >= 20) == (0, True)


def test_changes_of_the_store_are_in_the_history_and_are_not_rolled_back(url: str, upstream: Simulator) -> None:
    """Back to an older config.yaml leaves the rows as they are, those that were written since, too."""
    headers = {"x-management-key": KEY}

    def history(gateway: Daemon) -> list[tuple[int, str, bool]]:
        listed = gateway.get("/v0/management/history", headers=headers).json()["history"]
        return [(each["generation"], each["source"], each["in-force"]) for each in listed]

    def back(gateway: Daemon, generation: int) -> httpx.Response:
        return gateway.post("/v0/management/rollback", {"generation": generation}, headers=headers)

    with a_gateway(url) as gateway:
        first = gateway.health()["generation"]
        create(gateway, "fox", upstream)
        body = {
            "name": "file",
            "enabled": True,
            "base-url": f"{upstream.url}/v1",
            "wire-api": "chat",
            "api-key": "k-of-file",
        }
        path = "/v0/management/tppc/providers?skip-check=1"
        assert gateway.post(path, body, headers=headers).status_code == 200
        assert api(gateway, "PUT", "/providers/fox", {"timeout": 7}).status_code == 200
        assert history(gateway) == [
            (first + 3, "store", True),
            (first + 2, "config.yaml", False),
            (first + 1, "store", False),
            (first, "config.yaml", False),
        ]
        refused = back(gateway, first + 1)
        assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
        assert "not rolled back" in refused.json()["message"]
        assert back(gateway, first).status_code == 200
        assert gateway.health()["generation"] == first + 4
        row = api(gateway, "GET", "/providers/fox").json()
        assert (row["timeout"], state(gateway)["fox"]) == (7, (True, None))
        assert chat(gateway, "fox").status_code == 200
        assert "file" not in {
            each["name"] for each in gateway.get("/v0/management/providers", headers=headers).json()["providers"]
        }
        before = history(gateway)
        gateway.stop()
        with daemon(None, home=gateway.home) as again:
            assert history(again) == before
            again.stop()
