"""What the official SDKs make of answers; run by the Python that has them, not by ours.

In: ``[[entry, stream, whole], …]`` as JSON, the bodies of one answer in both forms. Out: for each, the
two objects that a client holds, as JSON, or ``{"raised": …}``.
"""

# mypy: ignore-errors
from __future__ import annotations

import json
import sys

from anthropic import Anthropic
from openai import OpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState

try:
    import httpx2 as httpx  # what the newer generation is built on
except ImportError:
    import httpx

ASKED = [{"role": "user", "content": "go"}]


STREAM, JSON = "text/event-stream", "application/json"
now = {"kind": "", "body": ""}


def answer(_):
    return httpx.Response(200, headers={"content-type": now["kind"]}, content=now["body"].encode())


HTTP = httpx.Client(transport=httpx.MockTransport(answer))
anthropic = Anthropic(api_key="k", base_url="http://up", http_client=HTTP, max_retries=0)
openai = OpenAI(api_key="k", base_url="http://up", http_client=HTTP, max_retries=0)


def messages():
    asked = {"model": "m", "max_tokens": 9, "messages": ASKED}
    if now["kind"] == JSON:
        return anthropic.messages.create(**asked)
    with anthropic.messages.stream(**asked) as stream:
        return stream.get_final_message()


def chat():
    if now["kind"] == JSON:
        return openai.chat.completions.create(model="m", messages=ASKED)
    state = ChatCompletionStreamState()
    for chunk in openai.chat.completions.create(model="m", messages=ASKED, stream=True):
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def responses():
    if now["kind"] == JSON:
        return openai.responses.create(model="m", input="go")
    with openai.responses.stream(model="m", input="go") as stream:
        return list(stream)[-1].response


def held(entry, body, kind):
    now.update(kind=kind, body=body)
    try:
        return globals()[entry]().model_dump(mode="json", warnings=False)
    except Exception as error:
        return {"raised": repr(error)[:300]}


print(
    json.dumps(
        [(held(entry, stream, STREAM), held(entry, whole, JSON)) for entry, stream, whole in json.load(sys.stdin)]
    )
)
