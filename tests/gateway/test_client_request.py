"""Whether a text is the client's own."""

from __future__ import annotations

import json

import pytest

from tests.gateway.client_requests import client_request


@pytest.mark.parametrize("escaped", [True, False])
def test_a_text_stands_in_the_request_however_it_is_escaped(escaped: bool) -> None:
    request = client_request("chat", json.dumps({"content": '如何处理 "并发"'}, ensure_ascii=escaped))
    assert [request.says(text) for text in ("并发", '"并发"', "并发过高")] == [True, True, False]
