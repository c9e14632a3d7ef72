"""NVIDIA NIM (build.nvidia.com): ids of calls are numbers.

Sources: the model cards (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import by_model, numeric, spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns

MAKE: Final = Make(
    name="nvidia",
    owner="z-ai",
    models=(
        Model(name="z-ai/glm5", context=202_752, template="system first", images=False),
        Model(name="meta/llama-3.3-70b-instruct", context=131_072, template="single calls", thinks=False, images=False),
    ),
    request_id="nvcf-reqid",
    headers={"nvcf-status": "fulfilled"},
    bad_key=bad_key(envelopes.titled, "Authentication failed", kind="Unauthorized", code="401"),
    no_route=no_route(envelopes.plain_text, "404 page not found"),
    apis=(
        Api(
            # Numbers for ids: opencode#19947, kilocode#5816
            wire=chat_wire(
                ChatHabits(
                    call_id=by_model("z-ai/", numeric, spelled("chatcmpl-tool-{hex}{number}")),
                    nulls=("content", "reasoning_content"),
                ),
                envelopes.bare,
            ),
            thoughts="always",
            demands=(
                parameters.known_model(
                    envelopes.titled,
                    "Function '00000000-0000-0000-0000-000000000000': Not found for account 'simulated'",
                    kind="Not Found",
                    code="404",
                ),
                turns.system_first(envelopes.bare),
                turns.single_calls(envelopes.vllm),
                contents.text_only(envelopes.bare, "Content as a list is only supported with text parts"),
            ),
        ),
    ),
)
