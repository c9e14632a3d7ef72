"""The adapters that serve: one per core auth, replaced whole, kept where nothing changes, safe for any reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.config.profiles import PROFILES
from daemon.config.schema import Config
from daemon.snapshot.core_auths import CoreAuth, with_profile
from daemon.snapshot.models import registry
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.adapters.openai import OPENAI
from daemon.upstream.adapters.registry import AdapterRegistry, UnknownAdapterType
from tests.gateway.targets import nowhere
from tests.router.auths import core_auth

FOX, WOLF = core_auth("fox", wire="chat"), core_auth("wolf", wire="messages")


def snapshot(*auths: CoreAuth, **settings: Any) -> Snapshot:
    config = Config(**settings)
    return Snapshot(generation=1, revision="0" * 64, config=config, core_auths=auths, models=registry(auths, ()))


def serving(*auths: CoreAuth) -> AdapterRegistry:
    adapters = AdapterRegistry(nowhere)
    adapters.put(adapters.prepare(snapshot(*auths)))
    return adapters


def test_an_adapter_has_its_type_and_its_providers_name() -> None:
    adapters = serving(FOX, WOLF, core_auth("owl", wire="chat", kind="store", type="vllm"))
    named = {(each.type, each.name) for id in adapters.ids() if (each := adapters.get(id))}
    assert named == {("openai", "fox"), ("messages", "wolf"), ("vllm", "owl")}


def test_a_type_can_be_added_but_not_twice_and_an_unknown_one_is_refused_in_words() -> None:
    class Mine(Adapter):
        pass

    adapters = AdapterRegistry(nowhere)
    adapters.register(replace(OPENAI, type="mine"), Mine)
    assert isinstance(adapters.build(core_auth(wire="chat", type="mine")), Mine)
    with pytest.raises(ValueError, match="'mine' is registered already"):
        adapters.register(replace(OPENAI, type="mine"))
    with pytest.raises(UnknownAdapterType, match=r"unknown provider type 'yours' \(known: codex, messages, mine"):
        adapters.build(core_auth(type="yours"))


def test_what_a_snapshot_leaves_as_it_was_keeps_its_adapter() -> None:
    adapters = serving(FOX, WOLF)
    fox, wolf = adapters.of(FOX), adapters.of(WOLF)
    again, changed = replace(FOX), replace(WOLF, priority=7)
    adapters.put(adapters.prepare(snapshot(again, changed)))
    assert adapters.of(again) is fox
    assert adapters.of(changed) is not wolf and adapters.of(changed).auth.priority == 7
    adapters.put(adapters.prepare(snapshot(again, changed, upstream_ca="/ca.pem")))
    assert adapters.of(again) is not fox


def test_a_core_auth_that_is_gone_has_none() -> None:
    adapters = serving(FOX, WOLF)
    adapters.put(adapters.prepare(snapshot(WOLF)))
    assert adapters.get(FOX.id) is None
    assert adapters.ids() == {WOLF.id}


def test_nothing_is_in_force_before_it_is_put() -> None:
    adapters = serving(FOX)
    adapters.prepare(snapshot(WOLF))
    assert adapters.ids() == {FOX.id}


def test_a_request_on_an_older_snapshot_is_served_as_that_one_says() -> None:
    adapters = serving(FOX)
    moved = replace(FOX, headers=(("x-new", "1"),))
    adapters.put(adapters.prepare(snapshot(moved)))
    assert adapters.of(FOX).auth is FOX
    assert adapters.of(WOLF).auth is WOLF, "also where it is gone by now"


def test_one_that_was_replaced_stays_until_its_core_auth_changes() -> None:
    adapters = serving(FOX)
    other = adapters.build(FOX)
    assert adapters.replace(FOX.id, other) is not other
    adapters.put(adapters.prepare(snapshot(replace(FOX))))
    assert adapters.get(FOX.id) is other
    with pytest.raises(LookupError):
        adapters.replace("nobody", other)


VERSIONS = [tuple(core_auth(name, wire="chat", priority=version) for name in ("a", "b", "c")) for version in range(40)]


def in_parts(adapters: AdapterRegistry, auths: Iterable[CoreAuth]) -> list[str]:
    """Core auths whose adapter is not wholly of the version that was asked for."""
    return [auth.id for auth in auths if adapters.of(auth).auth.priority != auth.priority]


def test_an_upstream_that_shows_its_make_is_served_with_that_profile() -> None:
    adapters = serving(FOX, WOLF)
    before = adapters.of(FOX)
    adapters.listed(FOX, {"vllm"})
    shown = adapters.of(FOX).auth
    assert (shown.profile, shown.profile_reason) == ("vllm", "owned_by vllm") == recognised(adapters, FOX)
    assert adapters.of(FOX) is not before
    assert adapters.of(WOLF).auth is WOLF
    again = adapters.of(FOX)
    adapters.listed(FOX, {"vllm"})
    assert adapters.of(FOX) is again


def test_a_recognised_profile_survives_a_reload_but_not_its_core_auth() -> None:
    adapters = serving(FOX)
    adapters.listed(FOX, {"vllm"})
    changed = replace(FOX, priority=7)
    adapters.put(adapters.prepare(snapshot(changed)))
    assert (adapters.of(changed).auth.profile, adapters.of(changed).auth.priority) == ("vllm", 7)
    adapters.put(adapters.prepare(snapshot(WOLF)))
    adapters.put(adapters.prepare(snapshot(FOX)))
    assert adapters.of(FOX).auth.profile == ""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), ("", "")),
        (("server nginx",), ("", "")),
        (("server llama.cpp",), ("llama.cpp", "server llama.cpp")),
        (("server llama.cpp", "owned sglang"), ("sglang", "owned_by sglang")),
        (("owned sglang", "server llama.cpp"), ("sglang", "owned_by sglang")),
        (("owned sglang", "owned vllm"), ("vllm", "owned_by vllm")),
        (("owned sglang", "owned somebody"), ("", "")),
        (("server llama.cpp", "owned somebody"), ("llama.cpp", "server llama.cpp")),
    ],
)
def test_owners_say_more_than_a_header(said: tuple[str, ...], expected: tuple[str, str]) -> None:
    adapters = serving(FOX)
    for each in said:
        way, _, word = each.partition(" ")
        if way == "owned":
            adapters.listed(FOX, {word})
        else:
            adapters.refused(FOX, word)
    assert recognised(adapters, FOX) == expected


@pytest.mark.parametrize(
    "auth",
    [
        core_auth("fox", wire="chat", profile="qwen", profile_reason="configured"),
        core_auth("fox", wire="chat", profile_reason="switched off"),
    ],
)
def test_what_is_configured_is_not_changed_by_what_is_recognised(auth: CoreAuth) -> None:
    adapters = serving(auth)
    adapters.listed(auth, {"vllm"})
    adapters.refused(auth, "llama.cpp")
    assert adapters.of(auth).auth == auth == adapters.recognised(auth)


def test_a_recognised_profile_leaves_out_its_parameters_on_their_wire() -> None:
    """Fireworks refuses ``store`` in a chat; on the Responses wire it is what keeps answers from being stored."""
    fox, wolf = (core_auth("fox", wire=wire, unsupported_parameters=("seed",)) for wire in ("chat", "responses"))
    assert with_profile(fox, PROFILES["fireworks"], "x").unsupported_parameters == ("seed", "store")
    assert with_profile(wolf, PROFILES["fireworks"], "x").unsupported_parameters == ("seed",)


def recognised(adapters: AdapterRegistry, auth: CoreAuth) -> tuple[str, str]:
    shown = adapters.recognised(auth)
    return shown.profile, shown.profile_reason


def test_readers_in_many_threads_see_the_old_adapter_or_the_new_one_and_never_none() -> None:
    adapters, done, begin = serving(*VERSIONS[0]), Event(), Barrier(9)

    def read() -> tuple[int, list[str]]:
        begin.wait()
        reads, wrong = 0, []
        while not done.is_set() or not reads:
            for auths in VERSIONS:
                wrong += in_parts(adapters, auths)
                wrong += [auth.id for auth in auths if adapters.get(auth.id) is None]
                reads += 1
        return reads, wrong

    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(read) for _ in range(8)]
        begin.wait()
        for _ in range(5):
            for auths in VERSIONS:
                adapters.put(adapters.prepare(snapshot(*auths)))
                adapters.replace(auths[0].id, adapters.build(auths[0]))
        done.set()
        results = [reader.result() for reader in readers]
    assert all(reads for reads, _ in results)
    assert [wrong for _, wrong in results if wrong] == []


def test_writers_in_many_threads_lose_nothing_of_each_other() -> None:
    auths = [core_auth(f"p{number}", wire="chat") for number in range(32)]
    adapters = serving(*auths)
    made = {auth.id: adapters.build(auth) for auth in auths}

    def write(auth: CoreAuth) -> None:
        for _ in range(20):
            adapters.replace(auth.id, made[auth.id])
            adapters.register(replace(OPENAI, type=f"{auth.name}-{_}"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, auths))
    assert {auth.id: adapters.get(auth.id) for auth in auths} == made
    for auth in auths:
        adapters.build(replace(auth, type=f"{auth.name}-19"))


@pytest.mark.asyncio
async def test_readers_in_many_tasks_see_the_old_adapter_or_the_new_one() -> None:
    adapters = serving(*VERSIONS[0])
    wrong: list[str] = []

    async def again_and_again(work: Callable[[tuple[CoreAuth, ...]], object]) -> None:
        for auths in VERSIONS:
            work(auths)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(50):
            tasks.create_task(again_and_again(lambda auths: wrong.extend(in_parts(adapters, auths))))
        tasks.create_task(again_and_again(lambda auths: adapters.put(adapters.prepare(snapshot(*auths)))))
    assert wrong == []
