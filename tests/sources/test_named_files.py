"""The extra CA file is looked for beside config.yaml, and reported where it cannot be used."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from daemon.config.document import parse
from daemon.config.load import Fragment, load
from daemon.sources.named_files import with_named_files
from daemon.sources.references import resolver


def examined(written: str, base: Path) -> Fragment:
    document = parse(f"host: ''\nupstream-ca: {written}\n".encode(), "config.yaml")
    return with_named_files(load(document, resolve=resolver({}, base=base)), document, {}, base)


def test_a_file_beside_the_configuration_is_found(tmp_path: Path) -> None:
    system = ssl.get_default_verify_paths().cafile
    if system is None:
        pytest.skip("this machine has no CA bundle to copy")
    (tmp_path / "ca.pem").write_bytes(Path(system).read_bytes())
    fragment = examined("ca.pem", tmp_path)
    assert fragment.settings is not None and fragment.settings.upstream_ca == str(tmp_path / "ca.pem")
    assert fragment.written["upstream-ca"] == "ca.pem"


@pytest.mark.parametrize(("content", "words"), [(None, "does not exist"), (b"no PEM", "no cert"), (b"\xff", "no cert")])
def test_a_file_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    fragment = examined("ca.pem", tmp_path)
    problem = fragment.diagnostics[-1]
    assert fragment.settings is None
    assert (problem.dotted, problem.line, problem.column, problem.severity) == ("upstream-ca", 2, 14, "error")
    assert words in problem.message and problem.hint


def test_without_one_nothing_is_read(tmp_path: Path) -> None:
    assert examined("", tmp_path).settings is not None


def test_a_path_behind_a_reference_is_not_shown(tmp_path: Path) -> None:
    document = parse(b"upstream-ca: env:CA\n", "config.yaml")
    fragment = load(document, resolve=resolver({"CA": "planted.pem"}, base=tmp_path))
    problem = with_named_files(fragment, document, {}, tmp_path).diagnostics[-1]
    assert problem.message == "the file that env:CA names does not exist"
    assert "planted" not in str(problem)
