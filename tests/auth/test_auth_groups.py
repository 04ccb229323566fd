"""`auth_groups` around a back end of another host."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.auth.checks import NotJudgedError
from lotor.auth.grouped import GroupedLogins
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, NotInGroup, ServerRefused

ATTEMPT = LoginAttempt("alice", (), Peer(IPv4Address("192.0.2.9"), 500))
STRANGER = Accepted("alice")
STAFF = Accepted("alice", Grants(groups=frozenset({"staff", "others"})))
OUTSIDE = NotInGroup("alice", "admins, staff")


class Says:
    def __init__(self, verdict):
        self.verdict, self.abandoned = verdict, []

    async def judge(self, attempt):
        return self.verdict

    async def abandon(self, conversation):
        self.abandoned.append(conversation)


def judged(verdict, member, groups=("staff", "admins")):
    return asyncio.run(GroupedLogins(Says(verdict), groups, member=member).judge(ATTEMPT))


@pytest.mark.parametrize(
    "verdict", [Refused(ServerRefused("alice", "server")), Challenge("code", (Field.ANSWER,), b"1")]
)
def test_what_is_no_yes_stays_what_it_is(verdict):
    assert judged(verdict, lambda _: pytest.fail("nobody is asked")) == verdict


def test_who_is_granted_a_group_is_a_member():
    assert judged(STAFF, lambda _: pytest.fail("nobody is asked")) == STAFF


def test_who_is_in_a_group_of_the_host_is_a_member():
    assert judged(STRANGER, lambda _: None) == STRANGER
    assert judged(STRANGER, lambda _: OUTSIDE) == Refused(OUTSIDE)


def test_where_only_the_server_grants_groups_nobody_else_is_asked():
    assert judged(STAFF, None) == STAFF
    assert judged(STRANGER, None) == Refused(OUTSIDE)


def test_the_name_that_the_server_gives_counts():
    asked = []
    judged(Accepted("alice@example.org"), asked.append)
    assert asked == ["alice@example.org"]


def test_groups_that_cannot_be_read_let_nobody_in():
    fault = BackEndFault("alice", "/etc/group cannot be read")

    def unreadable(name):
        raise NotJudgedError(fault)

    assert judged(STRANGER, unreadable) == Refused(fault)


def test_without_auth_groups_everybody_gets_in():
    assert judged(STRANGER, None, ()) == STRANGER


def test_a_conversation_is_abandoned_where_it_is():
    says = Says(STRANGER)
    asyncio.run(GroupedLogins(says, ()).abandon(b"ticket"))
    assert says.abandoned == [b"ticket"]
