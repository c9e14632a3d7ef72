"""Gemini over its API in the form of Chat: calls are signed, and a signature must come back.

Sources: ai.google.dev/gemini-api/docs/openai (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters

_UNKNOWN_TO_GEMINI: Final = ("store", "verbosity", "prompt_cache_key", "metadata", "safety_identifier", "thinking")
MAKE: Final = Make(
    name="gemini",
    owner="google",
    models=(
        Model(
            name="models/gemini-3.5-flash", pattern="(models/)?gemini-3.*", context=1_048_576, output=65_536, seals=True
        ),
        Model(
            name="models/gemini-2.5-flash",
            pattern="(models/)?gemini-2.*",
            context=1_048_576,
            output=65_536,
            thinks=False,
        ),
    ),
    headers={"server": "scaffolding on HTTPServer2", "server-timing": "gfet4t7; dur=812"},
    bad_key=bad_key(envelopes.gemini, "API key not valid. Please pass a valid API key.", status=400),
    no_route=no_route(envelopes.plain_text, "Not Found"),
    apis=(
        Api(
            # No index of a call (open-webui/computer#224), "stop" behind calls (python-genai#2868)
            wire=chat_wire(
                ChatHabits(
                    call_id=spelled("function-call-{hex}{number}"),
                    whole_calls=True,
                    indexed=False,
                    sealed="extra_content",
                    usage="every",
                    finish={"tool_calls": "stop"},
                ),
                envelopes.gemini,
            ),
            base="/v1beta/openai",
            thoughts="never",
            demands=(
                parameters.known_model(
                    envelopes.gemini,
                    "models/{model} is not found for API version v1main, or is not supported for generateContent. Call"
                    " ListModels to see the list of available models and their supported methods.",
                    code="NOT_FOUND",
                ),
                *(
                    parameters.unknown_names(
                        (name,),
                        envelopes.gemini,
                        'Invalid JSON payload received. Unknown name "{name}": Cannot find field.',
                    )
                    for name in _UNKNOWN_TO_GEMINI
                ),
                contents.signatures_back(envelopes.gemini),
                parameters.context(
                    envelopes.gemini,
                    "The input token count ({prompt}) exceeds the maximum number of tokens allowed ({limit}).",
                ),
            ),
        ),
    ),
)
