"""One streamed answer through the OpenAI SDK, printed as JSON; run by a Python that has it.

python openai_sdk.py BASE_URL MODEL chat|responses    {"pieces": [text, …], "end": what the last event says}
"""

from __future__ import annotations

import json
import sys

import openai

PROMPT = "Say hello"


def main(url: str, model: str, api: str) -> None:
    client = openai.OpenAI(base_url=url, api_key="any", max_retries=0, timeout=100)
    pieces: list[str] = []
    end: str | None = None
    if api == "chat":
        messages = [{"role": "user", "content": PROMPT}]
        for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
            for choice in chunk.choices:
                pieces += [choice.delta.content] if choice.delta.content else []
                end = choice.finish_reason or end
    else:
        for event in client.responses.create(model=model, input=PROMPT, stream=True, store=False):
            pieces += [event.delta] if event.type == "response.output_text.delta" else []
            end = event.type
    print(json.dumps({"pieces": pieces, "end": end}))


if __name__ == "__main__":
    main(*sys.argv[1:])
