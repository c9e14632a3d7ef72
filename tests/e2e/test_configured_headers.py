"""What goes up beside a request: nothing by which a client or a configuration breaks the connection, or leaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.refusing import RefusingServer, refusing
from tests.harness import Daemon, config, daemon, provider

KEY = {"authorization": "Bearer management-key"}
BODY = {"model": "fox/gpt-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
HEADERS = {"X-Who": "$X-User", "X-Own": "own"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[RefusingServer]:
    with refusing() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream: RefusingServer) -> Iterator[Daemon]:
    """Its base URL has a path in another script, which is sent percent-encoded."""
    fox = provider("fox", f"{upstream.url}/\u6d4b\u8bd5/v1", wire_api="messages", headers=HEADERS)
    wolf = provider("wolf", f"{upstream.url}/v1", wire_api="messages", headers=HEADERS)
    management = {"secret-key": "management-key"}
    with daemon(config(fox, wolf, remote_management=management), env={"HIDDEN": "planted-text"}) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt-5", "fox/gpt-5"])
@pytest.mark.parametrize("value", ["caf\u00e9".encode(), "caf\u00e9".encode("latin-1"), "\u6f22".encode(), b"a\tb"])
def test_a_clients_value_that_cannot_be_sent_fails_no_provider(
    upstream: RefusingServer, gateway: Daemon, value: bytes, model: str, stream: bool
) -> None:
    """Proxies in front put names in UTF-8 into headers; it was booked as a failure of every provider in turn."""
    upstream.headers.clear()
    body = BODY | {"model": model, "stream": stream}
    response = gateway.post("/v1/messages", body, headers={b"x-user": value, b"session_id": value})
    assert (response.status_code, response.headers["x-tppcd-attempts"]) == (200, "1")
    (sent,) = upstream.headers
    assert ("x-who" in sent, sent["x-own"]) == (False, "own")
    auths = gateway.get("/v0/management/auths", headers=KEY).json()["auths"]
    assert [each["state"] for each in auths] == ["ready", "ready"]
    assert not any(each.get("last-error") for each in auths)
    assert 'result="api"' not in gateway.get("/metrics").text


def test_one_that_can_be_sent_is_copied(upstream: RefusingServer, gateway: Daemon) -> None:
    upstream.headers.clear()
    assert gateway.post("/v1/messages", BODY, headers={"x-user": "ann"}).status_code == 200
    assert upstream.headers[0]["x-who"] == "ann"


@pytest.mark.parametrize(
    "headers",
    [{"Content-Length": "5"}, {"transfer_encoding": "chunked"}, {"Host": "evil.example"}, {"TE": "$X-TE"},
     {"X-Auth": "$Authorization"}, {"X-Auth": "$x_api_key"}, {"X-Length": "$Content-Length"}],
)  # fmt: skip
@pytest.mark.parametrize("way", ["patch", "store"])
def test_a_header_that_breaks_or_leaks_is_refused(gateway: Daemon, headers: dict[str, str], way: str) -> None:
    """By the file's API and by the store's, each with the header's place; nothing is written."""
    (name,) = headers
    if way == "patch":
        body: dict[str, object] = {"providers": [{"name": "fox", "headers": headers}]}
        refused = gateway.http.patch(f"{gateway.url}/v0/management/tppc", json=body, headers=KEY)
        assert refused.status_code == 422
    else:
        body = {"name": "owl", "type": "openai", "base_url": "https://owl.example", "api_key": "k1234567"}
        body["extra_config"] = {"headers": headers}
        refused = gateway.post("/api/v1/providers", body, headers=KEY)
        assert refused.status_code == 400
    assert any(f"headers.{name}" in each["path"] for each in refused.json()["details"])


@pytest.mark.parametrize("dry_run", ["", "?dry-run=1"])
@pytest.mark.parametrize("key", ["wire-api", "name", "profile", "priority", "base-url", "proxy-url", "models"])
def test_what_a_reference_stands_for_is_in_no_answer(gateway: Daemon, key: str, dry_run: str) -> None:
    value: object = ["env:HIDDEN"] if key == "models" else "env:HIDDEN"
    entry = {"name": "lynx", "enabled": True, "base-url": "https://lynx.example", "api-key": "k1234567", key: value}
    body = {"providers": [entry]}
    refused = gateway.http.patch(f"{gateway.url}/v0/management/tppc{dry_run}", json=body, headers=KEY)
    assert refused.status_code == 422, refused.text
    assert "planted" not in refused.text + gateway.get("/healthz").text + gateway.get("/metrics").text + gateway.log
