"""The build backend: setuptools, on a clean tree. The sdist is the whole repository: `make test` and `make install`
work in it.

setuptools leaves ``build/`` and ``*.egg-info`` beside the sources, and packs what it finds there into the next wheel:
after an update of a clone, ``pip install .`` and ``uv tool install .`` would install modules that were deleted.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools import build_meta

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "MANIFEST.in"
IN_SDIST = """\
graft .build
graft .ci
graft bench
graft daemon
graft docs
graft nginx
graft systemd
graft tests
include .dockerignore .editorconfig .gitignore *.md Dockerfile LICENSE Makefile compose.yaml config.yaml constraints.txt
global-exclude *.py[co]
"""
"""What setuptools reads from MANIFEST.in. tests/packaging compares it with the repository."""


def _remove_leftovers() -> None:
    for path in (ROOT / "build", *ROOT.glob("*.egg-info")):
        shutil.rmtree(path, ignore_errors=True)
    MANIFEST.unlink(missing_ok=True)


@contextlib.contextmanager
def _clean_tree() -> Iterator[None]:
    _remove_leftovers()
    try:
        MANIFEST.write_text(IN_SDIST, "utf-8")
        yield
    finally:
        _remove_leftovers()


# The hooks of PEP 517 and PEP 660.
get_requires_for_build_sdist = _clean_tree()(build_meta.get_requires_for_build_sdist)
get_requires_for_build_wheel = _clean_tree()(build_meta.get_requires_for_build_wheel)
get_requires_for_build_editable = _clean_tree()(build_meta.get_requires_for_build_editable)
prepare_metadata_for_build_wheel = _clean_tree()(build_meta.prepare_metadata_for_build_wheel)
prepare_metadata_for_build_editable = _clean_tree()(build_meta.prepare_metadata_for_build_editable)
build_sdist = _clean_tree()(build_meta.build_sdist)
build_wheel = _clean_tree()(build_meta.build_wheel)
build_editable = _clean_tree()(build_meta.build_editable)
