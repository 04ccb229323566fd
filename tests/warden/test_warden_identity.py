"""Whom a daemon becomes, as the host knows it."""

from __future__ import annotations

import pytest

from lotor.config import privsep as accounts
from lotor.config.settings import Privsep
from lotor.confinement import identity
from lotor.confinement.identity import Identity, unprivileged


def named(user=None, group=None) -> Privsep:
    return Privsep(user, group, None)


def test_whoever_is_named(monkeypatch):
    found = unprivileged(named("daemon"))
    assert (found.user, found.group, found.uid, found.gid) == ("daemon", "daemon", 1, 1)
    assert unprivileged(named("daemon", "nogroup")).group == "nogroup"
    assert unprivileged(named("4000000001", "4000000002")) == Identity(
        4000000001, 4000000002, "4000000001", "4000000002"
    )


def test_the_account_of_lotor_where_there_is_one_else_nobody(monkeypatch):
    monkeypatch.setattr(identity, "ACCOUNTS", ("no_such_account", "nobody"))
    assert unprivileged(None).user == "nobody"
    assert unprivileged(named()).user == "nobody"
    monkeypatch.setattr(identity, "ACCOUNTS", ("daemon", "nobody"))
    assert unprivileged(named()).user == "daemon"
    assert accounts.ACCOUNTS == ("lotor", "nobody")


@pytest.mark.parametrize("privsep", [named("root"), named("0"), named("daemon", "root"), named("daemon", "0")])
def test_root_is_nobody_s_identity(privsep):
    with pytest.raises(LookupError, match="rights of root"):
        unprivileged(privsep)


def test_who_is_not_there(monkeypatch):
    with pytest.raises(LookupError, match="no user"):
        unprivileged(named("no_such_account"))
    with pytest.raises(LookupError, match="no group"):
        unprivileged(named("daemon", "no_such_group"))
    monkeypatch.setattr(identity, "ACCOUNTS", ("no_such_account",))
    with pytest.raises(LookupError, match="no user"):
        unprivileged(None)


def test_it_fits_into_one_word():
    found = unprivileged(named("daemon"))
    assert Identity.of(found.word) == found
    with pytest.raises(ValueError, match="unpack"):
        Identity.of("1:1")
