"""What a profile is: the facts about one make of upstream that change what is sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

ThinkingForm = Literal[
    "", "reasoning_effort", "thinking", "adaptive thinking", "enable_thinking", "chat_template_kwargs", "reasoning"
]
"""How a Chat server of the make is asked to think or not to (``wires.openai_chat.thinking_forms``); empty: unknown."""


class Preset(Struct, frozen=True, kw_only=True):
    """What ``tppcd init`` writes for a make. ``key``: the environment variable that its key is usually in; empty: its
    servers take any. ``model`` is one that it had in November 2026. ``base_urls``: by the values of ``wire-api``, the
    first is written."""

    base_urls: Mapping[str, str]
    model: str
    key: str = ""


class Profile(Struct, frozen=True, kw_only=True):
    """One make of upstream.

    Known by: ``hosts`` are host names, each with all names below it; ``paths`` are whole steps of a base URL's path, on
    any host; ``owners`` are values of ``owned_by`` in a list of models; ``servers`` are words of a ``server`` header.
    ``wires`` are the values of ``wire-api`` that it is for.

    Changed from the start: ``amendments`` are rules by name (``upstream.amendments``), each with its argument or '';
    those of other wires are passed over. Parameters that are ``unsupported`` on a wire, by the values of ``wire-api``,
    are left out and reported as lost. ``thinking`` is asked for, or switched off, in this form. ``effort_models`` are
    globs of models that get the default effort beside those of the contract.
    ``knows_users``: the service knows its users by the ids in requests (``user``, ``metadata.user_id``), so that they
    are sent there from clients of any API.
    ``shows`` says where its answers have the thinking, for people.
    """

    name: str
    title: str
    wires: tuple[str, ...]
    preset: Preset
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    amendments: tuple[tuple[str, str], ...] = ()
    unsupported: Mapping[str, tuple[str, ...]] = {}
    thinking: ThinkingForm = ""
    knows_users: bool = False
    shows: str = ""
    effort_models: tuple[str, ...] = ()

    def unsupported_on(self, wire: str) -> tuple[str, ...]:
        """The parameters that its servers refuse there."""
        return self.unsupported.get(wire, ())


OPENAI_MODELS: Final = ("gpt-[5-9]*",)
"""All that OpenAI has named since gpt-5 reason, and take an effort."""
