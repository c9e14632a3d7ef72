"""Secrets written as another program would have them, and placeholders: a warning that says what to write."""

from __future__ import annotations

import json

import pytest

from daemon.config.foreign_syntax import foreign_syntax, within
from tests.config.world import diagnostics_of, loaded

FOREIGN = r"""
${X}
${FOX_KEY:-abc}
${env:FOX_KEY}
${{ secrets.FOX }}
$X
$FOX_KEY
$env:FOX
%FOX_KEY%
os.environ/FOX_KEY
os.environ["FOX"]
os.environ.get("FOX")
os.getenv("FOX")
process.env.FOX
ENV:FOX
Env:FOX
env.FOX
env::FOX
env/FOX
env[FOX]
env("FOX")
{{ env "FOX" }}
{{FOX}}
{{ .Env.FOX }}
{{ lookup('env', 'FOX') }}
{{ FOX | default("x") }}
{{ .Values.apiKey }}
{env:FOX}
{env.FOX}
{$FOX}
{file:~/k}
{file:/run/secrets/k}
$(cmd)
$(cat /run/k)
`cat x`
vault:secret/data/x#key
vault://x
op://vault/item/field
secret://x
aws-sm://x
ssm:/x
arn:aws:secretsmanager:us:1:secret:x
projects/1/secrets/x
ref+vault://x
ENC[AES256_GCM,data:x]
keyring:fox
FILE:/x
File:/x
@/run/secrets/x
CREDENTIAL:fox
your-api-key
YOUR_API_KEY
your_openai_key_here
sk-your-key
sk-your-api-key-here
<key>
<your key>
[key]
sk-...
...
sk-…
xxx
XXXX
sk-xxxx
sk-xxxxxxxxxxxxxxxx
sk-proj-xxxx
sk-ant-xxxx
xxxx-xxxx-xxxx
changeme
change-me
change_me
CHANGE_ME
changeit
REPLACE_ME
replace-me
replace-with-your-key
replace_with_real_key
insert-key-here
INSERT_YOUR_KEY
API_KEY_HERE
api-key-here
enter-your-key
paste-here
todo
TBD
placeholder
********
undefined
my-api-key
sk-你的密钥
put-your-key-here
<YOUR-KEY>
fill-me-in
sk-<key>
dummy-key-here
""".strip().splitlines()

KEYS = r"""
sk-fox
sk-planted-2
not-needed
none
dummy
test
secret
sk-1234
EMPTY
lm-studio
ollama
$2a$10$abcdefghijklmnopqrstuv
$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA
sk-ant-api03-AbCdEf_12-34
sk-or-v1-0123456789abcdef
AIzaSyA-abc_123
gsk_abcdEFGH1234
sk-proj-abc_DEF-123
environment
envoy-key-1234
password
key
op-sesame
pass
vaultkey
xai-abcdefgh12345678
hf_abcdefgh
sk-fake
key-1
token
operator
manage-me
admin-key
client-key
open-sesame-please
there
where
Adhere
setup-key-1
the-management-key
fox-key
sk-fox-key
k
a-key
sk-my
gateway-key
simulate
setting
my-secret-password
settheory
addition-key
xx
c2FtcGxlLWtleS1mb3ItdGVzdA==
0123456789abcdef0123456789abcdef
filename
--
eyJhbGciOiJIUzI1NiJ9.e30.abc
""".strip().splitlines()


@pytest.mark.parametrize("text", FOREIGN)
def test_another_programs_syntax_and_placeholders_are_known(text: str) -> None:
    message, hint = foreign_syntax(text)
    assert message
    assert "env:" in hint or "file:" in hint


@pytest.mark.parametrize("text", KEYS)
def test_a_key_is_none(text: str) -> None:
    """``not-needed`` and its like are the keys of servers without any."""
    assert foreign_syntax(text) == ("", "")


def test_a_long_text_takes_no_time() -> None:
    assert foreign_syntax("x" * 100_000 + "y") == foreign_syntax("your" + "-key" * 60_000) == ("", "")


@pytest.mark.parametrize(
    ("text", "hint"),
    [("${FOX_KEY}", "env:FOX_KEY"), ("$FOX_KEY", "env:FOX_KEY"), ("os.environ/FOX", "env:FOX"), ("ENV:FOX", "env:FOX"),
     ("env.FOX", "env:FOX"), ("%FOX%", "env:FOX"), ("{{ env \"FOX\" }}", "env:FOX"), ("{file:~/k}", "file:~/k")],
)  # fmt: skip
def test_the_hint_says_what_to_write(text: str, hint: str) -> None:
    assert foreign_syntax(text)[1] == f"write {hint}"


@pytest.mark.parametrize(
    "value", ["Bearer ${FOX}", "Bearer $FOX", "Bearer env:FOX", "Token your-api-key", "${FOX}", "bearer {{ FOX }}"]
)
def test_a_header_may_have_a_word_before_it(value: str) -> None:
    assert within(value)[0]


FOX = {"name": "fox", "enabled": True, "base-url": "https://fox.example/v1", "api-key": "sk-fox"}
FIELDS = {
    "api-keys[0]": {"api-keys": ["{}"]},
    "remote-management.secret-key": {"remote-management": {"secret-key": "{}"}},
    "provider-store.encryption-key": {"provider-store": {"encryption-key": "{}"}},
    "packycode.credentials.openai-api-key": {
        "packycode": {"enabled": True, "base-url": "https://p.example", "credentials": {"openai-api-key": "{}"}}
    },
    "tppc.providers[0].api-key": {"tppc": {"providers": [FOX | {"api-key": "{}"}]}},
    "tppc.providers[0].headers.X-Key": {"tppc": {"providers": [FOX | {"headers": {"X-Key": "{}"}}]}},
    "proxy-url": {"proxy-url": "http://u:{}@127.0.0.1:1"},
    "tppc.providers[0].proxy-url": {"tppc": {"providers": [FOX | {"proxy-url": "http://u:{}@127.0.0.1:1"}]}},
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["$FOX_NAME", "%FOX_API_KEY%", "your-api-key", "os.environ/FOX", "xxxxxxxx", "op:fox"])
def test_every_secret_of_the_file_is_looked_at(field: str, text: str) -> None:
    if "/" in text and "proxy" in field:
        text = text.replace("/", ".")
    found = loaded(json.dumps(FIELDS[field]).replace("{}", text)).diagnostics
    assert [(each.dotted, each.severity) for each in found if each.code == "foreign-syntax"] == [(field, "warning")]


@pytest.mark.parametrize("field", [each for each in FIELDS if each.startswith(("tppc", "packycode"))])
def test_not_in_a_block_that_is_switched_off(field: str) -> None:
    text = json.dumps(FIELDS[field]).replace("{}", "your-api-key").replace('"enabled": true', '"enabled": false')
    assert loaded(text).diagnostics == ()


@pytest.mark.parametrize("value", ["${PLANTED}", "planted-your-key-here"])
def test_nor_behind_a_reference(value: str) -> None:
    """What it says is not shown, and a hint would."""
    text = json.dumps({"tppc": {"providers": [FOX | {"api-key": "env:FOX", "headers": {"X-K": "env:FOX"}}]}})
    assert diagnostics_of(loaded(text, {"env:FOX": value})) == []


@pytest.mark.parametrize(
    ("field", "text"), [("api-key", '{{ env "FOX" }}'), ("base-url", "${FOX_URL}"), ("proxy-url", "os.environ/FOX_URL")]
)
def test_what_is_refused_anyway_says_it_in_its_hint(field: str, text: str) -> None:
    found = diagnostics_of(loaded(json.dumps({"tppc": {"providers": [FOX | {field: text}]}})))
    assert len(found) == 1
    assert "error" in found[0]
    assert "write env:FOX" in found[0]
    hidden = diagnostics_of(loaded(json.dumps({"tppc": {"providers": [FOX | {field: "env:X"}]}}), {"env:X": text}))
    assert "FOX" not in hidden[0].replace("FOX_URL is not", "")
