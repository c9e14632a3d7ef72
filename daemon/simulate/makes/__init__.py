"""The makes of upstream that can be played, as data.

    openai_family, anthropic, chinese_makes, hosted, servers ── rows ─▶ MAKES ─▶ app, cli.simulate
      ▲ demands: turns, contents, parameters (built by rules, said in envelopes)
      ▲ habits: chat_habits, messages_habits, responses_habits (with call_ids): how an answer is written

Each row has the names of the profiles of docs/reference/profiles.md, and its sources above it. A new make is a row; no
code asks for a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.simulate.makes import anthropic, chinese_makes, hosted, openai_family, servers
from daemon.simulate.makes.make import Make

MAKES: Final[Mapping[str, Make]] = {
    make.name: make for make in (*openai_family.ROWS, *anthropic.ROWS, *chinese_makes.ROWS, *hosted.ROWS, *servers.ROWS)
}
