"""A reference that cannot be resolved fails its provider alone; outside of providers it refuses the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import parse
from daemon.reload.outcome import ConfigRefused
from daemon.reload.writing import ConfigWriting, Invalid
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.file import FileSource
from daemon.state.copies import History
from tests.reload.world import GOOD, ScriptedSource, World

FOX = """\
tppc:
  providers:
    - name: Fox
      enabled: true
      base-url: https://fox.example/v1
      api-key: file:fox.key
      headers: {X-Team: one}
"""
BOTH = GOOD + FOX
ANOTHER = BOTH.replace("fox.example", "moved.example").replace("X-Team: one", "X-Team: two")
MISSING = "does not exist"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fox.key"
    path.write_text("sk-planted-fox")
    return path


def serving(world: World) -> dict[str, str]:
    return {auth.name: auth.base_url for auth in world.current.get().core_auths}


@pytest.mark.asyncio
async def test_at_a_start_the_others_serve_and_it_joins_them_once_it_resolves(tmp_path: Path, key: Path) -> None:
    key.unlink()
    source = ScriptedSource(BOTH)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        assert list(serving(world)) == ["packycode"]
        (failed,) = [each for each in world.current.get().providers if each.failed]
        assert (failed.name, failed.enabled) == ("Fox", True)
        outcome = reloader.outcome
        assert outcome is not None
        assert (outcome.ok, outcome.degraded, outcome.failing) == (False, True, ("config:tppc[fox]",))
        (problem,) = outcome.diagnostics
        assert (problem.code, problem.line, MISSING in problem.message) == ("reference", 11, True)
        assert world.ears.reloads == [False]
        assert str(key) in source.watched[-1]
        key.write_text("sk-planted-fox")
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.failing, outcome.generation) == (True, False, (), 2)
        assert list(serving(world)) == ["packycode", "Fox"]
        assert world.ears.reloads[-1] is True


@pytest.mark.asyncio
async def test_at_a_reload_its_last_good_settings_stay_whole_and_the_rest_applies(tmp_path: Path, key: Path) -> None:
    source = ScriptedSource(BOTH)
    world = World(source, tmp_path)
    async with world.running() as reloader:
        before = world.current.get()
        key.unlink()
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.generation) == (False, True, 1)
        assert world.current.get().revision == before.revision
        source.text = ANOTHER.replace("a.example", "b.example")
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.generation) == (False, True, 2)
        assert serving(world) == {"packycode": "https://b.example/v1", "Fox": "https://fox.example/v1"}
        fox = world.current.get().core_auths[1]
        assert (fox, fox.api_key.reveal()) == (before.core_auths[1], "sk-planted-fox")
        await reloader.reload("test")
        assert sum(MISSING in line for line in world.ears.messages("diagnostic")) == 1, "reported once per change"
        assert not any("good again" in line for line in world.ears.messages("reload"))
        key.write_text("sk-planted-new")
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.generation) == (True, False, 3)
        fox = world.current.get().core_auths[1]
        assert (fox.base_url, fox.headers, fox.api_key.reveal()) == (
            "https://moved.example/v1",
            (("X-Team", "two"),),
            "sk-planted-new",
        )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "text",
    [
        "api-keys: [env:UNSET]\n" + GOOD,
        BOTH + "      weight: heavy\n",
        BOTH + "remote-management: {secret-key: env:UNSET}\n",
    ],
)
async def test_any_other_mistake_refuses_the_file(tmp_path: Path, key: Path, text: str) -> None:
    key.unlink()
    with pytest.raises(ConfigRefused):
        await World(ScriptedSource(text), tmp_path).reloader.start()


@pytest.mark.asyncio
async def test_a_required_block_must_resolve(tmp_path: Path, key: Path) -> None:
    key.unlink()
    with pytest.raises(ConfigRefused, match=MISSING):
        await World(ScriptedSource(BOTH), tmp_path).reloader.start(frozenset({"tppc"}))


ADDED = """\
    - name: wolf
      enabled: true
      base-url: https://wolf.example/v1
      api-key: file:wolf.key
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "refused"),
    [
        pytest.param(BOTH, False, id="nothing changes"),
        pytest.param(BOTH.replace("a.example", "b.example"), False, id="another provider"),
        pytest.param("api-keys: [one]\n" + BOTH, False, id="a setting"),
        pytest.param(BOTH.replace("Fox", "fox"), True, id="the provider itself: its name"),
        pytest.param(BOTH + "      weight: 2\n", True, id="the provider itself: another key"),
        pytest.param(BOTH.replace("file:fox.key", "file:other.key"), True, id="the reference"),
        pytest.param(BOTH.replace("file:fox.key", "sk-new"), False, id="a key in place of the reference"),
        pytest.param(BOTH.replace("enabled: true\n      base", "enabled: false\n      base"), False, id="switched off"),
        pytest.param(GOOD, False, id="removed"),
        pytest.param(BOTH + ADDED, True, id="a new provider with a reference of its own"),
        pytest.param(BOTH + ADDED.replace("file:wolf.key", "sk-wolf"), False, id="a new provider that resolves"),
        pytest.param(
            GOOD + "tppc:\n  providers:\n" + ADDED.replace("file:wolf.key", "sk-wolf") + FOX[18:], False, id="moved"
        ),
    ],
)
@pytest.mark.parametrize("served", [True, False])
async def test_a_write_is_refused_only_for_a_reference_in_what_it_changes(
    tmp_path: Path, key: Path, text: str, refused: bool, served: bool
) -> None:
    """``served``: it has last good settings, for its key went away while the daemon ran."""
    path = tmp_path / "config.yaml"
    path.write_text(BOTH)
    if not served:
        key.unlink()
    world = World(FileSource(path), tmp_path / "state", path=path, history=History(tmp_path / "state", path))
    writing = ConfigWriting(path, tmp_path / "state", world.reloader, History(tmp_path / "state", path))
    async with world.running():
        if served:
            key.unlink()
        if refused:
            with pytest.raises(Invalid, match=MISSING):
                await writing.write(lambda _: parse(text.encode(), str(path)), policy=nobody_minds)
            assert path.read_text() == BOTH
        else:
            written = await writing.write(lambda _: parse(text.encode(), str(path)), policy=nobody_minds)
            assert path.read_text() == text
            assert not any("]: removed" in line for line in written.changes) or text == GOOD
            for name, url in serving(world).items():
                assert url in text, name
        if refused or ("file:fox.key" in text and "enabled: false" not in text):
            assert ("Fox" in serving(world)) == served


async def nobody_minds(_: Snapshot) -> tuple[Diagnostic, ...]:
    return ()
