"""Which groups a login needs, by `auth_source` and `group_source`; the clock tells nobody who lacks them."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.auth import Beat, Checks, Clock, SteadyBeat, SystemLogins, groups
from lotor.auth.accounts import SystemFiles
from lotor.auth.beat import BEAT
from lotor.auth.housed import Housed
from lotor.config import loads
from lotor.crypto.passwords import Cost, hash_password
from lotor.model.grants import Grants
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import NotInGroup, WrongPassword
from lotor.model.secret import Secret
from lotor.warden.engines import logins_of

SESAME = Secret(b"sesame")
OF_SESAME = "$5$rounds=1000$abcdefgh$ErG1rn0GpODYQsD0nq3v3MbXT2boicTUhjw4zQRk1//"


class Directory:
    """Other hosts' back ends: RADIUS accepts a right password with a group, and a directory knows another one."""

    async def judge(self, which, attempt):
        if attempt.answer(Field.PASSWORD) != SESAME:
            return Refused(WrongPassword(attempt.user))
        return Accepted(attempt.user, Grants(groups=frozenset({"of-radius"})))

    async def groups(self, user):
        return frozenset({"of-ldap"})


@pytest.fixture
def host(tmp_path, monkeypatch):
    (tmp_path / "passwd").write_text("alice:x:1000:100::/:/bin/sh\n")
    (tmp_path / "group").write_text("of-host:x:100:alice\n")
    files = SystemFiles(tmp_path / "passwd", tmp_path / "shadow", tmp_path / "group", tmp_path / "nologin")
    monkeypatch.setattr(groups.Membership.__init__, "__defaults__", (files,))
    monkeypatch.setattr(SystemLogins.__init__, "__defaults__", (files, *SystemLogins.__init__.__defaults__[1:]))
    return tmp_path


def attempt(password=SESAME):
    return LoginAttempt("alice", ((Field.PASSWORD, password),), Peer(IPv4Address("192.0.2.9"), 500))


def engine(host, auth_source, group_source, group):
    lines = f'auth_source {auth_source}; group_source {group_source}; auth_groups "{group}"; auth_throttle 0;'
    mode_cfg = loads(f'mode_cfg {{ {lines} users "{host}/users"; }}').settings.mode_cfg
    return logins_of(mode_cfg, Directory(), Housed())


def verdict(*which):
    return asyncio.run(engine(*which).judge(attempt()))


def own_user(host):
    users = host / "users"
    users.write_text(f"alice:{hash_password(SESAME, Cost(8, 1, 1))}::groups=of-file\n")
    users.chmod(0o600)


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
    own_user(host)
    found = verdict(host, "local", group_source, group)
    assert isinstance(found, Accepted if group in known else Refused), found


@pytest.fixture
def passed(monkeypatch):
    """How long it took until now, by a clock that goes on only while somebody sleeps."""
    seconds = [0.0]

    async def sleep(more):
        seconds[0] += more

    clock = Clock(lambda: seconds[0], sleep)
    for beat in (Beat, SteadyBeat):
        monkeypatch.setattr(beat.__init__, "__defaults__", (clock, BEAT))
    monkeypatch.setattr(Checks.__init__, "__defaults__", (None, None, clock, BEAT))
    return lambda: seconds[0]


@pytest.mark.parametrize(
    ("auth_source", "group_source"),
    [
        *(("local", group_source) for group_source in ("system", "local", "ldap")),
        *(("system", group_source) for group_source in ("system", "ldap")),
        *(("radius", group_source) for group_source in ("system", "radius", "ldap")),
        *(("ldap", group_source) for group_source in ("system", "ldap")),
    ],
)
@pytest.mark.parametrize("wrong", [False, True])
def test_who_lacks_the_group_hears_so_when_a_wrong_password_is_refused(host, passed, auth_source, group_source, wrong):
    own_user(host)
    (host / "shadow").write_text(f"alice:{OF_SESAME}:1::::::\n")
    given = attempt(Secret(b"wrong") if wrong else SESAME)
    found = asyncio.run(engine(host, auth_source, group_source, "of-nobody").judge(given))
    assert isinstance(found.reason, WrongPassword if wrong else NotInGroup)
    assert passed() == BEAT


@pytest.mark.parametrize("group_source", ["system", "local", "ldap"])
@pytest.mark.parametrize(("group", "kept"), [("of-file", 1), ("of-nobody", 0)])
def test_the_password_of_who_lacks_the_group_is_not_remembered(host, passed, group_source, group, kept):
    """A remembered one does not stand in line with the hashes: where many log in, it would be refused sooner."""
    own_user(host)
    logins = engine(host, "local", group_source, group)
    asyncio.run(logins.judge(attempt()))
    assert len(logins.checks.proofs) == kept
