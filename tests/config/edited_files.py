"""Files of the kinds that people write by hand, each with something that a careless edit would break."""

from __future__ import annotations

import re

PLAIN = """\
# the gateway
port: 8317   # where it listens
packycode:
  enabled: true
  base-url: "https://packy.example/v1"   # theirs
  credentials:
    openai-api-key: 'sk-1'
tppc:
  # in the order they are asked
  providers:
    # the fast one
    - name: fox
      enabled: true
      base-url: https://fox.example/v1
      api-key: sk-fox   # rotate
    - name: wolf
      enabled: false
      base-url: https://wolf.example/v1
      api-key: sk-wolf
debug: false
"""


def _mixed(text: str) -> bytes:
    lines = text.split("\n")
    return "".join(line + ("\r\n" if number % 3 else "\n") for number, line in enumerate(lines[:-1])).encode()


FILES: dict[str, bytes] = {
    "plain": PLAIN.encode(),
    "crlf": PLAIN.replace("\n", "\r\n").encode(),
    "mixed line ends": _mixed(PLAIN),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "no final newline": PLAIN.rstrip("\n").encode(),
    "zero-indent list": PLAIN.replace("\n    ", "\n  ").replace("\n      ", "\n    ").encode(),
    "tabs after values": re.sub(r"(?<=\S) +#", "\t#", PLAIN.replace("true\n", "true\t\n")).encode(),
    "emoji": PLAIN.replace("the gateway", "🚪 das Tor").replace("fast one", "🦊 one").encode(),
    "start and end marks": f"---\n{PLAIN}...\n".encode(),
    "version directive": f"%YAML 1.1\n---\n{PLAIN}".encode(),
    "anchors": PLAIN.replace("base-url: https://fox", "base-url: &url https://fox")
    .replace("base-url: https://wolf.example/v1", "base-url: *url")
    .encode(),
    "merge key": b"""\
x-base: &base
  enabled: true
  api-key: sk-all
packycode: {enabled: false}
tppc:
  providers:
    - <<: *base
      name: fox
      base-url: https://fox.example/v1
    - name: wolf
      <<: *base
      base-url: https://wolf.example/v1
""",
    "flow": b"""\
{port: 8317, packycode: {enabled: true, base-url: "https://p.example", credentials: {openai-api-key: k}},
 tppc: {providers: [{name: fox, enabled: true, base-url: "https://f.example", api-key: k}, {name: wolf}]}}
""",
    "flow over lines": b"""\
port: 8317
packycode: {
  enabled: true,   # on
  base-url: https://p.example,
  credentials: {openai-api-key: k}
}
tppc:
  providers: [
    {name: fox, enabled: true,
     base-url: "https://f.example", api-key: k},   # first
    {name: wolf, enabled: false}
  ]
""",
    "block scalars": PLAIN.replace("api-key: sk-fox   # rotate", "api-key: |-\n        sk-fox")
    .replace('"https://packy.example/v1"   # theirs', ">-\n    https://packy.example/v1")
    .encode(),
    "several lines": PLAIN.replace('"https://packy.example/v1"', '"https://packy.\\\n    example/v1"').encode(),
    "escapes": PLAIN.replace("'sk-1'", '"sk-\\u00e9\\t1"').replace("api-key: sk-wolf", "api-key: 'it''s'").encode(),
    "odd numbers": PLAIN.replace("8317", "0x207D").replace("debug: false", "debug: no\nrequest-retry: 0o3").encode(),
    "long lines": PLAIN.replace("# the gateway", f"# {'long ' * 200}").replace("sk-fox", "k" * 2000).encode(),
    "comments in odd places": PLAIN.replace("packycode:\n", "packycode:   # block\n\n  # inside\n")
    .replace("debug: false\n", "\n    # deep\n# flush\ndebug: false\n\n# the end\n")
    .encode(),
    "comments only": b"# nothing yet\n\n# but soon\n",
    "no settings": b"# nothing yet\n{}   # so far\n",
    "null sections": b"port: 8317\npackycode:\ntppc: ~   # later\ndebug: false\n",
    "null entries": b"packycode:\n  enabled:\n  base-url:   # to fill in\ntppc:\n  providers:\n",
    "dash alone": PLAIN.replace("    - name: fox\n      ", "    -\n      name: fox\n      ").encode(),
    "quoted keys": PLAIN.replace("packycode:", '"packycode":').replace("  enabled:", "  'enabled':").encode(),
    "wide indents": b"""\
packycode:
        enabled:        true
        credentials:
                openai-api-key:    k      # aligned
tppc:
    providers:
        -   name:     fox
            enabled:  true
            base-url: https://fox.example/v1
            api-key:  k
        -   name:     wolf
            enabled:  false
""",
    "document of tabs and blanks": PLAIN.replace("tppc:\n", "tppc:  \n  \n").encode(),
}
