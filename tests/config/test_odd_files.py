"""Odd files of a first day: each has its diagnostic at this place, with this piece of advice, and nothing else first.

Rows: what is written, ``line:column``, words of the message or its advice. ``HEAD`` is a provider that is right.
"""

from __future__ import annotations

import pytest

from tests.config.world import diagnostics_of, loaded

HEAD = """\
tppc:
  providers:
    - name: fox
      enabled: true
      base-url: https://fox.example/v1
      api-key: sk-0123456789
"""
LIST = "tppc:\n  providers:\n"


def entry(key: str, value: str) -> str:
    """The provider with another value."""
    lines = [f"{line.split(key)[0]}{key} {value}" if f"{key} " in line else line for line in HEAD.splitlines()]
    return "\n".join(lines) + "\n"


ROWS = [
    # full-width and typographic punctuation where YAML's own belongs
    (LIST + "    \uff0d name: fox\n", "3:5", "write -"),
    (LIST + "    \u2014 name: fox\n", "3:5", "write -"),
    (LIST + "    \u2022 name: fox\n", "3:5", "write -"),
    (LIST + "    \uff0dname: fox\n      enabled: true\n", "3:5", "write -"),
    (LIST + "    -name: fox\n      enabled: true\n", "3:5", "a space behind its dash"),
    (LIST + "    -name: fox\n", "3:5", "a space behind its dash"),
    ("tppc\uff1a\n  providers\uff1a\n", "1:1", "full-width"),
    (LIST + "    - name\uff1a fox\n      enabled: true\n", "3:11", "full-width"),
    (LIST + "    - name:\uff1afox\n      enabled\uff1a true\n", "3:7", "full-width"),
    ("\uff03 comment\nport: 1\n", "1:1", "write #"),
    ("port: 1\n\uff03 comment\n", "2:1", "write #"),
    (HEAD + "      headers: \uff5bX-A: b\uff5d\n", "7:16", "write {"),
    (HEAD + "      headers: {X-A: b\uff0c X-B: c}\n", "7:23", "write ,"),
    ("api-keys: [sk-0123456789\uff3d\nport: 1\n", "1:25", "write ]"),
    (entry("name:", '"fox\u201d'), "3:17", 'write "'),
    (entry("name:", "\u201cfox: 1\u201d"), "3:13", 'write "'),
    # odd blanks
    ("port: 1\n\u00a0\u00a0debug: true\n", "2:1", "no-break space"),
    ("logging:\n\u3000\u3000level: info\n", "2:1", "ideographic space"),
    ("port: 1\n\ufeffhost: 127.0.0.1\n", "2:1", "zero width no-break space"),
    (LIST + "    -\u00a0name: fox\n      enabled: true\n", "3:6", "no-break space"),
    ("port\u3000: 1\n", "1:1", "ideographic space"),
    ("debug\u200b: true\n", "1:1", "zero width space"),
    # in keys
    ("\u201cport\u201d: 1\n", "1:1", "write port"),
    ("\uff50\uff4f\uff52\uff54: 1\n", "1:1", "write port"),
    ("api\uff0dkeys: []\n", "1:1", "write api-keys"),
    ("api\u2011keys: []\n", "1:1", "write api-keys"),
    ("request\u2014retry: 1\n", "1:1", "write request-retry"),
    # in values
    (entry("name:", "\u201cfox\u201d"), "3:13", "typographic quote"),
    (entry("name:", "fox\uff0c"), "3:16", "remove it"),
    (entry("name:", "fox \uff03 mine"), "3:17", "write #"),
    (entry("name:", "fox\u00a0"), "3:16", "no-break space"),
    (entry("name:", "'\u2018fox\u2019'"), "3:14", "write '"),
    (entry("base-url:", "\u201chttps://fox.example/v1\u201d"), "5:17", "typographic quote"),
    (entry("base-url:", "https\uff1a//fox.example/v1"), "5:17", "full-width one"),
    (entry("base-url:", "https://fox\u3002example/v1"), "5:17", "write ."),
    (entry("base-url:", "https:\uff0f\uff0ffox.example"), "5:17", "write /"),
    (entry("api-key:", "\u201csk-0123456789\u201d"), "6:16", "typographic quote"),
    (entry("api-key:", "sk\u20140123456789"), "6:16", "write -"),
    (entry("api-key:", "sk-01234\u200b56789"), "6:16", "zero width space"),
    (entry("api-key:", "env\uff1a FOX_API_KEY"), "6:16", "write env:FOX_API_KEY"),
    (entry("enabled:", "true\uff0c"), "4:16", "remove it"),
    (entry("enabled:", "\uff54\uff52\uff55\uff45"), "4:16", "write true"),
    ("port: \uff18\uff13\uff11\uff17\n", "1:7", "write 8317"),
    ("port: 8317\uff1b\n", "1:7", "remove it"),
    ("host: 127.0.0.1\uff1a8317\n", "1:7", "full-width one"),
    ("host: \uff11\uff12\uff17.0.0.1\n", "1:7", "write 127.0.0.1"),
    ("logging:\n  level: info\u3002\n", "2:10", "write ."),
    (HEAD + "      models: \u3010a\uff0cb\u3011\n", "7:15", "write ["),
    (HEAD + "      models: [a\uff0cb]\n", "7:17", "write ,"),
    (HEAD + "      models: [\u201ca\u201d, b]\n", "7:16", "typographic quote"),
    ("model-aliases:\n  claude-*\uff1agpt-5\n", "2:3", "full-width"),
    ("api-keys:\n  - a0123456\uff0c\n", "2:5", "remove it"),
    # tabs
    ("port: 1\n\tdebug: true\n", "2:1", "not tabs"),
    ("logging:\n\tlevel: info\n", "2:1", "not tabs"),
    ("logging:\n  level: info\n \tformat: text\n", "3:2", "not tabs"),
    # references
    (entry("api-key:", "env: FOX_KEY"), "6:16", "without a space"),
    (entry("api-key:", "Env: FOX_KEY"), "6:16", "write env:"),
    (entry("api-key:", "env:"), "6:16", "what comes after env:"),
    (entry("api-key:", "env:   # later"), "6:16", "what comes after env:"),
    (entry("api-key:", "file:"), "6:16", "file:/path"),
    (entry("api-key:", "ENV:FOX_KEY"), "6:16", "write env:FOX_KEY"),
    (entry("api-key:", "YOUR_API_KEY"), "6:16", "placeholder"),
    # URLs and addresses
    (entry("base-url:", "https://fox.example/v1/chat/completions"), "5:17", "wire-api: chat"),
    (entry("base-url:", "https://fox.example/v1/messages"), "5:17", "wire-api: messages"),
    (entry("base-url:", "8000"), "5:17", "the whole URL"),
    (entry("base-url:", "[a, b]"), "5:17", "the whole URL"),
    ("host: 127.0.0.1:8317\n", "1:7", "without a port"),
    # the wrong shape
    ("tppc:\n  providers:\n    name: fox\n", "2:3", "begin each item with '- '"),
    ("tppc:\n  providers:\n    fox:\n      enabled: true\n", "2:3", "- name: "),
    ("tppc:\n  - name: fox\n", "2:3", "write providers:"),
    ("model-aliases:\n  - claude-*: gpt-5\n", "2:3", "remove the '- '"),
    ("packycode:\n  credentials:\n    openai-api-key: [a, b]\n", "3:21", "write one key"),
    (entry("name:", "[fox]"), "3:13", "write one text"),
    ("port: 8317,\n", "1:7", "remove the ,"),
    ("port = 8317\n", "1:1", "key: value"),
    ("[server]\nport = 8317\n", "2:1", "key: value"),
    ("", "1:1", "config.yaml is empty"),
    ("\n  \n", "1:1", "config.yaml is empty"),
    ("# nothing\n", "1:1", "tppcd init"),
]


@pytest.mark.parametrize(("text", "place", "words"), ROWS)
def test_an_odd_file(text: str, place: str, words: str) -> None:
    found = diagnostics_of(loaded(text))
    assert any(each.startswith(f"config.yaml:{place}: ") and words in each for each in found), found


@pytest.mark.parametrize(
    "text",
    [
        entry("name:", "\u72d0\u72f8\uff08\u4e3b\uff09"),
        entry("name:", "Tim\u2019s"),
        entry("base-url:", "https://\u72d0\u72f8.example/v1 # \u4e2d\u6587\uff1a\u201c\u6ce8\u91ca\u201d\uff0c"),
        "logging:\n  file: /var/log/\u65e5\u5fd7 \uff08a\uff0cb\uff09.log\n",
        HEAD + "      # \uff03\u6ce8\u91ca\uff1a\u3010x\u3011\n      weight: 1\n",
    ],
)
def test_such_characters_in_ordinary_text_are_fine(text: str) -> None:
    assert not any("not what it looks like" in each or "write" in each for each in diagnostics_of(loaded(text)))
