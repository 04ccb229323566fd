"""Logins of a gateway that is one of a fleet: what the warden gives them, and what it stops at its end."""

from __future__ import annotations

import pytest

from fleet_double import Database, FakeFleet
from looped import looped
from lotor.auth.fleet_bans import FleetBans
from lotor.auth.housed import Housed
from lotor.ports.fleet import News, Sign
from lotor.warden.back_ends import NoBackEnds
from lotor.warden.engines import logins_of
from lotor.warden.shared_logins import SharedLogins
from paired import gateway, settings


def configured(base, more=""):
    mode_cfg = f'mode_cfg {{ network4 10.99.99.1; auth_source local; users "{base / "users"}"; }}'
    return settings(f'{more} fleet_key "{base / "fleet.key"}";' + gateway() + mode_cfg)


@pytest.fixture
def key(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "fleet.key").write_text("ab" * 32)
    (tmp_path / "fleet.key").chmod(0o600)


@looped
async def test_logins_ask_the_fleet_for_codes_and_for_who_is_known(tmp_path, key):
    shared = SharedLogins(FakeFleet(), "gw1")
    made = logins_of(configured(tmp_path).mode_cfg, NoBackEnds(), Housed(), shared)
    assert isinstance(made.bans, FleetBans)
    assert made.backend.backend._second.elsewhere is shared.codes
    alone = logins_of(configured(tmp_path).mode_cfg, NoBackEnds(), Housed())
    assert not isinstance(alone.bans, FleetBans)
    assert alone.backend.backend._second.elsewhere is None


@looped
async def test_it_does_with_codes_as_while_store_away_says_also_after_a_reload(tmp_path, key):
    database = Database()
    shared = SharedLogins(FakeFleet(database), "gw1")
    database.go()
    shared.obey(configured(tmp_path, "while_store_away known;"))
    assert await shared.codes.spend("key", 1)
    shared.obey(configured(tmp_path))
    with pytest.raises(OSError, match="no code can be taken: the database is away"):
        await shared.codes.spend("key", 2)
    await shared.stop()


@looped
async def test_news_reach_users_and_codes_and_nothing_runs_after_the_end(tmp_path, key):
    database = Database()
    shared = SharedLogins(FakeFleet(database), "gw1")
    (tmp_path / "users").write_text("alice:hash:\n")
    (tmp_path / "users").chmod(0o600)
    shared.obey(configured(tmp_path))
    shared.hear(News(Sign.JOINED))
    await shared.users.look()
    assert list(database.users) == ["alice"]
    await shared.stop()
    await shared.stop()
