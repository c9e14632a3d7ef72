"""Stable IDs: byte for byte the seed system's formula, against vectors computed in a shell."""

from __future__ import annotations

import hashlib

from daemon.snapshot.core_auths import Unique, short, stable_ids

PACKY = {"api_key": "sk-OPENAI-XXXX...", "base_url": "https://codex-api.packycode.com/v1"}
FOX = {"api_key": "sk-a123", "base_url": "https://provider-a.example.com/v1"}


def by_hand(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12]


def test_short_is_the_kind_then_nul_and_part() -> None:
    # printf 'kind\0a\0b' | sha256sum
    assert short("kind", " a ", "b\n") == by_hand(b"kind\0a\0b") == "8adfb143d02e"
    assert short("kind") == by_hand(b"kind")
    assert short("kind", "ab", "c") != short("kind", "a", "bc")


def test_packycode() -> None:
    # printf 'packycode:codex\0<key>\0<url>' | sha256sum, and url before key for the client
    ids = ("packycode:codex:eac7638a9631", "packycode:models:a97a786c803f")
    assert stable_ids("packycode", "packycode", **PACKY) == ids


def test_tppc_lowers_the_name_in_one_id_and_keeps_it_in_the_other() -> None:
    # printf 'tppc:fox\0<key>\0<url>' | sha256sum, printf 'tppc:models\0Fox\0<url>\0<key>' | sha256sum
    assert stable_ids("tppc", "Fox", **FOX) == ("tppc:fox:23d4ea416f11", "tppc:models:011d71ad086a")
    assert stable_ids("tppc", "Fox", **FOX)[1] != stable_ids("tppc", "fox", **FOX)[1]


def test_parts_are_as_written_but_trimmed() -> None:
    spaced = {"api_key": f" {FOX['api_key']} ", "base_url": f"{FOX['base_url']} "}
    assert stable_ids("tppc", " FOX ", **spaced)[0] == stable_ids("tppc", "fox", **FOX)[0]
    other = stable_ids("tppc", "fox", api_key="sk-a123", base_url=FOX["base_url"] + "/")
    assert stable_ids("tppc", "fox", **FOX)[0] != other[0]


def test_a_taken_id_gets_a_number() -> None:
    unique = Unique()
    assert [unique.take(each) for each in ("a", "b", "a", "a")] == ["a", "b", "a-1", "a-2"]


def test_the_store_has_names_of_its_own() -> None:
    # printf 'store:fox\0<key>\0<url>' | sha256sum, printf 'store:models\0Fox\0<url>\0<key>' | sha256sum
    core_auth = by_hand(b"store:fox\0sk-a123\0https://provider-a.example.com/v1")
    client = by_hand(b"store:models\0Fox\0https://provider-a.example.com/v1\0sk-a123")
    assert stable_ids("store", "Fox", **FOX) == (f"store:fox:{core_auth}", f"store:models:{client}")
