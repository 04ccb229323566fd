"""N2: what a member of the socket's group may see and do on a gateway, and on a client's machine."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lotor.config.settings import AuthSource
from lotor.control.messages import Debug, Done, Explain, Failed, Logout, Status
from lotor.control.service import Credential
from lotor.daemon import rights
from lotor.daemon.rights import OTHERS, Rights, rights_of
from lotor.model.policy import Side
from visiting import PASSWORD, ROOT, Typing, play

MEMBER = 61234


def caller(uid=MEMBER, *groups):
    someone = Typing()
    someone.credential = Credential(7, uid, uid, frozenset({uid, *groups}))
    return someone


@pytest.fixture(autouse=True)
def _daemon_of_root(monkeypatch):
    monkeypatch.setattr(rights.os, "geteuid", lambda: 0)


def active(*sides, source=AuthSource.LOCAL, group=None):
    return SimpleNamespace(
        serves_as=lambda side: side in sides,
        settings=SimpleNamespace(
            mode_cfg=SimpleNamespace(auth_source=source), listen=SimpleNamespace(admin_group=group)
        ),
    )


def test_n2_a_group_member_on_a_gateway_sees_and_ends_nobody_else(directory):
    async def story(world):
        await world.vc()
        (session,) = world.gateway.register.all()
        heard = []
        end = world.gateway_admin.subscribe(heard.append, caller())
        admin = world.gateway_admin
        refusals = [
            await admin.logout(Logout("alice"), caller()),
            await admin.logout(Logout(session=session.id), caller()),
            await admin.logout(Logout(session=session.id + 1), caller()),
            await admin.reload(caller()),
        ]
        shown = await admin.status(Status(), caller()), admin.explain(Explain(""), caller())
        found = admin.explain(Explain("alice"), caller())
        await world.vd()
        end()
        return refusals, shown, found, heard, len(world.gateway.register.all())

    refusals, (status, explained), found, heard, _ = play(directory, story)
    assert refusals == [Failed(OTHERS)] * 4
    assert status["sessions"] == []
    assert status["half_open"] == 0
    assert status["users"] == 0
    assert explained.report["attempts"] == []
    assert explained.report["known"] == 0
    assert isinstance(found, Failed)
    assert heard == []


def test_only_administrators_follow_a_peer_and_hear_no_secret(directory):
    async def story(world):
        admin, heard = world.gateway_admin, []
        refused = admin.debug(Debug("alice", 60), heard.append, caller())
        nobody = admin.debug(Debug("", 60), heard.append, ROOT)
        end = admin.debug(Debug("alice", 60), heard.append, ROOT)
        await world.vc()
        await world.vd()
        end()
        return refused, nobody, heard

    refused, nobody, heard = play(directory, story)
    assert refused == Failed(OTHERS)
    assert isinstance(nobody, Failed)
    assert {"LoggedIn", "ChildUp", "Ended"} <= {each.event for each in heard}
    assert not any(PASSWORD in each.text for each in heard)


def test_n2_root_and_the_administrators_see_and_do_all(directory):
    async def story(world):
        await world.vc()
        admin = world.gateway_admin
        heard = []
        end = admin.subscribe(heard.append, ROOT)
        done = await admin.reload(ROOT)
        status = await admin.status(Status(), ROOT)
        assert status["users"] == 1
        shown = status["sessions"]
        await world.vd()
        assert (await admin.status(Status(), ROOT))["users"] == 0
        end()
        return done, shown, heard

    done, shown, heard = play(directory, story)
    assert isinstance(done, Done)
    assert [each["user"] for each in shown] == ["alice"]
    assert heard


def test_n2_a_reload_that_takes_the_gateway_away_gives_nobody_its_sessions():
    member = caller().credential
    assert rights_of(member, active(Side.CLIENT)).all
    assert not rights_of(member, active(Side.CLIENT), serving=True).all
    assert rights_of(ROOT.credential, active(Side.CLIENT), serving=True).all


def test_n2_on_a_clients_machine_the_group_runs_the_vpn(directory):
    async def story(world):
        await world.vc()
        member = caller()
        shown = (await world.admin.status(Status(), member))["sessions"]
        return shown, await world.admin.reload(member), await world.admin.logout(Logout("alice"), member)

    shown, reloaded, ended = play(directory, story)
    assert len(shown) == 1
    assert isinstance(reloaded, Done)
    assert not isinstance(ended, Failed) or ended.text != OTHERS


def test_n2_the_members_of_admin_group_are_as_root(monkeypatch):
    monkeypatch.setattr(rights.grp, "getgrnam", lambda name: SimpleNamespace(gr_gid={"wheel": 10}[name]))
    gateway = active(Side.GATEWAY, group="wheel")
    assert rights_of(caller(MEMBER, 10).credential, gateway).all
    assert not rights_of(caller(MEMBER, 11).credential, gateway).all
    assert not rights_of(caller(MEMBER, 10).credential, active(Side.GATEWAY, group="gone")).all


def test_n2_the_own_user_of_a_daemon_without_rights_is_no_administrator(monkeypatch):
    """Others may run as nobody, too. One process alone is run by its user."""
    monkeypatch.setattr(rights.os, "geteuid", lambda: MEMBER)
    gateway = active(Side.GATEWAY)
    assert rights_of(caller(MEMBER).credential, gateway).all
    assert not rights_of(caller(MEMBER).credential, gateway, owner=0).all
    assert rights_of(ROOT.credential, gateway, owner=0).all


def test_n2_an_account_of_the_host_has_its_own_sessions_where_logins_are_accounts(monkeypatch):
    monkeypatch.setattr(rights.pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name={MEMBER: "alice"}[uid]))
    system = rights_of(caller().credential, active(Side.GATEWAY, source=AuthSource.SYSTEM))
    assert system == Rights(all=False, login="alice")
    assert system.concern(Side.GATEWAY, "alice")
    assert system.concern(Side.CLIENT, "")
    assert not system.concern(Side.GATEWAY, "bob")
    assert not system.concern(Side.GATEWAY, "")


def test_n2_somebody_of_the_same_name_among_lotors_own_users_is_another_person(monkeypatch):
    monkeypatch.setattr(rights.pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="alice"))
    local = rights_of(caller().credential, active(Side.GATEWAY, source=AuthSource.LOCAL))
    pam = rights_of(caller().credential, active(Side.GATEWAY, source=AuthSource.PAM))
    assert local == pam == Rights(all=False)
    assert not local.concern(Side.GATEWAY, "alice")
    assert not local.concern(Side.GATEWAY, "")


def test_a_caller_without_a_name_has_no_login():
    nobody = rights_of(caller(4_000_000_000).credential, active(Side.GATEWAY, source=AuthSource.SYSTEM))
    assert nobody == Rights(all=False)


def test_a_ledger_that_does_not_answer_is_a_remark(directory):
    class Silent:
        async def all(self):
            raise OSError(110, "no answer within 10 s")

    async def story(world):
        world.gateway.sessions = Silent()
        return await world.gateway_admin.status(Status(), ROOT)

    status = play(directory, story)
    assert (status["users"], status["remarks"][0]) == (0, "who is logged in is not told: no answer within 10 s")
