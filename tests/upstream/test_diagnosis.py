"""What an upstream's response means, in words."""

from __future__ import annotations

import json

import pytest

from daemon.upstream.diagnosis import Diagnosis, explain, lacks_version
from daemon.upstream.model_list import ModelsResponse

URL = "https://fox.example/v1/models"
BARE = "https://fox.example/models"
LIST = json.dumps({"object": "list", "data": [{"id": "gpt-5"}, {"id": "gpt-5-codex"}]})
PAGE = "<!doctype html><title>Fox</title>"


def diagnosed(status: int, body: str = "", *, url: str = URL, key: bool = True, **headers: str) -> Diagnosis:
    kind = "text/html" if body.startswith("<") else "application/json"
    response = ModelsResponse(url=url, status=status, headers={"content-type": kind, **headers}, body=body.encode())
    return explain(response, has_key=key, model="gpt-5")


CASES = [
    (diagnosed(200, LIST), True, "lists 2 models"),
    (diagnosed(200, '{"data":[{"id":"other"}]}'), True, "but not gpt-5"),
    (diagnosed(200, '{"models":[{"slug":"gpt-5"}]}'), True, "lists 1 model"),
    (diagnosed(200, '["gpt-5"]'), True, "lists 1 model"),
    (diagnosed(200, '{"data":[]}'), True, "lists 0 models"),
    (diagnosed(200, '{"hello":1}'), True, "not with a list of models"),
    (diagnosed(200, "hello"), False, "not JSON"),
    (diagnosed(200, PAGE), False, "a web page"),
    (diagnosed(404, PAGE), False, "a web page"),
    (diagnosed(502, PAGE), False, "front server"),
    (diagnosed(403, PAGE), False, "bot protection"),
    (diagnosed(301, location="https://fox.example/v1/models"), False, "redirects (HTTP 301) to https://fox.example"),
    (diagnosed(302, location="/login"), False, "redirects (HTTP 302) to another path"),
    (diagnosed(401, '{"error":{"message":"Incorrect API key provided: planted"}}'), False, "refuses the key"),
    (diagnosed(401, key=False), False, "none is configured"),
    (diagnosed(403, "{}"), False, "forbids this"),
    (diagnosed(404, "{}"), True, "no list of models"),
    (diagnosed(405), True, "no list of models"),
    (diagnosed(404, "{}", url=BARE), False, "nothing at this path"),
    (diagnosed(400, "The plain HTTP request was sent to HTTPS port"), False, "to an HTTPS port"),
    (diagnosed(402, "{}"), False, "no credit"),
    (diagnosed(407), False, "requires a login"),
    (diagnosed(429, '{"error":{"message":"slow\\ndown"}}'), True, 'says: "slow down"'),
    (diagnosed(500, '{"error":"broken"}'), False, 'says: "broken"'),
    (diagnosed(418), False, "answers 418"),
]


@pytest.mark.parametrize(
    "diagnosis, ok, words", CASES, ids=[f"{number}-{case[2]}" for number, case in enumerate(CASES)]
)
def test_it_says_what_is_the_case_and_what_to_do(diagnosis: Diagnosis, ok: bool, words: str) -> None:
    assert words in diagnosis.explanation
    assert diagnosis.ok is ok
    assert ok or diagnosis.hint
    assert "planted" not in diagnosis.explanation + diagnosis.hint


def test_a_web_page_below_no_version_suggests_the_missing_v1() -> None:
    assert "/v1" in diagnosed(200, PAGE, url=BARE).hint
    assert "/v1" not in diagnosed(200, PAGE).hint


@pytest.mark.parametrize(
    "url, lacks",
    [
        ("https://a/v1", False),
        ("https://a/v1beta/x", False),
        ("https://a/api/paas/v4/", False),
        ("https://a", True),
        ("https://a/api", True),
        ("https://v1.a/", True),
        ("https://a/vendor", True),
    ],
)
def test_whether_a_base_url_has_a_version_in_its_path(url: str, lacks: bool) -> None:
    assert lacks_version(url) is lacks
