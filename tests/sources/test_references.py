"""A reference gives the text it stands for, or says what is missing without saying what is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config.references import UnresolvedReference
from daemon.sources.references import resolver, watched_paths

KEY = "sk-planted-0123456789"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "fox").write_text(f"{KEY}\n")
    (tmp_path / "plain").write_text(KEY)
    (tmp_path / "windows").write_text(f"{KEY}\r\n")
    (tmp_path / "two").write_text(f"{KEY}\n\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + KEY.encode())
    (tmp_path / "huge").write_bytes(b"x" * 65_537)
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    return {"NAME": KEY, "EMPTY": "", "CREDENTIALS_DIRECTORY": str(credentials)}


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("env:NAME", KEY),
        ("env:EMPTY", ""),
        ("credential:fox", KEY),
        ("file:{}/plain", KEY),
        ("file:plain", KEY),
        ("file:./windows", KEY),
        ("file:two", f"{KEY}\n"),
        ("file:empty", ""),
    ],
)
def test_followed(tmp_path: Path, environ: dict[str, str], reference: str, text: str) -> None:
    assert resolver(environ, base=tmp_path)(reference.format(tmp_path)) == text


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:MISSING", "environment variable MISSING is not set"),
        ("env:", "names nothing"),
        ("file:", "names nothing"),
        ("file:missing", "does not exist"),
        ("file:pipe", "is a pipe"),
        ("file:.", "is a directory"),
        ("file:binary", "is not UTF-8 text"),
        ("file:huge", "the limit is 65536"),
        ("credential:wolf", "no credential of this name"),
        ("credential:../plain", "a credential has no path"),
        ("env: MISSING", "has a blank after env:"),
        ("env:\u00a0MISSING", "has a blank after env:"),
        ("file: plain", "has a blank after file:"),
        ("credential: fox", "has a blank after credential:"),
        ("env:MISSING ", "ends with a blank"),
        ("env: ", "names nothing"),
        ("env:$MISSING", "takes the bare name"),
        ("env:${MISSING}", "takes the bare name"),
        ("vault:fox", "is not a known kind of reference"),
    ],
)
def test_leading_nowhere(tmp_path: Path, environ: dict[str, str], reference: str, message: str) -> None:
    with pytest.raises(UnresolvedReference, match=message) as why:
        resolver(environ, base=tmp_path)(reference)
    assert why.value.hint
    assert KEY not in why.value.message + why.value.hint


@pytest.mark.parametrize("passed", [False, True])
def test_a_credential_that_was_not_passed_names_the_unit(passed: bool, environ: dict[str, str]) -> None:
    with pytest.raises(UnresolvedReference, match="no credential") as why:
        resolver(environ if passed else {})("credential:wolf")
    assert why.value.hint == "add LoadCredential=wolf:/path to the systemd unit, then restart the daemon"


def test_what_is_watched(tmp_path: Path, environ: dict[str, str]) -> None:
    names = ("plain", "/etc/key", "credential:fox", "credential:../plain")
    credential = f"{environ['CREDENTIALS_DIRECTORY']}/fox"
    assert watched_paths(names, environ, base=tmp_path) == {f"{tmp_path}/plain", "/etc/key", credential}
    assert watched_paths(("credential:fox",), {}) == frozenset()
