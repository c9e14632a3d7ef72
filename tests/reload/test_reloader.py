"""A running reloader: what the file says, what is in force, what is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.config.diagnostics import Diagnostic
from daemon.reload.outcome import ConfigRefused
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.file import FileSource
from tests.reload.world import (
    BROKEN,
    COMMENTED,
    DISABLED,
    EMPTY,
    GONE,
    GOOD,
    KEY,
    KEYLESS,
    OTHER,
    WRONG,
    ScriptedSource,
    World,
)
from tests.sources.observed import PATIENCE
from tests.sources.saves import WAYS

Said = str | Diagnostic


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("said", "outcomes"),
    [
        pytest.param([GOOD], [(True, 1)], id="the same again"),
        pytest.param([COMMENTED], [(True, 1)], id="only a comment"),
        pytest.param([OTHER, GOOD], [(True, 2), (True, 3)], id="there and back"),
        pytest.param([BROKEN, GOOD], [(False, 1), (True, 1)], id="broken and fixed"),
        pytest.param([WRONG, OTHER], [(False, 1), (True, 2)], id="wrong value, then another"),
        pytest.param([GONE, GONE, GOOD], [(False, 1), (False, 1), (True, 1)], id="gone and back"),
        pytest.param([DISABLED, GOOD], [(True, 2), (True, 3)], id="disabled and enabled"),
        pytest.param(["{}\n", "# nothing\n"], [(True, 2), (False, 2)], id="all defaults, then nothing"),
    ],
)
async def test_outcomes_of_what_the_file_says(
    tmp_path: Path, said: list[Said], outcomes: list[tuple[bool, int]]
) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    seen = []
    async with world.running() as reloader:
        for text in said:
            source.text = text
            outcome = await reloader.reload("test")
            seen.append((outcome.ok, outcome.generation))
            assert outcome.degraded is not outcome.ok
            assert reloader.outcome is outcome
            assert world.current.get().generation == outcome.generation
    assert seen == outcomes
    assert world.ears.reloads == [True, *(ok for ok, _ in outcomes)]


@pytest.mark.asyncio
async def test_a_save_is_applied_without_being_asked_and_reported_line_by_line(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running():
        source.save(OTHER)
        await world.ears.turns(1)
    old, new = "packycode:models:", "packycode:models:"
    assert world.ears.messages("change") == ["packycode.base-url: https://a.example -> https://b.example"]
    assert world.ears.messages("clients") == ["clients: 1 (1 packycode + 0 tppc + 0 store)"] * 2
    first, removed, added = world.ears.messages("registration")
    assert first.startswith("registered ") and f" models for {old}" in first
    gone, there = first.partition(" for ")[2], added.partition(" for ")[2]
    assert removed == f"unregistered {gone}" and gone.endswith(" (provider packycode)")
    assert added.startswith("registered ") and new in added and there != gone
    reported = [message for kind, message, _ in world.ears.events if kind != "diagnostic"]
    assert len(world.lines) == len(reported)
    for line, (_, message, fields) in zip(world.lines, world.ears.events, strict=True):
        assert message in line and f"'generation': {fields['generation']}" in line
    assert world.ears.notified == ["RELOADING", world.ears.notified[-1]]
    assert "generation 2" in world.ears.notified[-1]
    assert [numbers["generation"] for numbers in world.ears.snapshots] == [1, 2]


@pytest.mark.asyncio
async def test_a_broken_file_is_reported_once_per_change_of_state(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        for text in (BROKEN, BROKEN, WRONG, WRONG, GOOD, GOOD, BROKEN):
            source.save(text)
            await world.ears.turns(len(world.ears.reloads))
            await reloader.reload("test")
    refused = [line for line in world.lines if "config refused" in line]
    assert len(refused) == 3
    assert sum("config is good again" in line for line in world.lines) == 1
    assert "config refused" in world.ears.notified[-1]


@pytest.mark.asyncio
async def test_the_same_bytes_again_are_no_reload(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running():
        source.save(GOOD)
        await world.ears.turns(1)
    assert world.ears.reloads == [True]


@pytest.mark.asyncio
async def test_a_warning_stands_as_long_as_what_it_is_about_and_is_reported_once(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    source.mode = 0o644
    world = World(source, tmp_path)
    async with world.running() as reloader:
        for text in (GOOD, OTHER, COMMENTED):
            source.text = text
            outcome = await reloader.reload("test")
            assert [each.code for each in outcome.diagnostics] == ["exposed"]
    assert sum("others can read this file" in line for line in world.lines) == 1


@pytest.mark.asyncio
async def test_the_source_of_the_packycode_settings_is_reported_at_start_and_when_it_changes(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path, environ={"PACKYCODE_API_KEY": KEY})
    async with world.running() as reloader:
        for text in (OTHER, KEYLESS, DISABLED):
            source.text = text
            assert (await reloader.reload("test")).ok
    assert world.ears.messages("source") == [
        "packycode settings from: config.yaml",
        "packycode settings from: mixed (base-url: config.yaml, credentials.openai-api-key: env)",
    ]


@pytest.mark.asyncio
async def test_the_management_views_follow_a_file_that_means_the_same(tmp_path: Path) -> None:
    """A literal key replaced by a reference to the same text: same revision, other ``written``."""
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path, environ={"MY_KEY": KEY})
    async with world.running() as reloader:
        source.text = GOOD.replace(KEY, "env:MY_KEY")
        outcome = await reloader.reload("test")
    written = world.current.get().written["packycode"]
    assert (outcome.ok, outcome.generation, outcome.changes) == (True, 1, ())
    assert isinstance(written, dict) and written["credentials"] == {"openai-api-key": "env:MY_KEY"}


@pytest.mark.asyncio
async def test_no_key_is_reported_anywhere(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    broken = (GOOD.replace("enabled: true", f"enabled: {KEY}"), f"{GOOD}  {KEY}: [", GOOD.replace(KEY, f"[{KEY}"))
    async with world.running() as reloader:
        for text in (OTHER, GOOD.replace(KEY, f"{KEY}-2"), *broken, DISABLED):
            source.text = text
            assert KEY not in str(await reloader.reload("test"))
    assert KEY not in "".join(world.lines)
    assert KEY not in str(world.ears.events) + str(world.ears.notified)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.mark.asyncio
async def test_a_start_on_a_broken_file_serves_the_last_good_copy_loudly(tmp_path: Path) -> None:
    await World(ScriptedSource(GOOD), tmp_path).reloader.start()
    source = ScriptedSource(BROKEN)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        started = reloader.outcome
        assert started is not None and started.diagnostics
        assert (started.ok, started.degraded, started.generation) == (False, True, 1)
        assert world.current.get().config.packycode.base_url == "https://a.example/v1"
        source.text = GOOD
        healed = await reloader.reload("test")
    assert (healed.ok, healed.degraded, healed.generation) == (True, False, 1)
    assert world.ears.reloads == [False, True]
    assert any("last good copy" in line for line in world.lines)


@pytest.mark.asyncio
@pytest.mark.parametrize("said", [BROKEN, WRONG, GONE, KEYLESS])
async def test_a_start_with_neither_is_refused_with_the_diagnostics(tmp_path: Path, said: Said) -> None:
    world = World(ScriptedSource(said), tmp_path)
    with pytest.raises(ConfigRefused) as refused:
        await world.reloader.start()
    assert refused.value.diagnostics
    assert world.current.get_or_none() is None


@pytest.mark.asyncio
async def test_the_copy_of_another_file_is_never_served(tmp_path: Path) -> None:
    await World(ScriptedSource(GOOD), tmp_path, path=Path("other.yaml")).reloader.start()
    with pytest.raises(ConfigRefused):
        await World(ScriptedSource(BROKEN), tmp_path).reloader.start()


KEY_SENTENCE = "credentials.openai-api-key is required when requires-openai-auth=true"
TPPC_KEYLESS = "tppc:\n  providers:\n    - name: fox\n      enabled: true\n      base-url: https://f.example/v1\n"
TPPC_DISABLED = TPPC_KEYLESS.replace("enabled: true", "enabled: false")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("said", "block", "sentence"),
    [
        (KEYLESS, "packycode", KEY_SENTENCE),
        (KEYLESS.replace("enabled: true", "enabled: false"), "packycode", KEY_SENTENCE),
        (EMPTY, "packycode", "base-url is required when packycode.enabled=true"),
        (DISABLED, "packycode", "packycode.enabled: must be configured and enabled, because of --packycode"),
        (GOOD, "tppc", "tppc.providers: must be configured and enabled, because of --tppc"),
        (TPPC_KEYLESS, "tppc", "providers[0].api-key is required when providers[0].enabled=true"),
        (TPPC_DISABLED, "tppc", "providers[0].api-key is required when providers[0].enabled=true"),
        (BROKEN, "packycode", "not valid YAML"),
    ],
)
async def test_a_required_block_must_be_there_enabled_and_valid(
    tmp_path: Path, said: str, block: str, sentence: str
) -> None:
    """… and the last good copy does not stand in for it."""
    await World(ScriptedSource(GOOD), tmp_path).reloader.start()
    with pytest.raises(ConfigRefused, match=sentence.replace("[", r"\[")):
        await World(ScriptedSource(said), tmp_path).reloader.start(frozenset({block}))


@pytest.mark.asyncio
async def test_a_required_block_that_serves_is_no_hindrance(tmp_path: Path) -> None:
    world = World(ScriptedSource(GOOD), tmp_path)
    assert (await world.reloader.start(frozenset({"packycode"}))).generation == 1


@pytest.mark.asyncio
async def test_fifty_callers_share_a_reading(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        before = source.readings
        source.text = OTHER
        outcomes = await asyncio.gather(*(reloader.reload(f"caller {n % 2}") for n in range(50)))
        assert source.readings - before == 1
    assert {outcome.generation for outcome in outcomes} == {2}
    assert outcomes[0].reason == "caller 0, caller 1"


@pytest.mark.asyncio
async def test_a_caller_is_answered_by_a_reading_that_began_after_the_call(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running() as reloader, asyncio.TaskGroup() as tasks:
        source.gate.clear()
        first = tasks.create_task(reloader.reload("first"))
        while source.readings == 1:
            await asyncio.sleep(0)
        source.text = OTHER  # after the first reading began
        second = tasks.create_task(reloader.reload("second"))
        await asyncio.sleep(0)
        source.gate.set()
        assert (await first).generation == 1
        assert (await second).generation == 2


@pytest.mark.asyncio
async def test_an_older_reading_never_replaces_a_newer_one(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        stale = source.update()
        source.text = OTHER
        await reloader.reload("test")
        source.publish_again(stale)
        source.save(DISABLED)
        await world.ears.turns(2)
        assert world.current.get().generation == 3
    assert [line for line in world.ears.messages("change") if "base-url" in line] == [
        "packycode.base-url: https://a.example -> https://b.example",
        "packycode.base-url: https://b.example -> https://a.example",
    ]


@pytest.mark.asyncio
async def test_the_end_answers_who_still_waits(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with asyncio.TaskGroup() as tasks, world.running() as reloader:
        source.gate.clear()
        waiting = [tasks.create_task(reloader.reload("test")) for _ in range(3)]
        while source.readings == 1:
            await asyncio.sleep(0)
        waiting.append(tasks.create_task(reloader.reload("late")))
        await asyncio.sleep(0)
    assert [task.result().ok for task in waiting] == [False] * 4
    assert not (await reloader.reload("after")).ok
    source.gate.set()
    async with world.running() as again:
        assert (await again.reload("once more")).ok


@pytest.mark.asyncio
async def test_a_caller_that_went_away_disturbs_nobody(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await reloader.reload("impatient")
        assert (await reloader.reload("patient")).ok


@pytest.mark.asyncio
async def test_a_prepare_that_fails_changes_nothing_and_the_next_save_heals(tmp_path: Path) -> None:
    broken = [False]

    @asynccontextmanager
    async def applier(old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        if broken[0]:
            raise PermissionError(13, "Permission denied", "tppcd.log")
        yield

    source = ScriptedSource(GOOD)
    world = World(source, tmp_path, appliers=[applier])
    async with world.running() as reloader:
        broken[0], source.text = True, OTHER
        refused = await reloader.reload("test")
        assert (refused.ok, refused.generation, refused.degraded) == (False, 1, True)
        assert "could not be applied: permission denied: tppcd.log" in str(refused.diagnostics[0])
        broken[0] = False
        assert (await reloader.reload("test")).generation == 2


@pytest.mark.asyncio
async def test_a_source_that_fails_is_started_again(tmp_path: Path) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running():
        source.fail(RuntimeError("the watch broke"))
        source.save(OTHER)
        await world.ears.turns(1)
        assert world.current.get().generation == 2
    assert any("the watch of config.yaml failed" in line for line in world.lines)


@pytest.mark.asyncio
async def test_a_reading_that_raises_answers_the_caller_and_the_reloader_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        with monkeypatch.context() as patch:
            patch.setattr(source, "update", lambda: 1 / 0)
            failed = await reloader.reload("test")
        assert not failed.ok and "ZeroDivisionError" in str(failed.diagnostics[0])
        assert (await reloader.reload("test")).ok


@pytest.mark.asyncio
async def test_without_a_lease_a_broken_reading_is_given_a_second_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.reload.reloader.RETRY_S", 0)
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path)
    async with world.running():
        source.settled = False
        source.save(BROKEN)
        source.text = OTHER  # the writer went on
        await world.ears.turns(1)
        assert world.current.get().generation == 2
    assert False not in world.ears.reloads


@pytest.mark.asyncio
async def test_named_files_are_watched_and_stay_so_while_the_file_is_broken(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    source = ScriptedSource(GOOD.replace(KEY, f"file:{key}"))
    world = World(source, tmp_path)
    async with world.running() as reloader:
        assert str(key) in source.watched[-1]
        source.text = BROKEN
        await reloader.reload("test")
        assert str(key) in source.watched[-1]
        source.text = GOOD
        await reloader.reload("test")
        assert str(key) not in source.watched[-1]
        assert world.current.get().generation == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["in_two_writes", "rename_over", "truncate_close_write", "config_map_swap"])
async def test_a_save_of_a_real_file_is_one_generation(tmp_path: Path, name: str) -> None:
    path = tmp_path / "etc" / "config.yaml"
    WAYS[name].prepare(path, GOOD)
    world = World(FileSource(path), tmp_path / "state", path=path)
    async with world.running():
        for generation, text in ((2, OTHER), (3, GOOD)):
            await asyncio.to_thread(WAYS[name].save, path, text)
            async with asyncio.timeout(PATIENCE):
                while world.current.get().generation < generation:
                    await world.ears.heard.wait()
                    world.ears.heard.clear()
    assert [numbers["generation"] for numbers in world.ears.snapshots] == [1, 2, 3]


@pytest.mark.asyncio
async def test_a_rotated_key_file_is_a_new_generation(tmp_path: Path) -> None:
    path, key = tmp_path / "etc" / "config.yaml", tmp_path / "secrets" / "key"
    WAYS["write"].prepare(key, f"{KEY}\n")
    WAYS["write"].prepare(path, GOOD.replace(KEY, f"file:{key}"))
    world = World(FileSource(path), tmp_path / "state", path=path)
    async with world.running():
        before = world.current.get().core_auths[0].client_id
        WAYS["rename_over"].save(key, "sk-rotated-987654321\n")
        async with asyncio.timeout(PATIENCE):
            while world.current.get().generation < 2:
                await world.ears.heard.wait()
                world.ears.heard.clear()
    assert world.current.get().core_auths[0].client_id != before
    assert world.ears.messages("change") == ["packycode.credentials.openai-api-key: updated"]


@pytest.mark.asyncio
async def test_a_changed_file_of_instructions_is_a_new_generation_that_names_no_word_of_it(tmp_path: Path) -> None:
    """The relative path begins beside config.yaml; an empty text keeps the one in force."""
    path, prompt = tmp_path / "etc" / "config.yaml", tmp_path / "etc" / "prompt.md"
    WAYS["write"].prepare(prompt, "You are Codex.\nplanted\n")
    WAYS["write"].prepare(path, f"{GOOD}  instructions: file:prompt.md\n")
    world = World(FileSource(path), tmp_path / "state", path=path)
    async with world.running() as reloader:
        assert world.current.get().core_auths[0].instructions_text == "You are Codex.\nplanted"
        WAYS["rename_over"].save(prompt, "You are Codex, planted anew.\n")
        async with asyncio.timeout(PATIENCE):
            while world.current.get().generation < 2:
                await world.ears.heard.wait()
                world.ears.heard.clear()
        WAYS["rename_over"].save(prompt, "\n")
        await reloader.reload("test")
    assert world.current.get().core_auths[0].instructions_text == "You are Codex, planted anew."
    assert world.ears.messages("change") == ["packycode.instructions: updated"]
