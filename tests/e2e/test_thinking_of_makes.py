"""Two turns with a tool and thinking over each make, and a change of the provider in the middle: no upstream refuses
anything, each gets back what it has made, and what stays behind is reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.dialects import events
from tests.e2e.thinking_makes import SKIP, Make, makes
from tests.harness import Daemon, config, daemon

Json = dict[str, Any]
LOST = "earlier_reasoning"
TOOL = {"type": "object", "properties": {"at": {"type": "string"}}}


class Client:
    """A conversation over one of the daemon's wires, kept as its real clients keep it."""

    def __init__(self, entry: str, *, stream: bool) -> None:
        self.entry = entry
        self.stream = stream
        self.history: list[Json] = []

    def turn(self, gateway: Daemon, make: str) -> list[str]:
        """The user says something, the tool is run once, and the model is done; what each request lost."""
        self.history.append({"role": "user", "content": "look at it"})
        lost = [self.ask(gateway, make)]
        self.history += self.results(self.calls())
        lost.append(self.ask(gateway, make))
        return lost

    def ask(self, gateway: Daemon, make: str) -> str:
        path, body = getattr(self, "_" + self.entry)()
        body |= {"model": f"{make}/m" if make else "m", "stream": self.stream}
        with gateway.stream(path, body) as answer:
            if answer.status_code != 200:
                raise AssertionError(answer.read())
            whole = self.streamed(answer) if self.stream else json.loads(answer.read())
        self.history += {"messages": _message, "chat": _completion, "responses": _output}[self.entry](whole)
        return str(answer.headers.get("x-tppcd-lost", ""))

    def _messages(self) -> tuple[str, Json]:
        tools = [{"name": "look", "input_schema": TOOL}]
        thinking = {"type": "adaptive"}
        return "/v1/messages", {"max_tokens": 9000, "thinking": thinking, "tools": tools, "messages": self.history}

    def _chat(self) -> tuple[str, Json]:
        tools = [{"type": "function", "function": {"name": "look", "parameters": TOOL}}]
        return "/v1/chat/completions", {"tools": tools, "messages": self.history}

    def _responses(self) -> tuple[str, Json]:
        tools = [{"type": "function", "name": "look", "parameters": TOOL, "strict": False}]
        include = ["reasoning.encrypted_content"]
        return "/v1/responses", {"store": False, "include": include, "tools": tools, "input": self.history}

    def calls(self) -> list[str]:
        last = self.history[-1]
        if self.entry == "messages":
            return [block["id"] for block in last["content"] if block["type"] == "tool_use"]
        return [call["id"] for call in last["tool_calls"]] if self.entry == "chat" else [last["call_id"]]

    def results(self, ids: list[str]) -> list[Json]:
        if self.entry == "messages":
            return [
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": each, "content": "a"} for each in ids],
                }
            ]
        if self.entry == "chat":
            return [{"role": "tool", "tool_call_id": each, "content": "a"} for each in ids]
        return [{"type": "function_call_output", "call_id": each, "output": "a"} for each in ids]

    def streamed(self, answer: httpx.Response) -> Json:
        seen = list(events(answer))
        if self.entry == "responses":
            return dict(seen[-1]["response"])
        if self.entry == "chat":
            return {"choices": [{"message": _added_up(seen)}]}
        blocks: list[Json] = []
        for event in seen:
            if event["type"] == "content_block_start":
                blocks.append(dict(event["content_block"]))
            elif event["type"] == "content_block_delta":
                delta = {name: value for name, value in event["delta"].items() if name != "type"}
                for name, value in delta.items():
                    blocks[-1][name] = blocks[-1].get(name, "") + value
        for block in blocks:
            if block["type"] == "tool_use":
                block["input"] = json.loads(block.pop("partial_json"))
        return {"content": blocks}


def _message(whole: Json) -> list[Json]:
    return [{"role": "assistant", "content": whole["content"]}]


def _completion(whole: Json) -> list[Json]:
    """As OpenAI's SDK has it, with all fields that it does not know."""
    message: Json = whole["choices"][0]["message"]
    return [{name: value for name, value in message.items() if value is not None}]


def _output(whole: Json) -> list[Json]:
    output: list[Json] = whole["output"]
    return output


def _added_up(seen: list[Json]) -> Json:
    message: Json = {"role": "assistant"}
    for event in seen:
        for choice in event.get("choices", ()):
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    calls = message.setdefault(name, [])
                    for piece in value:
                        if "id" in piece:
                            calls.append({each: piece[each] for each in piece if each != "index"})
                        else:
                            calls[-1]["function"]["arguments"] += piece["function"]["arguments"]
                elif isinstance(value, str) and name not in ("role", "reasoning_opaque"):
                    message[name] = message.get(name, "") + value
                elif value is not None:
                    message[name] = value
    return message


@pytest.fixture(scope="module")
def all_makes() -> Iterator[dict[str, Make]]:
    with makes() as upstreams:
        yield upstreams


@pytest.fixture(scope="module")
def gateway(all_makes: dict[str, Make]) -> Iterator[Daemon]:
    """Under ``translation.strict``: a conversation that changes its provider is refused nothing."""
    providers = [make.provider() for make in all_makes.values()]
    strict = {"translation": {"strict": True}, "routing": {"session-affinity": False}}
    with daemon(config(*providers, disable_cooling=True, request_retry=0, **strict)) as running:
        yield running


@pytest.fixture
def upstreams(all_makes: dict[str, Make]) -> dict[str, Make]:
    for make in all_makes.values():
        make.bodies, make.refused, make.down = [], [], False
    return all_makes


ENTRIES = ("messages", "responses", "chat")
PAIRS = [
    ("gemini", "deepseek"),
    ("deepseek", "gemini"),
    ("kimi", "plain"),
    ("plain", "gemini"),
    ("plain", "kimi"),
    ("router", "copilot"),
    ("copilot", "router"),
    ("encrypted", "gemini"),
    ("gemini", "encrypted"),
]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_conversation_moves_between_makes(
    gateway: Daemon, upstreams: dict[str, Make], first: str, second: str, entry: str
) -> None:
    client = Client(entry, stream=PAIRS.index((first, second)) % 2 == ENTRIES.index(entry) % 2)
    owner, other = upstreams[first], upstreams[second]
    made = len(owner.made)
    assert LOST not in "".join(client.turn(gateway, first) + client.turn(gateway, first)), "all of it is its own"
    own = owner.made[made:]
    assert owner.returned(owner.bodies[-1]) == own, "and goes back to it"
    made = len(other.made)
    lost = client.turn(gateway, second)
    assert all(LOST in each for each in lost) or carries_text_alone(owner, other, entry), lost
    assert other.returned(other.bodies[-1])[-1] == other.made[made:][-1]
    assert not set(own) & pieces(other.bodies) or carries_text_alone(owner, other, entry)
    lost = client.turn(gateway, first)
    assert owner.returned(owner.bodies[-1])[:2] == own, "its own is still there"
    assert [make.refused for make in upstreams.values()] == [[] for _ in upstreams]


def carries_text_alone(owner: Make, other: Make, entry: str) -> bool:
    """What a client gives back as text passes as it is between its own API's servers."""
    return other.wire == entry == "chat" and owner.name in ("deepseek", "kimi", "plain")


def pieces(bodies: list[Json]) -> set[str]:
    text = json.dumps(bodies)
    return {word for word in text.replace('"', " ").split() if "-piece-" in word}


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_maker_is_asked_first_and_another_one_where_it_is_down(
    gateway: Daemon, upstreams: dict[str, Make], entry: str
) -> None:
    client = Client(entry, stream=True)
    client.turn(gateway, "gemini")
    before = {name: len(make.bodies) for name, make in upstreams.items()}
    assert LOST not in "".join(client.turn(gateway, ""))
    asked = [name for name, make in upstreams.items() if len(make.bodies) > before[name]]
    assert asked == ["gemini"], "what it has made is for it alone"
    upstreams["gemini"].down = True
    assert all(LOST in each for each in client.turn(gateway, "")[:1])
    assert [make.refused for make in upstreams.values()] == [[] for _ in upstreams]


def test_a_make_that_is_not_known_is_asked_again(upstreams: dict[str, Make]) -> None:
    """Without a profile the refusal says what is missing: once, and then it is known."""
    unknown = ("gemini", "plain")
    providers = [upstreams[make].provider(profile="none") for make in unknown] + [upstreams["router"].provider()]
    with daemon(config(*providers, disable_cooling=True, request_retry=0)) as running:
        for make in unknown:
            client = Client("messages", stream=True)
            client.turn(running, "router")
            client.turn(running, make)
    for make, placeholder in zip(unknown, (SKIP, " "), strict=True):
        assert len(upstreams[make].refused) == 1, upstreams[make].refused
        assert upstreams[make].returned(upstreams[make].bodies[-1])[0] == placeholder
