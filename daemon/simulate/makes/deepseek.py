"""DeepSeek: it thinks unless it is asked not to, and wants its thinking back.

Sources: api-docs.deepseek.com (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.demand import Demand
from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns
from daemon.simulate.rules.envelopes import Envelope

_KEEP_ALIVE: Final = b": keep-alive\n\n"
_UNREADABLE: Final = "Failed to deserialize the JSON body into the target type: messages[{index}]"
_DEEPSEEK_CODE: Final = "invalid_request_error"
_DEEPSEEK_NUMBER: Final = spelled("call_{number:02d}_{hex}")


def _deepseek(says: Envelope, *demands: Demand) -> tuple[Demand, ...]:
    return (
        # Paper2Slides#37, autoshorts#33
        parameters.known_model(
            says,
            "The supported API model names are deepseek-v4-pro or deepseek-v4-flash, but you passed {model}.",
            status=400,
            code=_DEEPSEEK_CODE,
        ),
        parameters.most_tokens(says, "Invalid max_tokens value, the valid range of max_tokens is [1, {limit}]"),
        contents.text_only(
            says,
            f"{_UNREADABLE}: unknown variant `{{type}}`, expected `text` at line 1 column 93247",
            code=_DEEPSEEK_CODE,
        ),
        *demands,
    )


MAKE: Final = Make(
    name="deepseek",
    owner="deepseek",
    models=(
        Model(name="deepseek-v4-flash", context=1_000_000, output=393_216, images=False),
        Model(name="deepseek-v4-pro", context=1_000_000, output=393_216, images=False),
        Model(name="deepseek-chat", context=131_072, output=8_192, thinks=False, images=False),
    ),
    request_id="x-ds-trace-id",
    headers={"server": "openresty"},
    bad_key=bad_key(envelopes.openai, "Authentication Fails, Your api key: ****ated is invalid", code=_DEEPSEEK_CODE),
    no_route=no_route(envelopes.openai, "Not Found. Please check the configuration."),
    apis=(
        Api(
            wire=chat_wire(
                ChatHabits(
                    call_id=_DEEPSEEK_NUMBER, usage="last", nulls=("content", "reasoning_content"), noise=(_KEEP_ALIVE,)
                )
            ),
            thoughts="always",
            demands=_deepseek(
                envelopes.openai,
                turns.no_role(
                    "developer",
                    envelopes.openai,
                    f"{_UNREADABLE}.role: unknown variant `developer`, expected one of `system`, `user`, `assistant`,"
                    " `tool` at line 1 column 41",
                    code=_DEEPSEEK_CODE,
                ),
                turns.answered_calls(
                    envelopes.openai,
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                    " 'tool_call_id'. (insufficient tool messages following tool_calls message)",
                    code=_DEEPSEEK_CODE,
                ),
                contents.thinking_back(
                    envelopes.openai,
                    "The `reasoning_content` in the thinking mode must be passed back to the API.",
                    code=_DEEPSEEK_CODE,
                ),
            ),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(call_id=_DEEPSEEK_NUMBER, signature="00000000", noise=(_KEEP_ALIVE,)), envelopes.openai
            ),
            base="/anthropic/v1",
            thoughts="always",
            demands=_deepseek(
                envelopes.openai,
                # awesome-deepseek#639
                turns.no_role(
                    "system",
                    envelopes.openai,
                    f"{_UNREADABLE}.role: unknown variant `system`, expected `user` or `assistant` at line 1 column"
                    " 5142",
                    code=_DEEPSEEK_CODE,
                ),
                contents.thinking_blocks_back(
                    envelopes.openai, "The `content[].thinking` in the thinking mode must be passed back to the API."
                ),
            ),
        ),
        Api(
            wire=responses_wire(ResponsesHabits(plain=True)),
            thoughts="always",
            demands=_deepseek(
                envelopes.openai,
                contents.reasoning_items_back(
                    envelopes.openai, "The `reasoning_text` in the thinking mode must be passed back to the API."
                ),
            ),
        ),
    ),
)
