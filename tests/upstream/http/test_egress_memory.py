"""What is remembered of hosts set through the API is bounded, and forgetting one frees nobody."""

from __future__ import annotations

import json
from pathlib import Path

from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import GRACE, MOST_LEFT, EgressPolicy


class World:
    """A policy with a clock of its own, which is followed by configurations that mention hosts."""

    def __init__(self, path: Path) -> None:
        self.path, self.now = path, 1000.0
        self.egress = EgressPolicy(path, clock=lambda: self.now)

    def apply(self, *hosts: str) -> None:
        if self.egress.follow(hosts):
            self.egress.forget()

    def saved(self) -> set[str]:
        return set(json.loads(self.path.read_text()))


def test_a_host_that_nothing_mentions_is_forgotten_when_no_request_can_want_it(tmp_path: Path) -> None:
    world = World(tmp_path / "hosts")
    world.egress.note(["fox.example", "wolf.example"], AllowedNetworks.PUBLIC)
    world.apply("Fox.example.", "wolf.example")
    world.apply("fox.example")
    assert world.egress.of("wolf.example") is AllowedNetworks.PUBLIC, "a request that began before may connect"
    world.now += GRACE / 2
    world.apply("fox.example")
    assert world.saved() == {"fox.example", "wolf.example"}
    world.now += GRACE
    world.apply("fox.example")
    assert world.saved() == {"fox.example"}
    assert world.egress.of("wolf.example") is AllowedNetworks.ANYWHERE, "whoever names it now writes it by hand"


def test_a_host_that_is_mentioned_again_stays(tmp_path: Path) -> None:
    world = World(tmp_path / "hosts")
    world.egress.note(["fox.example"], AllowedNetworks.PUBLIC)
    for hosts in ((), ("fox.example",), ()):
        world.apply(*hosts)
        world.now += GRACE * 0.9
    world.apply()
    assert world.saved() == {"fox.example"}


def test_a_flood_of_hosts_is_bounded_and_fails_closed(tmp_path: Path) -> None:
    """Each is set from another host and removed at once. Those that had to go early are still refused what is private,
    as is every host that no configuration mentions, and a hand-written one that it mentions is not."""
    world = World(tmp_path / "hosts")
    for number in range(MOST_LEFT + 50):
        world.now += 1
        world.egress.note([f"h{number}.example"], AllowedNetworks.PUBLIC)
        world.apply(f"h{number}.example", "hand-written.lan")
        world.apply("hand-written.lan")
    assert len(world.saved()) == MOST_LEFT
    assert world.saved() >= {f"h{MOST_LEFT + 49}.example"}
    assert world.egress.refusal("h0.example", ["10.0.0.5"]) == "10.0.0.5 (private)"
    assert world.egress.refusal("hand-written.lan", ["10.0.0.5"]) == ""
    world.now += GRACE + 1
    assert world.egress.of("h0.example") is AllowedNetworks.ANYWHERE


def test_a_file_of_many_hosts_from_before_is_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(json.dumps({f"h{number}.example": "PUBLIC" for number in range(2000)}))
    world = World(path)
    world.apply("h7.example")
    assert len(world.saved()) == MOST_LEFT + 1
    assert "h7.example" in world.saved()
