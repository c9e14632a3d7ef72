"""GLM, of Z.ai and Zhipu.

Sources: docs.z.ai and docs.bigmodel.cn (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns

_PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'
# hermes-agent#7475: 400 and 1211, on the Messages API as well.
_NO_GLM: Final = parameters.known_model(envelopes.glm, "模型不存在，请检查模型代码。", status=400, code="1211")
MAKE: Final = Make(
    name="glm",
    owner="z-ai",
    models=(
        Model(name="glm-5.2", context=200_000, output=131_072, images=False),
        Model(name="glm-4.7", context=200_000, output=131_072, images=False),
        Model(name="glm-4.5v", context=65_536, output=16_384),
    ),
    headers={"server": "ESA"},
    bad_key=bad_key(envelopes.glm, "身份验证失败。", code="1000"),
    no_route=no_route(envelopes.text_error, "Not Found"),  # autoflow#281
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("call_{hex}{number}"), usage="last"), envelopes.glm),
            base="/api/paas/v4",
            thoughts="always",
            demands=(
                _NO_GLM,
                # CodexPlusPlus#1760, zcode-api#26
                contents.text_only(envelopes.glm, "messages.content.type 参数非法，取值范围 ['text']"),
                parameters.free_tool_choice(envelopes.glm, "tool_choice 参数非法，取值范围 ['auto']"),
                parameters.most_tokens(envelopes.glm, "max_tokens 参数非法。最大值为 {limit}"),
                parameters.context(envelopes.glm, "Prompt 超长", code="1261"),
            ),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(call_id=spelled("call_{hex}{number}"), signature="", late_usage=True, noise=(_PING,)),
                envelopes.glm,
            ),
            base="/api/anthropic/v1",
            thoughts="always",
            demands=(
                _NO_GLM,
                # GLM-5#74
                turns.no_role("system", envelopes.glm, "messages[{index}].role: Input should be 'user' or 'assistant'"),
            ),
        ),
    ),
)
