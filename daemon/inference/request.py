"""What a client asks, in the hub's words. ``None`` always means: the client did not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Raw, Struct

from daemon.inference.blocks import Block, Text

Role = Literal["user", "assistant", "system", "developer"]


class Message(Struct, frozen=True):
    """One turn. ``system`` and ``developer`` may stand anywhere, also last (Claude Code sends that)."""

    role: Role
    content: tuple[Block, ...]
    id: str | None = None
    """The Responses item id, where the client sent one."""


class Tool(Struct, frozen=True, kw_only=True):
    """A tool that the client runs. ``parameters`` is the raw JSON Schema, untouched."""

    name: str
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None
    kind: Literal["function", "custom"] = "function"
    format: Raw | None = None
    """The grammar of a ``custom`` tool."""
    namespace: str | None = None
    """OpenAI's grouping of tools; the same name in two namespaces is two tools."""


class WebSearch(Struct, frozen=True, kw_only=True):
    """The hosted web search that two vendors have; other hosted tools travel as ``OpaqueTool``."""

    name: str = "web_search"
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()
    user_location: Raw | None = None
    max_uses: int | None = None


class OpaqueTool(Struct, frozen=True):
    """A tool that only ``wire`` knows (``namespace``, ``tool_search``, ``computer_use`` …). ``lifted`` is
    what it holds in the hub's words, for the other wires; empty where they have nothing for it."""

    wire: str
    name: str
    raw: Raw
    lifted: tuple[AnyTool, ...] = ()


AnyTool = Tool | WebSearch | OpaqueTool


class ToolChoice(Struct, frozen=True):
    """``tool`` names one; ``any`` is OpenAI's ``required``. ``kind`` says what family ``name`` is of."""

    mode: Literal["auto", "any", "none", "tool"]
    name: str | None = None
    kind: Literal["function", "custom", "web_search"] = "function"


class ReasoningOptions(Struct, frozen=True, kw_only=True):
    """How much to think, and whether the client wants to see it.

    ``effort`` is a level word (``none`` … ``max``), ``budget`` Anthropic's token budget (a wire
    turns one into the other), ``enabled`` false = switched off by the client, ``visible`` = the
    client asked for thinking text, so summaries are worth asking for.
    """

    effort: str | None = None
    budget: int | None = None
    enabled: bool | None = None
    visible: bool = False
    summary: str | None = None
    """OpenAI's ``reasoning.summary`` word, where the client said one."""

    @property
    def asked_for(self) -> bool:
        """Whether the client switched thinking on, and so expects it in the answer, shown or not
        (Anthropic's ``thinking`` of type ``enabled`` or ``adaptive``). An effort alone does not ask for it."""
        return self.enabled is True


class OutputFormat(Struct, frozen=True, kw_only=True):
    """Structured output. ``schema`` is raw JSON Schema."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    schema: Raw | None = None
    strict: bool | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One inference request. ``wire`` is the entry's wire; ``extra`` holds, per wire, the fields
    that only that wire knows, raw."""

    wire: str
    model: str
    messages: tuple[Message, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[AnyTool, ...] = ()
    inline_tools: tuple[AnyTool, ...] = ()
    """Tools that the conversation itself brings (Codex' ``additional_tools`` items), for wires without such items."""
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    reasoning: ReasoningOptions = ReasoningOptions()
    output: OutputFormat | None = None
    verbosity: str | None = None
    stream: bool = False
    include_usage: bool = True
    service_tier: str | None = None
    user: str | None = None
    session: str | None = None
    """What identifies the conversation (from body or headers): prompt cache key, later affinity."""
    cache_key: str | None = None
    compaction: bool = False
    """Whether the client asks for what stands for its conversation from now on, in place of an answer."""
    extra: Mapping[str, Mapping[str, Raw]] = {}
    unread: tuple[str, ...] = ()
    """The names of what the client says below the top level of its body that nothing here holds
    (``tools[0].input_examples``)."""
