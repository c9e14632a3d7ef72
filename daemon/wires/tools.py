"""A client's tools toward upstreams that know a flat list of functions, and their calls back.

A tool of a namespace goes under one name, ``NAMESPACE__NAME``; a custom tool (free text in, no JSON) as a
function with one string, ``input``; every name is fitted to the upstream's limit. ``ToolNames`` remembers
what was sent for what, so that the client sees the call of its own tool: by its name, in its namespace, of
its kind. The call of a custom tool is unwrapped again while it streams, so that the client sees it as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from daemon.inference.blocks import Block, Opaque
from daemon.inference.request import AnyTool, Message, OpaqueTool, Request, Tool
from daemon.wires.json import NOT_JSON
from daemon.wires.naming import shorten_names

_Key = tuple[str | None, str]


class ToolNames(dict[str, str]):
    """What ``UpstreamBody.tool_names`` holds, name sent to the client's, and what else is to be restored:
    which of the names sent belong to ``custom`` tools, and the ``namespaces`` of those that have one."""

    def __init__(
        self, restored: Mapping[str, str], custom: Iterable[str] = (), namespaces: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(restored)
        self.custom = frozenset(custom)
        self.namespaces = namespaces or {}


class CalledTool(NamedTuple):
    """The tool that an upstream called, as its client knows it."""

    name: str
    namespace: str | None
    custom: bool


def called_tool(names: Mapping[str, str], sent: str) -> CalledTool:
    """``sent`` as the upstream called it; ``names`` as ``SentNames.restored`` gave them."""
    name = names.get(sent, sent)
    if not isinstance(names, ToolNames):
        return CalledTool(name, None, custom=False)
    return CalledTool(name, names.namespaces.get(sent), sent in names.custom)


def offered_tools(request: Request) -> list[AnyTool]:
    """All tools in the hub's words: of opaque ones what they hold, and those that the conversation brings,
    of which the last word counts."""
    tools = list(_spread(request.tools))
    inline = {_key(tool): tool for tool in _spread(request.inline_tools)}
    return [tool for tool in tools if _key(tool) not in inline] + list(inline.values()) if inline else tools


def spoken(messages: Sequence[Message]) -> Sequence[Message]:
    """The conversation in the hub's words: opaque content that has been lifted is replaced by what it says."""
    return [_spoken(message) if any(map(_is_lifted, message.content)) else message for message in messages]


def _spoken(message: Message) -> Message:
    content: list[Block] = []
    for block in message.content:
        content += block.lifted if isinstance(block, Opaque) and block.lifted is not None else [block]
    return replace(message, content=tuple(content))


def _is_lifted(block: Block) -> bool:
    return type(block) is Opaque and block.lifted is not None


def chosen_tool(tools: Iterable[AnyTool], name: str) -> Tool | None:
    """The tool that a choice names, which says no namespace: one without any goes first."""
    bearers = [tool for tool in tools if isinstance(tool, Tool) and tool.name == name]
    return min(bearers, key=lambda tool: tool.namespace is not None, default=None)


def label(tool: AnyTool) -> str:
    """How a loss names the tool."""
    return f"{tool.namespace}.{tool.name}" if isinstance(tool, Tool) and tool.namespace else tool.name


class SentNames:
    """How the tools of one request are named on their way up; no two alike, none over ``limit``."""

    __slots__ = ("_limit", "_sent")

    def __init__(self, tools: Iterable[AnyTool], limit: int) -> None:
        self._limit = limit
        keys = dict.fromkeys((tool.namespace, tool.name) for tool in tools if isinstance(tool, Tool))
        flat: dict[_Key, str] = {}
        in_use = {name for namespace, name in keys if namespace is None}
        for namespace, name in keys:
            flat[namespace, name] = name if namespace is None else _unlike(flat_name(name, namespace), in_use)
        fitted = shorten_names(flat.values(), limit)
        self._sent = {key: fitted.get(name, name) for key, name in flat.items()}

    def of(self, name: str, namespace: str | None = None) -> str:
        """The names of offered tools are settled; a call of one that is offered no more is fitted by itself."""
        key = namespace, name
        sent = self._sent.get(key)
        if sent is None:
            flat = flat_name(name, namespace)
            sent = self._sent[key] = shorten_names([flat], self._limit).get(flat, flat)
        return sent

    def restored(self, custom: Iterable[str] = ()) -> ToolNames:
        """For the answer's decoder. ``custom`` are the names sent of custom tools that went as functions."""
        changed = {sent: name for (_, name), sent in self._sent.items() if sent != name}
        namespaces = {sent: namespace for (namespace, _), sent in self._sent.items() if namespace is not None}
        return ToolNames(changed, custom, namespaces)


def _spread(tools: Iterable[AnyTool]) -> Iterator[AnyTool]:
    for tool in tools:
        if isinstance(tool, OpaqueTool) and tool.lifted:
            yield from _spread(tool.lifted)
        else:
            yield tool


def _key(tool: AnyTool) -> _Key:
    return (tool.namespace if isinstance(tool, Tool) else None), tool.name


def flat_name(name: str, namespace: str | None) -> str:
    """The one name of a tool, for upstreams without namespaces."""
    return name if namespace is None else f"{namespace}__{name}"


def _unlike(name: str, in_use: set[str]) -> str:
    """A plain tool may bear the very name that a namespace's flat one would."""
    while name in in_use:
        name += "_"
    in_use.add(name)
    return name


# --- custom tools as functions -------------------------------------------------------------------


INPUT_SCHEMA = Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)

_OPENING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_LONGEST_OPENING = 64
"""Characters after which arguments that do not begin as asked for will not do so any more."""

_WHOLE_CHARACTERS = re.compile(r'(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


def wrapped(text: str) -> str:
    """The text of a custom call as the arguments of its function."""
    return msgspec.json.encode({"input": text}).decode()


def unwrapped(arguments: str) -> str:
    """The text in the arguments of a function that stands for a custom tool; other arguments as they are."""
    try:
        whole = msgspec.json.decode(arguments)
    except NOT_JSON:
        return arguments
    if isinstance(whole, str):
        return whole
    if not isinstance(whole, dict):
        return arguments
    only = whole.get("input", next(iter(whole.values()), None) if len(whole) == 1 else None)
    return only if isinstance(only, str) else arguments


def described(tool: Tool) -> str | None:
    """The description, with the grammar that a function cannot be held to."""
    if tool.format is None:
        return tool.description
    lines = [tool.description or "", f"The input must follow this format: {bytes(tool.format).decode()}"]
    return "\n\n".join(filter(None, lines))


class InputReader:
    """Unwraps arguments as they stream. What does not begin as asked for is ``held`` and judged at the end."""

    __slots__ = ("_hopeless", "_inside", "_over", "_rest", "held")

    def __init__(self) -> None:
        self.held = bytearray()
        self._rest = ""
        self._hopeless = self._inside = self._over = False

    def feed(self, text: str) -> str:
        """The input that is certain by now."""
        if self._over:
            return ""
        if not self._inside:
            self.held += text.encode()
            return self._open() if not self._hopeless else ""
        return self._characters(self._rest + text)

    def close(self) -> str:
        """The whole, where the arguments have another shape."""
        return "" if self._inside else unwrapped(self.held.decode())

    def _open(self) -> str:
        head = self.held.decode()
        opening = _OPENING.match(head)
        if opening is None:
            self._hopeless = len(head) > _LONGEST_OPENING
            return ""
        self._inside = True
        self.held.clear()
        return self._characters(head[opening.end() :])

    def _characters(self, text: str) -> str:
        """All whole characters of the string; half an escape, or half a surrogate pair, waits."""
        known = _WHOLE_CHARACTERS.match(text)
        characters = known[0] if known else ""
        rest = text[len(characters) :]
        if rest.startswith('"'):
            self._over = True
        elif half := _HALF_PAIR.search(characters):
            characters, rest = characters[: half.start()], half[0] + rest
        self._rest = rest
        return _unescaped(characters)


def _unescaped(characters: str) -> str:
    """JSON string content as text. Line breaks that should have been escaped are taken as they are;
    halves of surrogate pairs, which no encoder takes, are replaced."""
    if "\\" not in characters:
        return characters
    text: str = json.loads(f'"{characters}"', strict=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
