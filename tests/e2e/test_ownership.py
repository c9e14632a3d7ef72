"""What only its maker can read, over real sockets: two Responses upstreams that refuse each other's pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.dialects import MESSAGES, RESPONSES, Dialect, events
from tests.e2e.strict import KEY, StrictUpstream, needs_upstream, strict_upstream
from tests.harness import Daemon, config, daemon

pytestmark = needs_upstream
LOST = "earlier_reasoning"
LIMITED = {"preset": "rate_limit", "headers": {"retry-after": "600"}}


@pytest.fixture(scope="module")
def pair() -> Iterator[dict[str, StrictUpstream]]:
    with strict_upstream("of fox") as fox, strict_upstream("of wolf") as wolf:
        yield {"fox": fox, "wolf": wolf}


@pytest.fixture
def upstreams(pair: dict[str, StrictUpstream]) -> dict[str, StrictUpstream]:
    for each in pair.values():
        each.fail()
    return pair


def providers(pair: dict[str, StrictUpstream], **settings: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "enabled": True, "base-url": f"{each.url}/v1", "api-key": KEY, **settings}
        for name, each in pair.items()
    ]


def text(pair: dict[str, StrictUpstream], *, strategy: str = "round-robin", **settings: Any) -> str:
    """Without session affinity: what keeps a dialogue where it is, is what its provider alone can read. What is left
    out of it on the way to another is not refused as a loss of the translation."""
    shared: dict[str, object] = {
        "routing": {"session-affinity": False, "strategy": strategy},
        "translation": {"strict": True},
    }
    shared["logging"] = {"level": "debug"}
    return config(*providers(pair, **settings), request_retry=0, max_retry_interval=0.5, **shared)


def wolf_first(pair: dict[str, StrictUpstream], **settings: Any) -> str:
    return text({name: pair[name] for name in ("wolf", "fox")}, strategy="fill-first", **settings)


class Talk:
    """A dialogue of a client: ``say`` is one turn, with all earlier ones."""

    def __init__(self, dialect: Dialect, *, stream: bool) -> None:
        self.dialect = dialect
        self.stream = stream
        self.history: list[dict[str, Any]] = []

    def say(self, gateway: Daemon, words: str = "go on", **fields: Any) -> httpx.Response:
        name = "input" if self.dialect is RESPONSES else "messages"
        self.history.append({"role": "user", "content": words})
        body = self.dialect.request("x", stream=self.stream, **fields) | {name: self.history}
        if self.dialect is MESSAGES:
            body |= {"thinking": {"type": "adaptive"}, "max_tokens": 9000}
        with gateway.stream(self.dialect.path, body) as answer:
            if answer.status_code != 200:
                answer.read()
                return answer
            self.history += self._said(answer)
        return answer

    def _said(self, answer: httpx.Response) -> list[dict[str, Any]]:
        if not self.stream:
            whole = (answer.read(), answer.json())[1]
            if self.dialect is RESPONSES:
                return list(whole["output"])
            return [{"role": "assistant", "content": whole["content"]}]
        seen = list(events(answer))
        if self.dialect is RESPONSES:
            assert seen[-1]["type"] == "response.completed", seen[-1]
            return list(seen[-1]["response"]["output"])
        blocks: list[dict[str, Any]] = []
        for event in seen:
            if event["type"] == "content_block_start":
                blocks.append(dict(event["content_block"]))
            elif event["type"] == "content_block_delta":
                delta = {name: value for name, value in event["delta"].items() if name != "type"}
                for name, value in delta.items():
                    blocks[-1][name] = blocks[-1].get(name, "") + value
        return [{"role": "assistant", "content": blocks}]


def seen(answer: httpx.Response) -> tuple[int, str | None, str | None, str | None]:
    """Status, who answered, after how many attempts, and what was lost."""
    names = ("x-tppcd-provider", "x-tppcd-attempts", "x-tppcd-lost")
    provider, attempts, lost = (answer.headers.get(name) for name in names)
    return answer.status_code, provider, attempts, lost


@pytest.mark.parametrize(
    "dialect, stream, fault",
    [
        (RESPONSES, True, "drop_connection"),
        (RESPONSES, False, LIMITED),
        (MESSAGES, True, "server_error"),
        (MESSAGES, False, "invalid_key"),
    ],
    ids=["dies", "rests", "stumbles", "key-refused"],
)
def test_a_dialogue_goes_on_without_its_reasoning_when_its_owner_is_away(
    upstreams: dict[str, StrictUpstream], dialect: Dialect, stream: bool, fault: object
) -> None:
    with daemon(text(upstreams)) as gateway:
        talk = Talk(dialect, stream=stream)
        owner = seen(talk.say(gateway))[1] or ""
        other = "wolf" if owner == "fox" else "fox"
        assert [seen(talk.say(gateway)) for _ in range(2)] == [(200, owner, "1", None)] * 2
        upstreams[owner].fail(*[fault] * 3)
        assert seen(talk.say(gateway)) == (200, other, "2", LOST)
        upstreams[owner].fail()
        assert seen(talk.say(gateway)) == (200, other, "1", LOST), "the latest piece is its"


def test_after_a_restart_a_piece_is_tried_once_and_left_out(upstreams: dict[str, StrictUpstream]) -> None:
    """What went through the hub has its owner in its seal, so nothing is lost of it."""
    passed, sealed = Talk(RESPONSES, stream=True), Talk(MESSAGES, stream=True)
    with daemon(text(upstreams)) as gateway:
        assert seen(passed.say(gateway, model="fox/gpt-5"))[1] == "fox"
        assert seen(sealed.say(gateway, model="fox/gpt-5"))[1] == "fox"
    with daemon(wolf_first(upstreams)) as gateway:
        assert seen(sealed.say(gateway)) == (200, "fox", "1", None)
        assert seen(passed.say(gateway)) == (200, "wolf", "2", LOST), "refused once"
        assert seen(passed.say(gateway)) == (200, "wolf", "1", LOST)
        assert "rests: " not in gateway.log


def test_who_keeps_the_conversation_is_asked_alone(upstreams: dict[str, StrictUpstream]) -> None:
    """``previous_response_id`` cannot be left out: the owner, or words that say what to send instead."""
    settings: dict[str, Any] = {"privacy": {"disable-response-storage": False}}
    said = text(upstreams, **settings)
    with daemon(said) as gateway:
        begun = RESPONSES.request("hello", store=True, model="fox/gpt-5")
        last = gateway.post(RESPONSES.path, begun).json()["id"]

        def go_on(model: str = "gpt-5") -> httpx.Response:
            body = RESPONSES.request("go on", store=True, model=model) | {"previous_response_id": last}
            return gateway.post(RESPONSES.path, body)

        assert [seen(go_on())[:3] for _ in range(4)] == [(200, "fox", "1")] * 4
        gateway.wait_log(r'owner="fox \(previous_response_id\)"')
        gateway.wait_log(r'resting="wolf \(gpt-5\): another provider made the previous_response_id"')
        other = go_on("wolf/gpt-5")
        assert (other.status_code, other.json()["error"]["code"]) == (400, "previous_response_not_found")
        for without in (
            text({"wolf": upstreams["wolf"]}, **settings),
            text(upstreams, **settings | {"api-key": "new"}),
        ):
            gateway.reload(without)
            gone = go_on()
            assert (gone.status_code, gone.json()["error"]["param"]) == (400, "previous_response_id")
            assert "`input`" in gone.json()["error"]["message"]
        gateway.reload(said)
        assert seen(go_on())[:3] == (200, "fox", "1"), "it is there again, and still the owner"
        upstreams["fox"].fail({"preset": "rate_limit", "headers": {"retry-after": "30"}})
        limited = [go_on() for _ in range(2)]
        assert [answer.status_code for answer in limited] == [429, 429]
        assert all(25 <= float(answer.headers["retry-after"]) <= 35 for answer in limited)
    upstreams["fox"].fail()
    with daemon(wolf_first(upstreams, **settings)) as gateway:
        assert [seen(go_on())[:3] for _ in range(3)] == [(200, "fox", "2"), (200, "fox", "1"), (200, "fox", "1")]
        assert "rests: " not in gateway.log, "that wolf does not know it is no failure"
        upstreams["fox"].fail("invalid_key")
        refused = go_on()
        assert refused.status_code == 400
        assert "made by fox, which cannot answer now" in refused.json()["error"]["message"]
