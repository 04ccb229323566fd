"""The packages as `make` builds them, once for all tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def made(target: str, pattern: str) -> Path:
    """The file in dist that `make TARGET` wrote last; what is built already takes it a moment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--silent", target], cwd=PROJECT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return max((PROJECT / "dist").glob(pattern), key=lambda file: file.stat().st_mtime)


@pytest.fixture(scope="session")
def wheel() -> Path:
    return made("wheel", "lotor-*.whl")


@pytest.fixture(scope="session")
def deb(wheel) -> Path:
    del wheel
    return made("deb", "lotor_*.deb")


@pytest.fixture(scope="session")
def postgresql_deb(deb) -> Path:
    del deb
    return made("deb", "lotor-postgresql_*.deb")
