"""Editing the files of clients: what is put in can be read, the rest stays as it was, and what is taken out is gone."""

from __future__ import annotations

import re

import pytest

from daemon.cli.clients.file_text import NotChangeable, Path, TextFormat, Unparsable, value_at, with_value
from daemon.cli.clients.json_text import JsonText
from daemon.cli.clients.toml_text import TomlText
from daemon.cli.clients.yaml_text import YamlText

JSON = [
    "",
    "{}",
    "{ }\n",
    "// only a comment\n",
    "{\n  // only a comment\n}\n",
    '{\n  "a": 1\n}\n',
    '{\n  "a": 1, // note, with a comma\n}\n',
    '{\n  "a": 1 // note\n  // tail\n}\n',
    '{\n  "a": 1 /* x */, /* y */\n  "b": 2\n}\n',
    '{\n  "a": 1\n  , "b": 2\n}\n',
    '{"a": 1}',
    '{"env": {"X": "1"}}\n',
    '{"env": {}, "z": null}\n',
    '{\n  "env": {\n  }\n}\n',
    '{\n\t"env": {\n\t\t"X": "}\\" // {"\n\t},\n\t"b": [1,\n2,]\n}\n',
    '{\r\n    "env": {\r\n        "X": "1"\r\n    }\r\n}\r\n',
    '{\n  "a": "caf\u00e9 \u6f22", "env": {"X": 1.50e3,},}',
    '\n\n  {"a":\n1}',
    '{\n  "a": 1}',
]
TOML = [
    "",
    "# only a comment\n",
    "# without a line end",
    'model = "x"\n',
    'model = "x" # note\n\n[a]\nb = 1\n',
    "[a]\nb = 1",
    '# head\n[a]\nb = """\n[x]\nmodel = "y"\n"""\nc = [1, # [x\n 2]\n d={x=1,"y z"=[{q=\'"\'}]}\n',
    '[model_providers.other]\nname = "x"\n',
    'model_providers.tppcd.name = "q"\n[z]\n',
    '[model_providers]\nfoo = {a=1}\ntppcd.name = "q"\n',
    '[model_providers."tppcd"]\r\nname = "q"\r\n[t]\r\nd=1979-05-27 07:32:00Z\r\n',
    "[ model_providers . 'tppcd' ] # note\n  # inside\n  name = 'q'\n\n# behind\n[z]\n",
    "[[p]]\nx=1\n[[p]]\nx=2\n[p.q]\n",
    'a = \'\'\'x\'\'\'\'\'\nb = """q\\"""""\nc = "#" # c\n',
    '[profiles.x]\nmodel_provider = "o"\n\n\n',
    "\u72d0 = 1\n".replace("\u72d0", '"\u72d0"'),
]
YAML = ["", "# only a comment\n", "model: x # note\n", "a: [1]\n\n# tail\n", "a: 'x'\r\nb: |\r\n  y\r\n"]
PATHS: dict[str, list[Path]] = {
    "json": [("env", "A"), ("env", "B"), ("top",), ("x", "y", "z")],
    "toml": [("model",), ("model_provider",), ("model_providers", "tppcd", "url"), ("model_providers", "tppcd", "a b")],
    "yaml": [("model",), ("openai-api-base",)],
}
FORMATS: dict[str, TextFormat] = {"json": JsonText(), "toml": TomlText(), "yaml": YamlText()}
CASES = [(name, text) for name, texts in (("json", JSON), ("toml", TOML), ("yaml", YAML)) for text in texts]
COMMENTS = r"note, with a comma|note|tail|only a comment|without a line end|head|inside|behind|/\* . \*/"
VALUE = 'v "w" \\ \u6f22'


@pytest.mark.parametrize(("name", "text"), CASES)
def test_values_are_put_in_and_taken_out_again(name: str, text: str) -> None:
    form, wanted, new = FORMATS[name], FORMATS[name].data(text), text
    for path in PATHS[name]:
        new = form.put(new, path, form.encode(VALUE))
        wanted = with_value(wanted, path, VALUE)
        assert form.data(new) == wanted
        assert form.raw(new, path) == form.encode(VALUE)
    assert "\r\n" not in text or "\n" not in new.replace("\r\n", ""), "one kind of line end"
    words = re.findall(COMMENTS, text)
    assert re.findall(COMMENTS, new) == words, "no comment is lost"
    for path in reversed(PATHS[name]):
        new = form.remove(new, path)
        assert value_at(form.data(new), path) is None


@pytest.mark.parametrize(("name", "text"), CASES)
def test_a_value_is_put_back_as_it_was_written(name: str, text: str) -> None:
    form = FORMATS[name]
    for path in [("model",), ("env", "X"), ("model_providers", "tppcd", "name"), ("a",)]:
        before = form.raw(text, path)
        if before is not None:
            assert form.put(form.put(text, path, form.encode("other")), path, before) == text or name == "yaml"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("json", "{", "1:2"),
        ("json", '{"a" 1}', "1:6"),
        ("json", '{\n "a": 1\n "b": 2}', "3:2"),
        ("json", '{"a": "x\n"}', "1:7"),
        ("json", '{"a": nope}', "1:7"),
        ("json", "{} x", "1:4"),
        ("json", "[]", "1:1"),
        ("json", "{/* x", "1:2"),
        ("json", "{'a': 1}", "1:2"),
        ("json", '{"a": \u201cx\u201d}', "1:7"),
        ("json", '{"a"\uff1a 1}', "1:5"),
        ("json", '{"a": 1\uff0c "b": 2}', "1:8"),
        ("json", '{"a": "\\q"}', "1:7"),
        ("json", '{"a":' * 300, "1:1006"),
        ("toml", "a = 1\nb = https://x\n", "2:5"),
        ("toml", "a = 1\na = 2\n", "2:6"),
        ("toml", 'a = "x\n', "1:7"),
        ("toml", "a\uff1a 1\n", "1:2"),
        ("toml", "a = \u201cx\u201d\n", "1:5"),
        ("toml", "\u00a0a = 1\n", "1:1"),
        ("toml", "[a\n", "1:3"),
        ("toml", "a = [1,\n\n", "1:8"),
        ("yaml", "a: [\n", "1:4"),
        ("yaml", "a: b: c\n", "1:5"),
        ("yaml", "- a\n", "1:1"),
    ],
)
def test_a_text_that_cannot_be_parsed_is_refused_with_its_place(name: str, text: str, place: str) -> None:
    with pytest.raises(Unparsable) as refused:
        FORMATS[name].data(text)
    assert str(refused.value).startswith(f"{place}: "), refused.value


@pytest.mark.parametrize(
    ("name", "text", "path", "place"),
    [
        ("json", '{\n  "env": "x"\n}', ("env", "A"), "2:10"),
        ("json", '{"env": []}', ("env", "A"), "1:9"),
        ("toml", "x = 1\nmodel_providers = {a={}}\n", ("model_providers", "tppcd", "url"), "2:19"),
        ("toml", "[[model_providers]]\n", ("model_providers", "tppcd", "url"), "1:3"),
    ],
)
def test_a_value_in_the_way_is_not_replaced(name: str, text: str, path: Path, place: str) -> None:
    with pytest.raises(NotChangeable, match=f"^{place}: "):
        FORMATS[name].put(text, path, '"v"')
