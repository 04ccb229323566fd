"""The Debian package as a file: what Debian's own judge says of it, and what is in it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2]
PINS = PROJECT / "packaging" / "deb" / "requirements.txt"
pytestmark = pytest.mark.package


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=280, check=False).stdout


@pytest.fixture(scope="module")
def files(deb):
    """Name of each file, directory and link, with its mode and owner."""
    lines = run("dpkg-deb", "--contents", deb).splitlines()
    return {line.split(maxsplit=5)[5].split(" -> ")[0][1:]: tuple(line.split()[:2]) for line in lines}


def test_lintian_finds_no_error(deb, postgresql_deb):
    said = run("lintian", "--allow-root", "--tag-display-limit", "0", deb, postgresql_deb)
    assert not [line for line in said.splitlines() if line.startswith("E:")], said


def test_everything_is_roots_and_nobody_else_may_write(files):
    assert files
    assert {owner for _, owner in files.values()} == {"root/root"}
    assert not [name for name, (mode, _) in files.items() if mode[0] != "l" and (mode[5] == "w" or mode[8] == "w")]


def test_nothing_of_the_tests_or_of_the_build_is_in_it(files):
    site = "/usr/lib/lotor/lib/python3/site-packages"
    assert f"{site}/lotor/cli/main.py" in files
    assert not [
        name for name in files if re.search(rf"{site}/lotor/.*test|direct_url|/RECORD$|\.pyc$|^/root|^{PROJECT}", name)
    ]


def test_both_programs_and_the_sample_scripts_are_in_it(files):
    for program in ("/usr/bin/lotor", "/usr/bin/racoonctl", "/usr/share/lotor/hooks/phase1-up.sh"):
        assert files[program][0] == "-rwxr-xr-x"


def test_units_pages_and_completions_that_the_project_has_are_in_it(files):
    there = {Path(name).name.removesuffix(".gz") for name in files}
    kinds = ("systemd", "sysusers", "tmpfiles", "man", "completion")
    kept = {file.name for kind in kinds for file in (PROJECT / "packaging" / kind).glob("*") if file.is_file()}
    assert kept <= there


def test_the_pinned_packages_are_those_that_pyproject_allows_and_the_tests_ran_with():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    pinned = dict(re.findall(r"^(\S+)==(\S+)", PINS.read_text(), re.MULTILINE))
    assert set(pinned) == {"cffi", *(Requirement(each).name for each in project["dependencies"])}
    for wanted in map(Requirement, project["dependencies"]):
        assert wanted.specifier.contains(pinned[wanted.name])
    frozen = run(PROJECT / ".venv" / "bin" / "python", "-m", "pip", "freeze")
    here = {name.replace("_", "-"): version for name, version in re.findall(r"^(\S+)==(\S+)", frozen, re.MULTILINE)}
    assert {name: here[name] for name in pinned} == pinned


def test_licences_of_what_is_inside_are_told(deb):
    told = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, check=True, timeout=120).stdout
    words = ["tar", "--extract", "--to-stdout", "./usr/share/doc/lotor/copyright"]
    text = subprocess.run(words, input=told, capture_output=True, check=True, timeout=60).stdout.decode()
    for name, licence in (("cryptography", "BSD-3-Clause"), ("cffi", "MIT-0"), ("aws-lc-sys", "ISC"), ("pyo3", "MIT")):
        assert re.search(rf"^{name} \d\S*\nLicense: .*{licence}.*\nTexts: \d", text, re.MULTILINE), name


def test_the_driver_of_a_fleet_is_a_package_of_its_own(files, postgresql_deb):
    """Compiled for each Python that lotor's package is for, of the version that the tests ran with, and small."""
    site = "/usr/lib/lotor/lib/python3/site-packages"
    assert not [name for name in files if "asyncpg" in name]
    inside = run("dpkg-deb", "--contents", postgresql_deb)
    assert set(re.findall(rf"{site}/asyncpg/protocol/protocol\.cpython-(\d+)-", inside)) == {"311", "312", "313", "314"}
    assert not re.search(r"\.(pyx|pxd|pyi|c|h)$|_testbase|/RECORD$", inside, re.MULTILINE)
    assert {line.split()[1] for line in inside.splitlines()} == {"root/root"}
    told = dict(re.findall(r"^ (\S+): (.*)$", run("dpkg-deb", "--info", postgresql_deb), re.MULTILINE))
    assert told["Depends"].startswith(f"lotor (= {told['Version']})")
    assert int(told["Installed-Size"]) < 8000


def test_the_driver_is_the_one_that_pyproject_allows_and_the_tests_ran_with():
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (wanted,) = map(Requirement, extras["postgresql"])
    (pinned,) = re.findall(r"^asyncpg==(\S+)", PINS.with_name("requirements-postgresql.txt").read_text(), re.MULTILINE)
    assert wanted.specifier.contains(pinned)
    assert f"asyncpg=={pinned}" in extras["dev"]
