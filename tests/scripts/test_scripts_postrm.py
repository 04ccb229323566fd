"""What a purge of the Debian package does with the account `lotor`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

POSTRM = Path(__file__).parents[2] / "packaging" / "deb" / "postrm"
GETENT = """#!/bin/sh
[ "$1" = group ] && {{ echo lotor:x:990:; exit; }}
[ -z "{name}" ] && exit 2
echo "lotor:x:990:990:{name}:/nonexistent:/usr/sbin/nologin"
"""
DELETED = """#!/bin/sh
echo "${0##*/} $*" >>"$NOTED"
"""


@pytest.mark.parametrize(
    ("name", "deleted"),
    [
        ("lotor VPN daemon,,,", ["userdel lotor", "groupdel lotor"]),
        ("lotor VPN daemon", ["userdel lotor", "groupdel lotor"]),
        ("Anna Lotor", []),
        ("", ["groupdel lotor"]),  # no such account: its group alone is left of an earlier purge
    ],
)
def test_a_purge_takes_the_account_that_the_package_made_and_no_other(tmp_path, name, deleted):
    programs = {"getent": GETENT.format(name=name), "userdel": DELETED, "groupdel": DELETED}
    for program, text in programs.items():
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)
    account = re.search(r"^account\(\) \{.*?^\}$", POSTRM.read_text(), re.MULTILINE | re.DOTALL)[0]
    noted = tmp_path / "noted"
    noted.touch()
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NOTED": str(noted)}
    subprocess.run(["sh", "-ec", f"{account}\naccount"], env=environment, check=True, timeout=60)
    assert noted.read_text().splitlines() == deleted
