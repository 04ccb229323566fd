"""A configuration with a secret in it that others may read."""

from __future__ import annotations

import pytest

from lotor.config.load import examine

RADIUS = 'radiuscfg { auth "192.0.2.9" "a long secret"; }\n'
DYNAMIC = 'radiuscfg { dynamic_client 192.0.2.9 "a long secret"; }\n'
LDAP = 'ldapcfg { bind_dn "cn=gw"; bind_pw "a long secret"; }\n'
FLEET = 'store "postgresql://lotor:secret@192.0.2.9/lotor";\n'


def warned(directory, text, mode):
    path = directory / "racoon.conf"
    path.write_text(text)
    path.chmod(mode)
    return [each for each in examine(path).warnings if "others on this host may read" in each.text]


@pytest.mark.parametrize("text", [RADIUS, DYNAMIC, LDAP, FLEET])
def test_a_secret_that_others_may_read_is_told_once_with_what_to_type(tmp_path, text):
    told = warned(tmp_path, text, 0o644)
    assert [(each.line, "a long secret" in each.text) for each in told] == [(1, False)]
    assert "mode 0644" in told[0].text
    assert told[0].text.endswith(f"Type: chmod 600 {tmp_path}/racoon.conf")


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_of_root_and_its_group_is_not_told(tmp_path, mode):
    path = tmp_path / "racoon.conf"
    path.touch()
    told = warned(tmp_path, RADIUS, mode)
    assert bool(told) is (mode == 0o640 and path.stat().st_gid != 0)


@pytest.mark.parametrize("text", ["", "radiuscfg { timeout 5; }\n", 'ldapcfg { base "dc=x"; }\n'])
def test_a_file_without_a_secret_is_not_told(tmp_path, text):
    assert warned(tmp_path, text, 0o644) == []


def test_a_secret_in_an_included_file_is_told_of_that_file(tmp_path):
    part = tmp_path / "secrets.conf"
    part.write_text(RADIUS + LDAP)
    part.chmod(0o644)
    told = warned(tmp_path, f'include "{part}";\n', 0o644)
    assert [each.path for each in told] == [str(part)]
