"""What is said of a mistake: the place and the expectation, never the value."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from msgspec import Struct

from daemon.wires.json import mistake


class Head(Struct, tag="head"):
    role: Literal["user"] = "user"
    sizes: dict[str, int] = {}


class Tail(Struct, tag="tail"):
    pass


@pytest.mark.parametrize(
    "body, what, place",
    [
        ('{"type": "head", "role": "the secret"}', "Invalid value", "$.role"),
        ('{"type": "head", "role": "the secret - at `$.other`"}', "Invalid value", "$.role"),
        ('{"type": "the secret\'s"}', "Invalid value", "$.type"),
        ('{"type": "head", "sizes": {"the secret": "big"}}', "Expected `int`, got `str`", "$.sizes[...]"),
        ('{"role": "user"}', "Object missing required field `type`", ""),
        ('"the secret - at `$.other`"', "Expected `object`, got `str`", ""),
    ],
)
def test_a_value_is_not_shown(body: str, what: str, place: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=Head | Tail)
    assert mistake(caught.value) == (what, place)
    assert "secret" not in str(mistake(caught.value))


def test_a_value_without_a_place_is_not_shown_either() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode('"the secret - at `$.other`"', type=Literal["a"])
    assert str(mistake(caught.value)) == "Invalid value"
