"""Commands under closed streams and under locales that lack characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT, config, provider

SHOW = "import os; from daemon.cli.standard_streams import prepare; prepare(); print(os.open('/dev/null', 0))"
"""The next file that is opened."""


@pytest.mark.parametrize("closed", ["0<&-", "2>&-", "0<&- 2>&-", ""])
def test_closed_descriptors_are_not_given_to_the_next_file(closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, SHOW],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert int(done.stdout) > 2


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-"])
def test_the_daemon_checks_its_file_without_them(closed: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config(provider("fox", "http://127.0.0.1:9/v1")))
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m daemon check "$1" {closed}', sys.executable, str(path)],
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0


def test_a_name_that_the_locale_lacks_is_printed_as_an_escape(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("{}")
    new.write_text(config(provider("狐狸", "http://127.0.0.1:9/v1", api_key="key-of-fox")))
    new.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "diff", str(old), str(new)],
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    assert rb"tppc.providers[\u72d0\u72f8]: added" in done.stdout
