"""Which groups a login needs, by `auth_source` and `group_source`."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.auth import groups
from lotor.auth.accounts import SystemFiles
from lotor.auth.housed import Housed
from lotor.config import loads
from lotor.crypto.passwords import Cost, hash_password
from lotor.model.grants import Grants
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.warden.engines import logins_of


class Directory:
    """Other hosts' back ends: RADIUS accepts everybody with a group, and a directory knows another one."""

    async def judge(self, which, attempt):
        return Accepted(attempt.user, Grants(groups=frozenset({"of-radius"})))

    async def groups(self, user):
        return frozenset({"of-ldap"})


@pytest.fixture
def host(tmp_path, monkeypatch):
    (tmp_path / "passwd").write_text("alice:x:1000:100::/:/bin/sh\n")
    (tmp_path / "group").write_text("of-host:x:100:alice\n")
    files = SystemFiles(tmp_path / "passwd", tmp_path / "shadow", tmp_path / "group", tmp_path / "nologin")
    monkeypatch.setattr(groups.Membership.__init__, "__defaults__", (files,))
    return tmp_path


def attempt():
    return LoginAttempt("alice", ((Field.PASSWORD, Secret(b"sesame")),), Peer(IPv4Address("192.0.2.9"), 500))


def verdict(host, auth_source, group_source, group):
    lines = f'auth_source {auth_source}; group_source {group_source}; auth_groups "{group}"; auth_throttle 0;'
    mode_cfg = loads(f'mode_cfg {{ {lines} users "{host}/users"; }}').settings.mode_cfg
    logins = logins_of(mode_cfg, Directory(), Housed())
    return asyncio.run(logins.judge(attempt()))


@pytest.mark.parametrize(
    ("auth_source", "group_source", "known"),
    [
        ("radius", "system", {"of-host", "of-radius"}),
        ("radius", "radius", {"of-radius"}),
        ("radius", "ldap", {"of-radius", "of-ldap"}),
    ],
)
@pytest.mark.parametrize("group", ["of-host", "of-radius", "of-ldap", "of-nobody"])
def test_a_login_of_a_radius_server_needs_a_group_of_the_right_source(host, auth_source, group_source, known, group):
    found = verdict(host, auth_source, group_source, group)
    assert isinstance(found, Accepted if group in known else Refused), found


@pytest.mark.parametrize(
    ("group_source", "known"),
    [("system", {"of-host", "of-file"}), ("local", {"of-file"}), ("ldap", {"of-file", "of-ldap"})],
)
@pytest.mark.parametrize("group", ["of-host", "of-file", "of-ldap", "of-nobody"])
def test_a_user_of_the_file_needs_a_group_of_the_right_source(host, group_source, known, group):
    users = host / "users"
    users.write_text(f"alice:{hash_password(Secret(b'sesame'), Cost(8, 1, 1))}::groups=of-file\n")
    users.chmod(0o600)
    found = verdict(host, "local", group_source, group)
    assert isinstance(found, Accepted if group in known else Refused), found
