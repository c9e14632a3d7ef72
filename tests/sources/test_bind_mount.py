"""A single file mounted into a container: saves are found by the poll, a replacement is logged."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMESPACE = ("unshare", "--mount", "--propagation", "private")
ROOT = Path(__file__).resolve().parents[2]


def test_a_bind_mounted_file(tmp_path: Path) -> None:
    if not shutil.which("unshare") or subprocess.run((*NAMESPACE, "true"), capture_output=True).returncode:
        pytest.skip("mount namespaces cannot be made here")
    command = (*NAMESPACE, sys.executable, "-m", "tests.sources.bind_mount", str(tmp_path))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
