"""The estimate is near the tokenizer's count, and neither fetches anything."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import Raw

from daemon.gateway import counting
from daemon.gateway.counting import TokenCounter, estimate
from daemon.inference.blocks import File, Image, ModelRefusal, Opaque, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.request import Message, OpaqueTool, OutputFormat, Request, Tool, WebSearch

PROSE = "The daemon watches one file and serves what it says; a broken file never changes what is served. " * 200
CODE = "def read(path: Path) -> bytes:\n    with path.open('rb') as file:\n        return file.read()\n" * 200
CHINESE = "守护进程监视一个文件并提供其中描述的服务；损坏的文件永远不会改变正在提供的内容。" * 200


def request(*blocks: object, model: str = "gpt-5", **fields: object) -> Request:
    return Request(wire="messages", model=model, messages=(Message("user", blocks),), **fields)  # type: ignore[arg-type]


def only(*blocks: object) -> int:
    """The estimate of these blocks alone."""
    return estimate(request(*blocks)) - estimate(request())


@pytest.mark.asyncio
@pytest.mark.parametrize("text", [PROSE, CODE, CHINESE], ids=["prose", "code", "chinese"])
async def test_the_estimate_is_within_a_third_of_the_count(text: str) -> None:
    counted, source = await TokenCounter().count(request(Text(text)))
    assert source == "estimate"
    assert 0.66 < estimate(request(Text(text))) / counted < 1.5


@pytest.mark.asyncio
async def test_many_counts_at_once_agree_with_one() -> None:
    counter = TokenCounter()
    one, _ = await counter.count(request(Text(PROSE)))
    many = await asyncio.gather(*(counter.count(request(Text(PROSE))) for _ in range(14)))
    assert {tokens for tokens, _ in many} == {one}


@pytest.mark.asyncio
async def test_the_vocabulary_follows_the_model() -> None:
    counter = TokenCounter()
    new = await counter.count(request(Text(CHINESE)))
    assert await counter.count(request(Text(CHINESE), model="claude-sonnet-5")) == new
    assert await counter.count(request(Text(CHINESE), model="gpt-4")) > new


@pytest.mark.asyncio
async def test_special_tokens_in_a_prompt_are_plain_text() -> None:
    counted, _ = await TokenCounter().count(request(Text("<|endoftext|>" * 10)))
    assert counted > 30


@pytest.mark.asyncio
async def test_a_long_text_is_counted_in_pieces() -> None:
    counter = TokenCounter()
    text = PROSE * 20
    counted, _ = await counter.count(request(Text(text)))
    once, _ = await counter.count(request(Text(PROSE)))
    assert abs(counted - once * 20) < counted * 0.01


@pytest.mark.parametrize(
    ("blocks", "tokens"),
    [
        ((Text("x" * 400),), 100),
        ((ModelRefusal("x" * 400),), 100),
        ((Reasoning(parts=("x" * 200, "y" * 200), signature="z" * 4000),), 100),
        ((ToolCall(id="1", name="read", arguments="x" * 396),), 100 + counting.PER_TOOL),
        ((ToolResult(call_id="1", content=(Text("x" * 400),)),), 100 + counting.PER_MESSAGE),
        ((Image(data="A" * 100_000),), counting.IMAGE),
        ((File(data="A" * 100_000, media_type="application/pdf"),), counting.PAGE * 2),
        ((File(text="x" * 400),), 100),
        ((File(url="https://a.example/b.pdf"),), counting.PAGE),
        ((Opaque("messages", Raw(b"x" * 400)),), 100),
        ((Text("é" * 200),), 100),
    ],
)
def test_the_formula(blocks: tuple[object, ...], tokens: int) -> None:
    assert only(*blocks) == tokens


def test_tools_and_schemas_count() -> None:
    tool = Tool(name="read", description="d" * 196, parameters=Raw(b"x" * 200))
    plain = estimate(request())
    assert estimate(request(tools=(tool,))) - plain == 100 + counting.PER_TOOL
    assert estimate(request(tools=(WebSearch(),))) - plain == counting.HOSTED_TOOL
    assert estimate(request(tools=(OpaqueTool("messages", "x", Raw(b"x" * 40)),))) - plain == 10 + counting.PER_TOOL
    schema = OutputFormat(kind="json_schema", schema=Raw(b"x" * 40))
    assert estimate(request(output=schema, system=(Text("x" * 40),))) - plain == 20
