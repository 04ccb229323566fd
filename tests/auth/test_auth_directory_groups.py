"""`group_source ldap` beside another back end of logins."""

from dataclasses import replace
from ipaddress import IPv4Address

from looped import looped
from lotor.auth.directory_groups import DirectoryGroups
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, WrongPassword

ATTEMPT = LoginAttempt("anna", (), Peer(IPv4Address("192.0.2.9"), 500))
GRANTS = Grants(address=IPv4Address("10.99.99.7"), groups=frozenset({"of the host"}))


class Saying:
    def __init__(self, verdict):
        self.verdict, self.abandoned = verdict, []

    async def judge(self, attempt):
        return self.verdict

    async def abandon(self, conversation):
        self.abandoned.append(conversation)


class Directory:
    def __init__(self, groups=frozenset(), fault=None):
        self.groups, self.fault, self.asked = groups, fault, []

    async def of(self, user):
        self.asked.append(user)
        if self.fault is not None:
            raise self.fault
        return self.groups


@looped
async def test_the_directorys_groups_count_and_no_others():
    directory = Directory(frozenset({"staff"}))
    found = await DirectoryGroups(Saying(Accepted("Anna", GRANTS)), directory.of).judge(ATTEMPT)
    assert found == Accepted("Anna", replace(GRANTS, groups=frozenset({"staff"})))
    assert directory.asked == ["Anna"]


@looped
async def test_nobody_asks_for_groups_of_a_login_that_is_not_right():
    for verdict in (Refused(WrongPassword("anna")), Challenge("code?", (Field.PASSCODE,), b"x")):
        directory = Directory(frozenset({"staff"}))
        assert await DirectoryGroups(Saying(verdict), directory.of).judge(ATTEMPT) == verdict
        assert directory.asked == []


@looped
async def test_a_directory_that_cannot_tell_lets_nobody_in():
    for fault in (OSError("no LDAP server answers"), ConnectionRefusedError(111, "no LDAP server answers")):
        found = await DirectoryGroups(Saying(Accepted("anna", GRANTS)), Directory(fault=fault).of).judge(ATTEMPT)
        assert found == Refused(BackEndFault("anna", "no LDAP server answers"))
        assert not found.judged


@looped
async def test_conversations_are_abandoned_at_the_back_end():
    inner = Saying(None)
    await DirectoryGroups(inner, Directory().of).abandon(b"ticket")
    assert inner.abandoned == [b"ticket"]
