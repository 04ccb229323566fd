"""The wheel: what is in it, and that a machine with Python and no compiler is all it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.package


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as opened:
        return [PurePosixPath(name) for name in opened.namelist()]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A virtual environment into which pip brought the wheel; no program but its own is found on the way."""
    home = tmp_path_factory.mktemp("environment") / "lotor"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=120)
    pip = [sys.executable, "-m", "pip", "--python", home, "install", "--quiet", "--no-compile"]
    words = [*pip, "--disable-pip-version-check", "--only-binary", ":all:", wheel]
    done = subprocess.run(words, env=bare(home), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done
    return home


def bare(environment):
    """No program but its own is found; what the person set for pip itself stays."""
    kept = {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower().endswith("proxy")
    }
    return {**kept, "PATH": str(environment / "bin")}


def call(environment, *words):
    program = [environment / "bin" / words[0], *words[1:]]
    return subprocess.run(
        program, env=bare(environment), cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


def test_every_module_is_in_it_and_nothing_of_the_tests(names):
    modules = {PurePosixPath(file.relative_to(PROJECT / "src")) for file in (PROJECT / "src").rglob("*.py")}
    assert modules <= set(names)
    assert {name.parts[0] for name in names} == {
        "lotor",
        *(f"lotor-{version()}.{kind}" for kind in ("data", "dist-info")),
    }
    assert not [name for name in names if "test" in name.name.lower() or name.suffix == ".pyc"]


def test_the_licence_is_in_it(names):
    assert PurePosixPath(f"lotor-{version()}.dist-info/licenses/LICENSE") in names


def test_what_users_need_beside_the_program_is_in_it(names):
    """Sample scripts, manual pages, completion: each file that the project has."""
    share = PurePosixPath(f"lotor-{version()}.data/data/share")
    there = {name.name for name in names if name.is_relative_to(share)}
    places = (PROJECT / "share" / "hooks", PROJECT / "packaging" / "man", PROJECT / "packaging" / "completion")
    kept = {file.name for place in places for file in place.iterdir()}
    assert kept
    assert kept <= there
    assert share / "man" / "man8" / "lotor.8" in names


def test_one_wheel_is_for_every_python_and_for_a_c_library_as_old_as_that_of_debian_12(wheel):
    old = re.fullmatch(r"lotor-.*-cp311-abi3-manylinux_2_(\d+)_\w+\.whl", wheel.name)
    assert old
    assert int(old[1]) <= 36


def test_it_is_installed_and_used_without_a_compiler(environment, tmp_path):
    assert call(environment, "lotor", "--version").stdout == f"lotor {version()}\n"
    assert "vpn-connect" in call(environment, "racoonctl", "--help").stdout
    made = call(environment, "lotor", "pki", "ca", "-d", str(tmp_path), "Example VPN CA")
    assert made.returncode == 0, made
    assert call(environment, "lotor", "pki", "gateway", "-d", str(tmp_path), "vpn.example.net").returncode == 0
    file = tmp_path / "racoon.conf"
    file.write_text(f'path certificate "{tmp_path}";\nremote anonymous {{ bogus on; }}\n')
    checked = call(environment, "lotor", "check", str(file))
    assert checked.returncode == 4
    assert "bogus" in checked.stdout + checked.stderr
    assert (environment / "share" / "lotor" / "hooks" / "phase1-up.sh").stat().st_mode & 0o111


def version():
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
