"""The samples of the management API pages, replayed in order against a daemon with the page's own configuration."""

from __future__ import annotations

import json
import re

from tests.harness import ROOT, daemon

PAGES = [ROOT / "docs/reference/management-api.md", ROOT / "docs/zh/management-api.md"]
KEY = "sample-management-key"
ENVIRONMENT = {
    "TPPCD_MANAGEMENT_KEY": KEY,
    "PACKYCODE_API_KEY": "sample-packy-key",
    "FOX_API_KEY": "sample-fox-key",
}
SAMPLE = re.compile(r"^```http\n(\w+) (\S+)\n(?:\n(.*?)\n)?```\n\n```json (\d+)\n(.*?)\n```", re.S | re.M)


def matches(wanted: object, found: object) -> bool:
    """Whether an answer is what the page shows; ``…`` stands for any value."""
    match wanted, found:
        case "…", _:
            return True
        case dict(), dict():
            return wanted.keys() == found.keys() and all(matches(value, found[key]) for key, value in wanted.items())
        case list(), list():
            return len(wanted) == len(found) and all(map(matches, wanted, found))
    return wanted == found


def test_every_sample_is_answered_as_the_page_says() -> None:
    text = PAGES[0].read_text("utf-8")
    samples = SAMPLE.findall(text)
    assert len(samples) == text.count("```http\n") >= 7
    configuration = re.search(r"^```yaml\n(.*?)^```", text, re.S | re.M)
    assert configuration is not None
    with daemon(configuration[1], env=ENVIRONMENT) as running:
        for method, path, body, status, answer in samples:
            headers = {"authorization": f"Bearer {KEY}"}
            content = {} if not body else {"json": json.loads(body)}
            found = running.http.request(method, running.url + path, headers=headers, **content)
            assert found.status_code == int(status), (method, path, found.text)
            assert matches(json.loads(answer), found.json()), (method, path, found.text)


def test_both_languages_show_the_same_samples() -> None:
    """With the same configuration: ``tests/test_docs_languages.py``."""
    english, chinese = (SAMPLE.findall(page.read_text("utf-8")) for page in PAGES)
    assert english == chinese
