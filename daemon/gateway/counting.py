"""How many tokens a prompt has: a cheap estimate for every request, corrected by experience, and a tokenizer for
``count_tokens``.

**The estimate** never touches the tokenizer: UTF-8 bytes / 4 of all text, schemas and tool input,
plus 4 tokens per message, 8 per tool, and the flat values below for images and documents. English,
code and JSON come within some 20 %; Chinese and Japanese (3 bytes per character, 0.75 tokens by this
formula) too.

**The calibration** corrects it. The estimate knows bytes, not the vendor's tokenizer, nor what it adds around
roles and tools. Upstreams say what a prompt really was; the ratio of the two, over recent requests of one upstream
model and weighted by their size, corrects later estimates. A first request of a few tokens moves it little:
``PRIOR`` tokens of an exact estimate stand at the beginning.

**The count** runs the byte-pair encoder of the ``bpe-openai`` package (MIT), whose vocabularies lie
inside the package, so nothing is fetched. It costs 80 MB and half a second once, at first use, and
3 ms per 80 kB; both in a thread. What surrounds the text on the wire (roles, tool syntax) is the
vendor's secret, so the answer stays an ``estimate``.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import Final, assert_never

from msgspec import Raw

from daemon.inference.blocks import (
    Block,
    File,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.inference.request import AnyTool, OpaqueTool, Request, WebSearch

BYTES_PER_TOKEN = 4
PER_MESSAGE = 4
PER_TOOL = 8
PER_REQUEST = 3
IMAGE = 1200
"""Tokens of an image of middling size; vendors count by tiles or pixels, between 85 and 1,600."""
PAGE = 1500
PAGE_BYTES = 50_000
"""A PDF page's tokens, and how many bytes of a PDF are taken for one page."""
HOSTED_TOOL = 300

MOST_MODELS: Final = 1024
DECAY: Final = 0.9
"""What an observation weighs after the next one: the last ten or so decide."""
PRIOR: Final = 64.0
LEAST, MOST = 0.2, 5.0
"""Bounds of a believable ratio; beyond them an upstream counts something else."""

CountText = Callable[[str], int]

_PIECE = 64 * 1024
"""Characters per call into the encoder, which holds the interpreter for that long (about 3 ms)."""
_OLD_FAMILIES = ("gpt-3.5", "gpt-4-", "text-embedding")
"""Models of the vocabulary before o200k; every gpt-4o, gpt-4.1, gpt-5 and o-model has the new one."""


def estimate(request: Request) -> int:
    """Prompt tokens, by bytes alone (see the module). Under 30 us for a 65 kB request."""
    texts, flat = _measure(request)
    return flat + sum(map(_bytes, texts)) // BYTES_PER_TOKEN


class Calibration:
    """Live state of one daemon, keyed by the upstream's model name; the oldest is forgotten first."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def observe(self, model: str, estimate: int, actual: int) -> None:
        """A prompt that was estimated at ``estimate`` tokens had ``actual`` ones."""
        if estimate <= 0 or not LEAST <= actual / estimate <= MOST:
            return
        estimated, counted = self._sums.pop(model, (PRIOR, PRIOR))
        self._sums[model] = (estimated * DECAY + estimate, counted * DECAY + actual)
        if len(self._sums) > MOST_MODELS:
            del self._sums[next(iter(self._sums))]

    def corrected(self, model: str, estimate: int) -> int | None:
        """The estimate as experience corrects it; None while nothing is known of ``model``."""
        sums = self._sums.get(model)
        return None if sums is None else max(1, round(estimate * sums[1] / sums[0]))


class TokenCounter:
    """Counts prompts with the tokenizer, off the event loop. One per process; safe to share."""

    def __init__(self) -> None:
        self._counters: dict[str, CountText] = {}
        self._loading = asyncio.Lock()

    async def count(self, request: Request) -> tuple[int, str]:
        """(prompt tokens, how they were found: the word for ``x-tppcd-count-source``)."""
        count = await self._counter("cl100k_base" if _is_old(request.model) else "o200k_base")
        texts, flat = _measure(request)
        return flat + await asyncio.to_thread(_count, count, texts), "estimate"

    async def _counter(self, vocabulary: str) -> CountText:
        async with self._loading:  # Claude Code's /context asks 14 times at once: load once
            if vocabulary not in self._counters:
                self._counters[vocabulary] = await asyncio.to_thread(_load, vocabulary)
            return self._counters[vocabulary]


def _load(vocabulary: str) -> CountText:
    # The package's own binding, which its .pyi describes: the tiktoken-like layer above it cannot
    # count without listing, and unpacks the vocabulary a second time in Python (0.1.4).
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its importlib.resources.open_binary
        from bpe_openai._bindings import tokenizer_for_encoding

    count: CountText = tokenizer_for_encoding(vocabulary).count
    return count


def _count(count: CountText, texts: list[str | Raw]) -> int:
    return sum(count(piece) for text in texts for piece in _pieces(text))


def _pieces(text: str | Raw) -> Iterator[str]:
    whole = text if isinstance(text, str) else bytes(text).decode("utf-8", "replace")
    for start in range(0, len(whole), _PIECE):
        yield whole[start : start + _PIECE]


def _is_old(model: str) -> bool:
    return model == "gpt-4" or model.startswith(_OLD_FAMILIES)


def _bytes(text: str | Raw) -> int:
    if isinstance(text, Raw):
        return memoryview(text).nbytes
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _measure(request: Request) -> tuple[list[str | Raw], int]:
    """All that is counted by its text, and the tokens of all that is not."""
    texts: list[str | Raw] = [text.text for text in request.system]
    flat = PER_REQUEST
    for tool in request.tools:
        flat += _measure_tool(tool, texts)
    for message in request.messages:
        flat += PER_MESSAGE
        for block in message.content:
            if type(block) is Text:
                texts.append(block.text)
            else:
                flat += _measure_block(block, texts)
    if request.output is not None and request.output.schema is not None:
        texts.append(request.output.schema)
    return texts, flat


def _measure_tool(tool: AnyTool, texts: list[str | Raw]) -> int:
    if isinstance(tool, WebSearch):
        return HOSTED_TOOL
    if isinstance(tool, OpaqueTool):
        texts.append(tool.raw)
        return PER_TOOL
    texts.append(tool.name)
    texts += [part for part in (tool.description, tool.parameters, tool.format) if part]
    return PER_TOOL


def _measure_block(block: Block, texts: list[str | Raw]) -> int:
    """Appends the block's texts and returns the tokens of what has none."""
    match block:
        case Text() | ModelRefusal():
            texts.append(block.text)
        case ToolCall():
            texts += (block.name, block.arguments)
            return PER_TOOL
        case ToolResult():
            return PER_MESSAGE + sum(_measure_block(part, texts) for part in block.content)
        case Reasoning():
            texts += block.parts  # the signature is not read as text
        case Image():
            return IMAGE
        case File():
            return _measure_file(block, texts)
        case Opaque() | HostedCall():
            if block.raw is not None:
                texts.append(block.raw)
        case _:
            assert_never(block)
    return 0


def _measure_file(file: File, texts: list[str | Raw]) -> int:
    texts += [part for part in (file.text, file.filename, file.context) if part]
    if file.data is None:
        return 0 if file.text is not None else PAGE
    return PAGE * (1 + len(file.data) * 3 // 4 // PAGE_BYTES)
