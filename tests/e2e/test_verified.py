"""Keys are checked off the path, at the start and when something changes: what a client and the operator see of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects import messages
from tests.harness import Daemon, Simulator, config, daemon, provider, simulator, tppcd, wait_for
from tests.managing import KEY, ask


@pytest.fixture(scope="module")
def strict() -> Iterator[Simulator]:
    with simulator("--key", "good-key") as running:
        yield running


@pytest.fixture(scope="module")
def public() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


def rows(gateway: Daemon) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in ask(gateway, "GET", "/auths").json()["auths"]}


def checked(gateway: Daemon, name: str) -> dict[str, Any]:
    def once() -> dict[str, Any] | None:
        row = rows(gateway).get(name)
        return row if row and row["verified-at"] else None

    return wait_for(once, f"the check of {name}'s key")


def test_a_wrong_key_is_out_of_service_before_the_first_request(strict: Simulator, public: Simulator) -> None:
    """The others show ``yes`` and ``unknown``; a disabled one and one without a key are not asked."""
    providers = (
        provider("bad", strict, api_key="bad-planted-key"),
        provider("good", strict, api_key="good-key"),
        provider("open", public, api_key="any-key"),
        provider("off", strict, api_key="bad-planted-key") | {"enabled": False},
    )
    with daemon(config(*providers, remote_management={"secret-key": KEY})) as gateway:
        bad, good, anybody = (checked(gateway, name) for name in ("bad", "good", "open"))
        assert (bad["verified"], bad["state"]) == ("no", "cooling")
        assert "invalid_key" in bad["reason"] and bad["until"]
        assert (good["verified"], good["state"], good["reason"]) == ("yes", "ready", None)
        assert (anybody["verified"], anybody["state"]) == ("unknown", "ready")
        assert strict.requests == []  # no paid call
        for _ in range(4):
            assert gateway.post("/v1/messages", messages("hello")).status_code == 200
        line = gateway.wait_log(r".*WARNING.*bad: .*refuses the key.*")[0]
        assert "tppc.providers[0].api-key" in line and "planted" not in line

        gateway.reload(config(*providers, remote_management={"secret-key": KEY}, debug=True))
        assert rows(gateway)["bad"]["verified-at"] == bad["verified-at"]  # not asked again
        assert len(re.findall(r"WARNING.*bad: .*refuses the key", gateway.log)) == 1
        shown = tppcd("status", home=gateway.home).stdout
        assert "key verified: no" in shown and "key verified: yes" in shown


def test_the_right_key_brings_it_back_at_once(strict: Simulator) -> None:
    """A change of the key is a new core auth; a rest that a wrong key began does not reach it."""
    with daemon(
        config(provider("fox", strict, api_key="bad-planted-key"), remote_management={"secret-key": KEY})
    ) as gateway:
        assert checked(gateway, "fox")["verified"] == "no"
        refused = gateway.post("/v1/messages", messages("hello"))
        assert refused.status_code == 401 and refused.headers["x-should-retry"] == "false"
        change = {"providers": [{"name": "fox", "api-key": "good-key"}]}
        assert ask(gateway, "PATCH", "/tppc", change).status_code == 200
        fox = checked(gateway, "fox")
        assert (fox["verified"], fox["state"]) == ("yes", "ready")
        assert gateway.post("/v1/messages", messages("hello")).status_code == 200


def test_the_provider_test_and_doctor_judge_alike(strict: Simulator, public: Simulator) -> None:
    """A public list says nothing about the key, and a test that finds a refused key takes it out of service."""
    providers = (
        provider("bad", strict, api_key="bad-planted-key"),
        provider("good", strict, api_key="good-key"),
        provider("open", public, api_key="any-key"),
    )
    with daemon(config(*providers, remote_management={"secret-key": KEY})) as gateway:
        tests = {name: ask(gateway, "POST", f"/providers/{name}/test").json() for name in ("bad", "good", "open")}
        assert {name: test["verified"] for name, test in tests.items()} == {
            "bad": "no",
            "good": "yes",
            "open": "unknown",
        }
        assert "accepts" in tests["good"]["explanation"]
        assert "accepts" not in tests["open"]["explanation"] and tests["open"]["ok"]
        assert rows(gateway)["bad"]["state"] == "cooling"
        doctor = tppcd("doctor", home=gateway.home).stdout
        assert "provider good: the upstream responds, accepts the key" in doctor
        assert "provider open: the upstream responds and lists" in doctor
        assert "provider bad: the upstream is reached but refuses the key" in doctor
