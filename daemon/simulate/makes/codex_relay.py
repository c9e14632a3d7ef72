"""Relays in front of ChatGPT accounts: Responses alone, and a shape that the backend demands (``simulate.relay``).

Sources: the public code of new-api, sub2api and claude-relay-service, and users' reports (2025-10 to 2026-08).
"""

from __future__ import annotations

from typing import Final

from daemon.simulate import chat, messages
from daemon.simulate.faults import FAULTS
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make
from daemon.simulate.relay import DEMANDS

MAKE: Final = Make(
    name="codex-relay",
    bad_key=FAULTS["invalid-token"],
    session_cache=True,
    apis=(
        Api(
            wire=responses_wire(
                ResponsesHabits(
                    noise=(
                        b"event: codex.rate_limits\n"
                        b'data: {"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":1}}}\n\n',
                        b'event: keepalive\ndata: {"type":"keepalive","sequence_number":1}\n\n',
                    ),
                )
            ),
            base="",
            demands=DEMANDS,
        ),
        *(Api(wire=wire, base="", demands=DEMANDS) for wire in (chat.WIRE, messages.WIRE)),
    ),
)
