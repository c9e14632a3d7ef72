"""Changing config.yaml through a running daemon: what is written, what is in force, what is refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import httpx
import pytest

from daemon.api.management.masked import MASK
from daemon.config.document import Document, parse
from tests.harness import Daemon, daemon, wait_for
from tests.managing import KEY, ask, generation, models, text

TEXT = f"""\
# the gateway
remote-management: {{secret-key: {KEY}}}
packycode:
  enabled: true   # since May
  base-url: https://user:hidden@packy.example/v1?token=hidden
  credentials:
    openai-api-key: "sk-packy-planted"  # rotate in autumn
tppc:
  providers:
    # the fast one
    - name: Fox
      enabled: true
      base-url: https://fox.example/v1
      api-key: sk-fox-planted
      headers: {{X-Team: planted-header, X-Session: $X-Session}}
      models: [fox-large, {{name: gpt-5, alias: fox-gpt}}]
    - name: wolf
      enabled: false
      base-url: https://wolf.example/v1
      api-key: sk-wolf-planted  # not paid yet
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Daemon]:
    with daemon(TEXT) as one:
        yield one


@pytest.fixture
def gateway(running: Daemon) -> Daemon:
    """The one daemon of this module, with the text above in force."""
    if text(running) != TEXT:
        ask(running, "PUT", "/config.yaml", TEXT).raise_for_status()
    return running


@pytest.mark.parametrize("name", ["packycode", "tppc"])
def test_what_get_gave_put_back_changes_no_byte(gateway: Daemon, name: str) -> None:
    shown = ask(gateway, "GET", f"/{name}")
    for body in (shown.json(), shown.json()[name]):
        answer = ask(gateway, "PUT", f"/{name}", body)
        assert (answer.status_code, answer.json()) == (200, shown.json())
        assert answer.headers["etag"] == shown.headers["etag"]
    assert text(gateway) == TEXT


def test_patch_sets_clears_and_keeps_three_states(gateway: Daemon) -> None:
    """Case 170."""

    def said(value: object) -> object:
        entry = {"name": "fox", "disable-cooling": value}
        answer = ask(gateway, "PATCH", "/tppc", {"providers": [entry]})
        assert answer.status_code == 200, answer.text
        return answer.json()["tppc"]["providers"][0].get("disable-cooling", "absent")

    assert [said(True), said(False), said(None)] == [True, False, "absent"]
    assert text(gateway) == TEXT


def test_a_weight_above_the_most_is_refused_and_null_resets(gateway: Daemon) -> None:
    """Case 170."""
    over = ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "weight": 1_000_001}]})
    assert (over.status_code, over.json()["error"], text(gateway)) == (422, "invalid_tppc", TEXT)
    for value in (7, None):
        assert ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "weight": value}]}).status_code == 200
    assert text(gateway) == TEXT


def test_an_unknown_name_is_added_if_it_is_complete(gateway: Daemon) -> None:
    """Case 181."""
    lynx = {"name": "lynx", "enabled": True, "base-url": "https://lynx.example", "api-key": "sk-lynx-planted"}
    bare = ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "lynx", "enabled": True}]})
    assert (bare.status_code, bare.json()["error"], text(gateway)) == (422, "invalid_tppc", TEXT)
    assert ask(gateway, "PATCH", "/tppc", {"providers": [lynx]}).status_code == 200
    assert text(gateway).startswith(TEXT)
    assert len(models(gateway, "lynx")) == 10


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"base-url": None}, "base-url is required when packycode.enabled=true"),
        ({"base-url": "ftp://packy.example"}, "base-url must be a valid http(s) URL"),
        ({"wire-api": "chat"}, 'wire-api must be "responses"'),
        (
            {"defaults": {"model-reasoning-effort": "ultra"}},
            "defaults.model-reasoning-effort must be one of: low, medium, high",
        ),
        ({"credentials": None}, "credentials.openai-api-key is required when requires-openai-auth=true"),
    ],
)
def test_each_mistake_has_the_sentence_of_the_seed_system(
    gateway: Daemon, change: dict[str, object], sentence: str
) -> None:
    """Case 178: refused, and unchanged on disk and in memory."""
    before = generation(gateway)
    answer = ask(gateway, "PATCH", "/packycode", change)
    assert answer.status_code == 422
    assert (answer.json()["error"], answer.json()["message"]) == ("invalid_packycode", sentence)
    (detail,) = [each for each in answer.json()["details"] if each["severity"] == "error"]
    assert detail["path"].startswith("packycode")
    assert (text(gateway), generation(gateway)) == (TEXT, before)


def test_all_mistakes_are_told_at_once_with_their_places(gateway: Daemon) -> None:
    answer = ask(gateway, "PATCH", "/packycode", {"base-url": "ftp://x", "wire-api": "chat"})
    assert answer.json()["message"] == 'base-url must be a valid http(s) URL; wire-api must be "responses"'
    assert {each["path"]: each["line"] for each in answer.json()["details"]} == {
        "packycode.base-url": 5,
        "packycode.wire-api": 8,
    }


def test_the_switches_of_packycode_are_set_masked_and_put_back(gateway: Daemon) -> None:
    """Header values and the user of a proxy are never shown, and a mask sent back changes nothing."""
    prompt = gateway.config.parent / "prompt.md"
    prompt.write_text("planted: you are Codex.\nBe brief.\n")
    change = {
        "headers": {"X-Team": "planted-team", "User-Agent": "$User-Agent"},
        "proxy-url": "http://user:planted@proxy.example:3128",
        "models": ["gpt-5.1"],
        "instructions": "file:prompt.md",
        "profile": "none",
    }
    answer = ask(gateway, "PATCH", "/packycode", change)
    assert answer.status_code == 200, answer.text
    block = answer.json()["packycode"]
    assert "planted" not in answer.text
    assert block["headers"] == {"X-Team": MASK, "User-Agent": "$User-Agent"}
    assert (block["instructions"], block["profile"]) == ("file:prompt.md", "none")
    assert models(gateway, "packycode") == ["gpt-5.1"]
    written = text(gateway)
    assert "planted-team" in written
    assert ask(gateway, "PUT", "/packycode", answer.json()).json() == answer.json()
    assert text(gateway) == written
    for wrong, place in (({"instructions": "planted text"}, "instructions"), ({"profile": "relay"}, "profile")):
        refused = ask(gateway, "PATCH", "/packycode", wrong)
        errors = [each["path"] for each in refused.json()["details"] if each["severity"] == "error"]
        assert (refused.status_code, errors) == (422, [f"packycode.{place}"])
        assert "planted" not in refused.text


@pytest.mark.parametrize(
    ("said", "shown", "names"),
    [
        ("seed", "seed", 10),
        ("discover", "discover", 10),
        (["gpt-5.5", {"name": "o9", "alias": "best"}], ["gpt-5.5", {"name": "o9", "alias": "best"}], 2),
        ([{"name": "o9"}], [{"name": "o9", "alias": ""}], 1),
        ([], [], 10),
    ],
)
def test_where_models_come_from_is_set_shown_put_back_and_cleared(
    gateway: Daemon, said: object, shown: object, names: int
) -> None:
    answer = ask(gateway, "PATCH", "/packycode", {"models": said, "exclude-models": ["*-Mini", "*-mini"]})
    assert answer.status_code == 200, answer.text
    block = answer.json()["packycode"]
    assert (block["models"], block["exclude-models"]) == (shown, ["*-Mini", "*-mini"])
    assert len(models(gateway, "packycode")) == names
    written = text(gateway)
    for body in (answer.json(), block):
        assert ask(gateway, "PUT", "/packycode", body).json() == answer.json()
    assert text(gateway) == written
    rest = {name: each for name, each in block.items() if name not in ("models", "exclude-models")}
    assert ask(gateway, "PUT", "/packycode", rest).json()["packycode"]["models"] == "discover"
    assert text(gateway) == TEXT


def test_lists_and_words_of_models_change_into_each_other_with_comments_kept(gateway: Daemon) -> None:
    for said in ("seed", ["a", "b"], "discover", ["b"], None):
        answer = ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "models": said}]})
        assert answer.status_code == 200, answer.text
        assert "# the fast one" in text(gateway) and "# not paid yet" in text(gateway)
        assert answer.json()["tppc"]["providers"][0]["models"] == (said or "discover")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"models": "everything"}, "models"),
        ({"models": True}, "models"),
        ({"models": {"name": "a"}}, "models"),
        ({"models": [{"alias": "a"}]}, "models[0].name"),
        ({"exclude-models": "a*"}, "exclude-models"),
        ({"exclude-models": ["a", " "]}, "exclude-models[1]"),
        ({"exclude-models": ["env:HOME"]}, "exclude-models[0]"),
    ],
)
def test_what_models_cannot_be_is_refused_with_its_place(
    gateway: Daemon, change: dict[str, object], place: str
) -> None:
    refused = ask(gateway, "PATCH", "/packycode", change)
    errors = [each for each in refused.json()["details"] if each["severity"] == "error"]
    assert (refused.status_code, [each["path"] for each in errors]) == (422, [f"packycode.{place}"])
    assert errors[0]["hint"]
    assert text(gateway) == TEXT


def test_two_of_one_name_are_refused(gateway: Daemon) -> None:
    """Case 183."""
    twin = {"name": "FOX ", "enabled": True, "base-url": "https://x.example", "api-key": "k"}
    assert ask(gateway, "POST", "/tppc/providers", twin).status_code == 422
    assert text(gateway) == TEXT


def test_ids_differ_by_name_and_keys_stay_with_their_provider(gateway: Daemon) -> None:
    """Case 183: one core auth each, from its own key."""
    same = {"enabled": True, "base-url": "https://same.example/v1", "api-key": "sk-same-planted"}
    providers = [{"name": "one", **same}, {"name": "two", **same}, {"name": "off", **same, "enabled": False}]
    assert ask(gateway, "PUT", "/tppc", {"providers": providers}).status_code == 200
    rows = ask(gateway, "GET", "/auths?provider=codex").json()["auths"]
    assert [row["name"] for row in rows] == ["packycode", "one", "two"]
    assert len({row["id"] for row in rows}) == len({row["client-id"] for row in rows}) == 3


def test_a_mask_stands_for_what_it_hides_and_for_nothing_else(gateway: Daemon) -> None:
    fox = {"name": "Fox", "api-key": MASK, "headers": {"X-Team": MASK}, "priority": 3}
    assert ask(gateway, "PATCH", "/tppc", {"providers": [fox]}).status_code == 200
    entry: Any = parse(text(gateway).encode()).data["tppc"]
    assert entry["providers"][0]["api-key"] == "sk-fox-planted"
    assert entry["providers"][0]["headers"] == {"X-Team": "planted-header", "X-Session": "$X-Session"}
    for body in ({"base-url": f"https://{MASK}@other.example"}, {"headers": {"X-New": MASK}}):
        assert ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "Fox", **body}]}).status_code == 422
    new = {"name": "new", "base-url": "https://n.example", "api-key": MASK}
    assert ask(gateway, "POST", "/tppc/providers", new).status_code == 422


def test_a_key_that_nobody_knows_is_a_mistake_of_its_sender(gateway: Daemon) -> None:
    answer = ask(gateway, "PATCH", "/packycode", {"enabeld": False})
    assert answer.status_code == 422
    assert "enabeld" in answer.json()["message"]
    assert text(gateway) == TEXT


def test_one_provider_is_added_and_removed(gateway: Daemon) -> None:
    """Case 169: removed by its name alone, and only that one."""
    lynx = {"name": "lynx", "enabled": True, "base-url": "https://lynx.example", "api-key": "k-lynx"}
    added = ask(gateway, "POST", "/tppc/providers", lynx)
    assert [each["name"] for each in added.json()["tppc"]["providers"]] == ["Fox", "wolf", "lynx"]
    assert ask(gateway, "DELETE", "/tppc/providers/LYNX").status_code == 200
    assert text(gateway) == TEXT
    assert ask(gateway, "DELETE", "/tppc/providers/lynx").status_code == 404


def test_the_list_is_reordered_with_its_comments(gateway: Daemon) -> None:
    providers = ask(gateway, "GET", "/tppc").json()["tppc"]["providers"]
    assert ask(gateway, "PUT", "/tppc", {"providers": providers[::-1]}).status_code == 200
    after = text(gateway)
    assert sorted(after.splitlines()) == sorted(TEXT.splitlines())
    assert after.index("name: wolf") < after.index("# the fast one") < after.index("name: Fox")


def test_a_dry_run_tells_and_changes_nothing(gateway: Daemon) -> None:
    before = generation(gateway)
    told = ask(gateway, "PATCH", "/packycode?dry-run=1", {"enabled": False})
    assert told.status_code == 200
    assert (told.json()["dry-run"], told.json()["changes"]) == (True, ["packycode.enabled: true -> false"])
    assert ask(gateway, "PATCH", "/packycode?dry-run=1", {"base-url": "ftp://x"}).status_code == 422
    assert ask(gateway, "PUT", "/config.yaml?dry-run=1", "port: many").status_code == 422
    assert ask(gateway, "DELETE", "/tppc/providers/fox?dry-run=1").json()["changes"] == ["tppc.providers[Fox]: removed"]
    assert ask(gateway, "PATCH", "/packycode?dry-run=perhaps", {"enabled": False}).status_code == 400
    assert (text(gateway), generation(gateway)) == (TEXT, before)


def test_a_stale_tag_is_refused_and_a_fresh_one_is_not(gateway: Daemon) -> None:
    tag = ask(gateway, "GET", "/packycode").headers["etag"]
    (gateway.home / "config.yaml").write_text(TEXT + "# by hand\n")
    stale = ask(gateway, "PATCH", "/packycode", {"enabled": False}, **{"if-match": tag})
    assert (stale.status_code, stale.json()["error"]) == (412, "precondition_failed")
    assert text(gateway) == TEXT + "# by hand\n"
    tag = ask(gateway, "GET", "/config.yaml").headers["etag"]
    fresh = ask(gateway, "PATCH", "/packycode", {"enabled": False}, **{"if-match": f'"other", {tag}'})
    assert (fresh.status_code, fresh.headers["etag"] != tag) == (200, True)
    assert text(gateway).endswith("# by hand\n")


def test_a_file_with_an_error_of_its_own_is_not_touched(gateway: Daemon) -> None:
    broken = TEXT + "oops: [\n"
    (gateway.home / "config.yaml").write_text(broken)
    answer = ask(gateway, "PATCH", "/packycode", {"enabled": False})
    assert (answer.status_code, answer.json()["error"]) == (409, "not_editable")
    assert text(gateway) == broken
    assert ask(gateway, "PUT", "/config.yaml", TEXT).status_code == 200


def test_the_whole_file_goes_in_and_out_byte_for_byte(gateway: Daemon) -> None:
    odd = ("\ufeff" + TEXT).replace("\n", "\r\n")
    assert ask(gateway, "PUT", "/config.yaml", odd).status_code == 200
    out = ask(gateway, "GET", "/config.yaml")
    assert (out.content, out.headers["content-type"]) == (odd.encode(), "text/yaml; charset=utf-8")
    wrong = ask(gateway, "PUT", "/config.yaml", "packycode: {enabled: true}\nport: many\n")
    assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid_config")
    assert text(gateway) == odd


def test_history_leads_back(gateway: Daemon) -> None:
    ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "wolf", "enabled": True}]}).raise_for_status()
    newest, before, *_ = ask(gateway, "GET", "/history").json()["history"]
    assert (newest["generation"], newest["in-force"], before["in-force"]) == (generation(gateway), True, False)
    told = ask(gateway, "POST", "/rollback?dry-run=1", {"generation": before["generation"]}).json()
    assert told["changes"] == ["tppc.providers[wolf].enabled: true -> false"]
    back = ask(gateway, "POST", "/rollback", {"generation": before["generation"]})
    assert (back.status_code, back.json()["generation"]) == (200, newest["generation"] + 1)
    assert text(gateway) == TEXT
    assert ask(gateway, "POST", "/rollback", {"generation": 9999}).status_code == 404
    for body in ({}, {"generation": 1, "digest": "a"}, {"generations": 1}):
        assert ask(gateway, "POST", "/rollback", body).status_code == 400


@pytest.mark.parametrize("body", ["[]", "7", "{", '"text"', '{"packycode": null}', '{"packycode": {}, "tppc": {}}'])
def test_a_body_that_is_no_block_changes_nothing(gateway: Daemon, body: str) -> None:
    answer = ask(gateway, "PUT", "/packycode", body)
    assert answer.status_code in (400, 422)
    assert text(gateway) == TEXT


def test_mode_and_links_stay(gateway: Daemon) -> None:
    path = gateway.home / "config.yaml"
    path.chmod(0o640)
    twin = gateway.home / "twin.yaml"
    os.link(path, twin)
    try:
        assert ask(gateway, "PATCH", "/packycode", {"enabled": False}).status_code == 200
        assert path.samefile(twin)
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        twin.unlink()


def test_fifty_at_once_are_all_there_in_order(gateway: Daemon) -> None:
    def add(number: int) -> httpx.Response:
        # An address and no name: fifty questions at once are too many for some name servers.
        entry = {"name": f"p{number}", "enabled": True, "base-url": f"http://127.0.0.1:9/p{number}", "api-key": "k"}
        return ask(gateway, "PATCH", "/tppc", {"providers": [entry]})

    before = generation(gateway)
    states = []
    with ThreadPoolExecutor(50) as pool:
        answers = [pool.submit(add, number) for number in range(50)]
        while wait(answers, timeout=0.02).not_done:  # between two looks the daemon has the processor
            states.append(parse(gateway.config.read_bytes()))
    assert [each.result().status_code for each in answers] == [200] * 50
    names = added(parse(gateway.config.read_bytes()))
    assert sorted(names) == sorted(f"p{number}" for number in range(50))
    assert [each.diagnostics for each in states if each.diagnostics] == []
    assert all(added(each) == names[: len(added(each))] for each in states)
    assert len({len(added(each)) for each in states}) > 10, "the file was looked at too seldom"
    said = [(f"tppc.providers[{name}]: added", str(before + count)) for count, name in enumerate(names, 1)]
    wait_for(lambda: said == re.findall(r"(tppc\S+\[p\d+]: added)\b.* generation=(\d+)", gateway.log), "all in order")
    assert text(gateway).startswith(TEXT)


def added(document: Document) -> list[str]:
    """The names of the providers after those of the text above."""
    block: Any = document.data["tppc"]
    return [each["name"] for each in block["providers"][2:]]


def test_each_write_and_each_refusal_is_an_event_without_a_secret(gateway: Daemon) -> None:
    ask(gateway, "PATCH", "/packycode", {"credentials": {"openai-api-key": "sk-rotated-planted"}})
    ask(gateway, "PATCH", "/packycode", {"base-url": "ftp://user:hidden@x"})
    path = gateway.home / "state" / "audit.jsonl"  # written behind the answer
    wait_for(lambda: '"status":422' in path.read_text().splitlines()[-1], "the last event in the audit file")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    writes = [each for each in events if each["kind"] in ("write", "write-refused")]
    assert [each["kind"] for each in writes[-2:]] == ["write", "write-refused"]
    assert writes[-2]["fields"]["changes"] == ["packycode.credentials.openai-api-key: updated"]
    assert writes[-1]["fields"]["status"] == 422
    assert {each["fields"]["address"] for each in writes} == {"127.0.0.1"}
    gateway.wait_log(r"refused with 422, nothing was written: packycode\.base-url: base-url must be a valid http")
    shown = json.dumps(events) + gateway.log + ask(gateway, "GET", "/packycode").text
    assert "planted" not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    "url, from_afar, status",
    [
        ("http://169.254.169.254/latest", False, 422),
        ("http://127.0.0.1:9/v1", False, 200),
        ("http://127.0.0.1:9/v1", True, 422),
        ("http://10.0.0.1/v1", True, 422),
        ("http://2130706433/v1", True, 422),
        ("http://192.0.2.1/v1", False, 200),
    ],
)
def test_a_base_url_leads_no_further_than_its_caller_may(url: str, from_afar: bool, status: int) -> None:
    """Another host, told by a proxy on this one, may set public addresses alone."""
    opened = TEXT.replace("{secret-key", "{allow-remote: true, trusted-proxies: [127.0.0.1], secret-key")
    with daemon(opened) as one:
        headers = {"x-forwarded-for": "8.8.8.8"} if from_afar else {}
        answer = ask(one, "PATCH", "/packycode", {"base-url": url}, **headers)
        assert answer.status_code == status, answer.text
        if status == 422:
            assert answer.json()["details"][0]["line"] == 5
            assert text(one) == opened
