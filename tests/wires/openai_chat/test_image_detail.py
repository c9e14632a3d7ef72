"""How closely an image is to be looked at, in the words of this wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.wires.base import EncodeOptions
from daemon.wires.openai_chat import WIRE
from daemon.wires.openai_responses import WIRE as RESPONSES


@pytest.mark.parametrize(("asked", "sent"), [("original", "auto"), ("high", "high"), ("low", "low"), (None, None)])
def test_a_detail_that_only_responses_has_is_left_to_the_model(asked: str | None, sent: str | None) -> None:
    part: dict[str, Any] = {"type": "input_image", "image_url": "data:image/png;base64,AAA"}
    if asked is not None:
        part["detail"] = asked
    body = {"model": "m", "input": [{"role": "user", "content": [part]}]}
    request = RESPONSES.decode_request(json.dumps(body).encode(), {})
    given = json.loads(WIRE.encode_request(request, EncodeOptions(model="m")).body)
    (image,) = given["messages"][0]["content"]
    assert image["image_url"].get("detail") == sent
