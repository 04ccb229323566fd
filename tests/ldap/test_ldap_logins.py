"""Logins at directories that are honest, that lie, that are slow, and that go away."""

import asyncio
import logging
import socket
from ipaddress import IPv4Address

import pytest

from directory import BASE, CLOSE, SERVICE, attempt, directory, entry, honest, policy, reference, result, said, settings
from looped import looped
from lotor.config.servers import LdapServer
from lotor.ldap import ber, connection, logins, messages, pool, servers
from lotor.ldap.logins import LdapLogins
from lotor.model.login import Accepted, Refused
from lotor.model.reasons.logins import (
    AccountExpired,
    AnswerTooLong,
    BackEndFault,
    Busy,
    DirectoryRefused,
    Locked,
    NoName,
    PasswordDue,
    PasswordExpired,
    SeveralEntries,
    UnknownUser,
    WrongPassword,
)
from lotor.model.secret import Secret
from lotor.names.whereabouts import Whereabouts

ANNA = f"uid=anna,{BASE}"


def answering(search=None, bind=None):
    """An honest directory with anna, but for what `search` and `bind` say of her."""
    usual = honest(anna=b"secret")

    def answer(asked):
        own = {messages.SEARCH: search, messages.BIND: bind if asked.name != SERVICE.encode() else None}.get(asked.op)
        return own(asked) if own is not None else usual(asked)

    return answer


def succeeding(asked):
    return [result(asked)]


def named(name):
    """Anna's entry has this DN."""
    return lambda asked: [entry(asked, name, uid=[b"anna"]), result(asked)]


def way_to(server, seconds):
    return connection.Way(server, None, seconds, Whereabouts(server.host))


async def judged(answer, user="anna", password="secret", engine=None, **others):
    async with directory(answer) as there:
        made = LdapLogins(settings(there.server, **others), **(engine or {}))
        verdict = await made.judge(attempt(user, password))
        await made.close()
        return verdict, there


async def reason(answer, user="anna", password="secret", **others):
    verdict, _ = await judged(answer, user, password, **others)
    assert isinstance(verdict, Refused), verdict
    return verdict.reason


@looped
async def test_a_login_is_a_search_by_the_service_and_a_bind_of_its_own():
    verdict, there = await judged(answering())
    assert verdict == Accepted("anna")
    binds = there.of(messages.BIND)
    assert [each.name for each in binds] == [SERVICE.encode(), ANNA.encode()]
    assert there.connections == 2, "the user's bind would take the service's rights away from the searches"
    searched = there.of(messages.SEARCH)
    assert [(each.name, each.attribute, each.value, each.size) for each in searched] == [
        (BASE.encode(), "uid", b"anna", 2)
    ]


@looped
async def test_a_wrong_password_and_an_unknown_user_cost_the_same_questions():
    wrong, known = await judged(answering(), password="nope")
    unknown, nobody = await judged(answering(), user="zoe", password="nope")
    assert wrong == Refused(WrongPassword("anna"))
    assert unknown == Refused(UnknownUser("zoe"))
    assert [each.op for each in known.asked] == [each.op for each in nobody.asked]
    assert known.of(messages.BIND)[-1].value == nobody.of(messages.BIND)[-1].value == b"nope"


@looped
async def test_an_unknown_user_is_none_even_where_every_bind_succeeds():
    assert await reason(answering(bind=succeeding), "zoe") == UnknownUser("zoe")


@looped
async def test_what_the_unknown_user_binds_as_is_another_name_each_time():
    async with directory(answering()) as there:
        made = LdapLogins(settings(there.server))
        for _ in range(2):
            await made.judge(attempt("zoe"))
        names = [each.name for each in there.of(messages.BIND)[1:]]
        assert len(set(names)) == 2
        assert all(each.endswith(BASE.encode()) for each in names)


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("anna", "", WrongPassword("anna")),
        ("anna", "sec\0ret", WrongPassword("anna")),
        ("anna", "x" * 1025, AnswerTooLong("anna", 1024)),
        ("", "secret", NoName("")),
        ("a" * 257, "secret", NoName("a" * 257)),
        ("anna\0", "secret", NoName("anna\0")),
    ],
)
@looped
async def test_no_directory_hears_of_what_no_password_or_name_can_be(user, password, expected):
    verdict, there = await judged(honest(anna=b""), user, password)
    assert verdict == Refused(expected)
    assert there.asked == []


@looped
async def test_an_empty_password_is_not_even_sent_by_a_connection():
    async with directory(honest(anna=b"")) as there:
        way = way_to(there.server, seconds=60)
        made = await connection.Connection.open(way)
        with pytest.raises(connection.DirectoryError, match="empty password"):
            await made.bind(ANNA.encode(), Secret(b""))
        assert there.asked == []
        made.abort()


@looped
async def test_two_entries_of_one_name_let_nobody_in(caplog):
    def twins(asked):
        return [entry(asked, f"uid=anna,ou={each},{BASE}", uid=[b"anna"]) for each in "ab"] + [result(asked, 4)]

    verdict, there = await judged(answering(twins, succeeding))
    assert verdict == Refused(SeveralEntries("anna", "uid"))
    assert not there.of(messages.BIND)[-1].name.startswith(b"uid=anna")


@looped
async def test_more_entries_than_asked_for_are_a_fault():
    def crowd(asked):
        return [entry(asked, f"uid={each}", uid=[b"anna"]) for each in range(1000)] + [result(asked)]

    found = await reason(answering(crowd))
    assert isinstance(found, BackEndFault)
    assert "more than it was asked for" in found.detail


@looped
async def test_references_are_not_followed_and_told(caplog):
    def elsewhere(asked):
        return [reference(asked), result(asked)]

    assert await reason(answering(elsewhere)) == UnknownUser("anna")
    assert "refers to other servers for anna" in caplog.text


@looped
async def test_endless_references_end_with_the_question():
    def endless(asked):
        return [reference(asked) for _ in range(100)] + [result(asked)]

    assert isinstance(await reason(answering(endless)), BackEndFault)


@looped
async def test_an_entry_without_a_name_is_no_bind_of_nobody():
    """A bind by an empty name succeeds at many servers, whatever the password (RFC 4513 §5.1)."""
    for name in (b"", b"x" * 4000):
        verdict, there = await judged(
            answering(
                lambda asked, name=name: [entry(asked, name, uid=[b"anna"]), result(asked)],
                lambda asked: [result(asked)],
            )
        )
        assert isinstance(verdict.reason, BackEndFault)
        assert [each.name for each in there.of(messages.BIND)] == [SERVICE.encode()]


@looped
async def test_a_name_of_hostile_octets_is_bound_as_it_is_and_told_cleanly(caplog):
    caplog.set_level(logging.INFO)
    name = b"uid=\x1b[2Janna\n\xff,dc=x"
    verdict, there = await judged(
        answering(lambda asked: [entry(asked, name, uid=[b"anna"]), result(asked)], succeeding),
        debug=1,
    )
    assert verdict == Accepted("anna")
    assert there.of(messages.BIND)[-1].name == name
    assert "\x1b" not in caplog.text
    assert "a bind as uid=?[2Janna?" in caplog.text


@looped
async def test_the_directory_spells_the_name():
    assert (await judged(honest(anna=b"secret"), "ANNA"))[0] == Accepted("anna")


@pytest.mark.parametrize(
    ("user", "values", "name"),
    [
        ("  anna", [b"anna"], "anna"),
        ("AN\uff2eA", [b"Anna B", b"anna"], "anna"),
        ("\u00e1nna", [b"anna"], "anna"),
        ("anna", [b"root", b"other"], "anna"),
        ("anna", [b"x\x1b"], "anna"),
        ("anna", [b"\xff"], "anna"),
        ("anna", [b"x" * 300], "anna"),
        ("anna", [], "anna"),
    ],
)
@looped
async def test_whom_the_directory_takes_for_one_is_one(user, values, name):
    def search(asked):
        return [entry(asked, ANNA, uid=values), result(asked)]

    assert (await judged(answering(search), user))[0] == Accepted(name)


LOCKED, EXPIRED, RESET = (policy(ber.integer(each, 0x81)) for each in (1, 0, 2))


def windows(code):
    return f"80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data {code}, v1db1"


BIND_WORDS = [
    (49, "", b"", WrongPassword("anna")),
    (49, "", LOCKED, Locked("anna", "account")),
    (49, "", EXPIRED, PasswordExpired("anna")),
    (
        49,
        windows("52e"),
        b"",
        WrongPassword("anna"),
    ),
    (
        49,
        windows("532"),
        b"",
        PasswordExpired("anna"),
    ),
    (
        49,
        windows("533"),
        b"",
        Locked("anna", "account"),
    ),
    (
        49,
        windows("701"),
        b"",
        AccountExpired("anna"),
    ),
    (
        49,
        windows("773"),
        b"",
        PasswordDue("anna"),
    ),
    (
        49,
        windows("775"),
        b"",
        Locked("anna", "account"),
    ),
    (32, "", b"", WrongPassword("anna")),
    (0, "", RESET, PasswordDue("anna")),
]


@pytest.mark.parametrize(("code", "said_", "controls", "expected"), BIND_WORDS)
@looped
async def test_what_a_bind_says_has_words(code, said_, controls, expected):
    found = await reason(answering(bind=lambda asked: [result(asked, code, said_, controls=controls)]))
    assert found == expected


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (53, DirectoryRefused, "unwilling to do that (result 53, go away)"),
        (48, DirectoryRefused, "the entry has no password"),
        (19, DirectoryRefused, "too many wrong passwords"),
        (13, BackEndFault, "no password without TLS: add tls on"),
        (10, BackEndFault, "referrals are not followed"),
        (51, BackEndFault, "it is busy (result 51"),
        (52, BackEndFault, "offline"),
        (4711, BackEndFault, "result 4711"),
        (14, BackEndFault, "result 14"),
    ],
)
@looped
async def test_what_else_a_bind_says_is_told_to_the_administrator(code, kind, words):
    found = await reason(answering(bind=lambda asked: [result(asked, code, "go away")]))
    assert type(found) is kind
    assert words in found.detail


@looped
async def test_the_person_hears_of_a_password_that_will_expire():
    for words, message in (
        (ber.element(0xA0, ber.integer(5 * 86400, 0x80)), "Your password expires in 5 days."),
        (
            ber.element(0xA0, ber.integer(2, 0x81)),
            "Your password expired: 2 more logins until you must have changed it.",
        ),
    ):
        verdict, _ = await judged(answering(bind=lambda asked, words=words: [result(asked, controls=policy(words))]))
        assert verdict.grants.message == message


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda asked: [CLOSE], "closed the connection in the middle"),
        (lambda asked: [b"\x30\x0a\x02", CLOSE], "closed the connection in the middle"),
        (lambda asked: [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "no LDAP"),
        (lambda asked: [b"\x30\x80"], "no LDAP"),
        (lambda asked: [b"\x30\x84\x7f\xff\xff\xff"], "message of 2147483647 octets"),
        (lambda asked: [b"\x30\x03\x02\x01\x05"], "no LDAP"),
        (lambda asked: [said(asked, 0x6B, ber.octets(b""))], "what is no answer"),
        (lambda asked: [result(asked, op=messages.BOUND)], "another question"),
        (lambda asked: [result(type(asked)(asked.number + 1, asked.op))], "a question of nobody"),
        (lambda asked: [result(type(asked)(0, asked.op), op=messages.EXTENDED)], "it closes the connection"),
        (lambda asked: [result(asked, 32)], f'no entry "{BASE}", the base of ldapcfg'),
        (lambda asked: [result(asked, 50)], "it does not search: not allowed"),
        (lambda asked: [result(asked, 10)], "referrals are not followed"),
        (lambda asked: [result(asked, 51)], "it is busy"),
    ],
)
@looped
async def test_a_directory_that_answers_no_search_judges_nobody(what, words):
    found = await reason(answering(search=what))
    assert isinstance(found, BackEndFault)
    assert words in found.detail


@looped
async def test_a_service_that_may_not_bind_is_told_without_its_password(caplog):
    async with directory(honest(anna=b"secret")) as there:
        made = LdapLogins(settings(there.server, bind_pw=Secret(b"Canary")))
        found = (await made.judge(attempt("anna"))).reason
        assert "does not take bind_dn and bind_pw: invalid credentials" in found.detail
        assert "Canary" not in repr(found) + caplog.text


@looped
async def test_without_bind_dn_nobody_binds_before_the_search():
    verdict, there = await judged(answering(), bind_dn=None, bind_pw=None)
    assert verdict == Accepted("anna")
    assert [each.op for each in there.asked[:2]] == [messages.SEARCH, messages.BIND]


@looped
async def test_a_silent_server_costs_its_time_and_no_more(monkeypatch):
    async def silent(asked):
        await asyncio.sleep(3600)
        return []

    found = await reason(silent, timeout=1)
    assert "no answer within 1 seconds" in found.detail


@looped
async def test_a_server_that_drips_is_a_silent_one():
    async def dripping(asked):
        await asyncio.sleep(0.02)
        return [result(asked)[:1]]

    async with directory(dripping) as there:
        way = way_to(there.server, seconds=1)
        made = await connection.Connection.open(way)
        with pytest.raises(connection.DirectoryError, match="no answer within"):
            await made.bind(b"x", Secret(b"y"))
        made.abort()


@looped
async def test_a_login_ends_when_many_servers_together_take_too_long(monkeypatch):
    monkeypatch.setattr(logins, "LONGEST_LOGIN", 0.1)

    async def silent(asked):
        await asyncio.sleep(3600)
        return []

    found = await reason(silent, timeout=60)
    assert found.detail == "the directory took longer than 0.1 seconds"


@looped
async def test_the_next_server_is_asked_and_the_dead_one_left_alone_and_taken_back(caplog):
    now = [1000.0]
    async with directory(lambda asked: [CLOSE]) as dying, directory(honest(anna=b"secret")) as living:
        made = LdapLogins(settings(dying.server, living.server), now=lambda: now[0])
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert dying.connections == 1, "who searches tried it, who binds did not"
        assert f"{dying.server.url}: it closed the connection" in caplog.text
        living.cut()
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert dying.connections == 1
        dying.answer = honest(anna=b"secret")
        now[0] += servers.DEAD
        living.cut()
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert dying.connections == 3
        assert f"{dying.server.url} answers again" in caplog.text
        await made.close()


@looped
async def test_a_server_that_took_all_the_time_of_a_login_is_left_alone(monkeypatch):
    """Each of its answers may come in time; all of them are more than a login has."""
    monkeypatch.setattr(logins, "LONGEST_LOGIN", 0.2)
    monkeypatch.setattr(pool, "SLOW", 0.1)

    async def silent(asked):
        await asyncio.sleep(3600)

    async with directory(silent) as slow, directory(honest(anna=b"secret")) as living:
        made = LdapLogins(settings(slow.server, living.server, timeout=60))
        assert isinstance((await made.judge(attempt("anna"))).reason, BackEndFault)
        monkeypatch.setattr(logins, "LONGEST_LOGIN", 60.0)
        assert await made.judge(attempt("anna")) == Accepted("anna")
        await made.close()


@looped
async def test_when_all_are_dead_all_are_asked_all_the_same():
    async with directory(lambda asked: [CLOSE]) as one, directory(lambda asked: [CLOSE]) as two:
        made = LdapLogins(settings(one.server, two.server))
        found = (await made.judge(attempt("anna"))).reason
        assert one.server.url in found.detail
        assert two.server.url in found.detail
        one.answer = two.answer = honest(anna=b"secret")
        assert await made.judge(attempt("anna")) == Accepted("anna")


@looped
async def test_a_server_that_is_not_there_is_told_in_words():
    verdict = await LdapLogins(settings(LdapServer("127.0.0.1", 1))).judge(attempt("anna"))
    assert "ldap://127.0.0.1:1: Connection refused" in verdict.reason.detail


@looped
async def test_each_address_of_a_name_is_tried_and_remembered_while_no_resolver_answers():
    asked = []

    async def look_up(name):
        asked.append(name)
        if len(asked) > 1:
            raise OSError(None, "name servers are away")
        return ["127.0.0.9", "127.0.0.1"]

    async with directory(honest(anna=b"secret")) as there:
        named = LdapServer("ldap.example.net", there.port)
        made = LdapLogins(settings(named, clear_text=True), look_up=look_up)
        assert await made.judge(attempt("anna")) == Accepted("anna")
        there.cut()
        made._servers._servers[0].way.place.moved()
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert asked == ["ldap.example.net"] * 2
        await made.close()


@looped
async def test_a_resolver_that_hangs_is_asked_once_by_however_many_logins():
    asked = []

    async def look_up(name):
        asked.append(name)
        await asyncio.Event().wait()

    made = LdapLogins(settings(LdapServer("ldap.example.net", 636), timeout=1), look_up=look_up)
    verdicts = await asyncio.gather(*(made.judge(attempt("anna")) for _ in range(pool.MOST)))
    assert {each.reason.detail for each in verdicts} == {
        "no LDAP server answers as it should (ldap://ldap.example.net:636: no connection within 1 seconds)"
    }
    assert asked == ["ldap.example.net"]
    await made.close()


@looped
async def test_a_name_that_is_none_is_told_and_breaks_nothing():
    for host in ("ldap..example.net", "x" * 64 + ".example.net"):
        found = (await LdapLogins(settings(LdapServer(host, 389))).judge(attempt("anna"))).reason
        assert isinstance(found, BackEndFault)
        assert f"{host} is not known to the name servers of this host" in found.detail


@looped
async def test_connections_are_kept_and_dead_ones_replaced():
    async with directory(answering()) as there:
        made = LdapLogins(settings(there.server))
        for _ in range(5):
            assert await made.judge(attempt("anna")) == Accepted("anna")
        assert there.connections == 2
        there.cut()
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert there.connections == 4
        await made.close()


@looped
async def test_a_failed_bind_leaves_a_connection_that_the_next_user_binds_anew():
    async with directory(answering()) as there:
        made = LdapLogins(settings(there.server))
        assert await made.judge(attempt("anna", "nope")) == Refused(WrongPassword("anna"))
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert there.connections == 2


@looped
async def test_logins_side_by_side_have_a_connection_each_and_no_more_than_the_bound():
    usual = honest(anna=b"secret")

    async def slow(asked):
        await asyncio.sleep(0.01)
        return usual(asked)

    async with directory(slow) as there:
        made = LdapLogins(settings(there.server))
        verdicts = await asyncio.gather(*(made.judge(attempt("anna", f"secret{each % 2 or ''}")) for each in range(60)))
        assert [isinstance(each, Accepted) for each in verdicts] == [each % 2 == 0 for each in range(60)]
        assert there.most <= 2 * pool.MOST
        await made.close()


@looped
async def test_more_logins_than_have_room_are_told_that_it_is_busy(monkeypatch):
    monkeypatch.setattr(pool, "MOST_WAITING", 3)
    async with directory(honest(anna=b"secret")) as there:
        made = LdapLogins(settings(there.server))
        verdicts = await asyncio.gather(*(made.judge(attempt("anna")) for _ in range(pool.MOST + 5)))
        assert Refused(Busy("anna", 3)) in verdicts
        assert Accepted("anna") in verdicts


@looped
async def test_a_login_that_is_given_up_leaves_no_answer_for_the_next_one():
    held = asyncio.Event()
    usual = honest(anna=b"secret", bob=b"other")

    async def slow(asked):
        if asked.value == b"anna":
            await held.wait()
        return usual(asked)

    async with directory(slow) as there:
        made = LdapLogins(settings(there.server))
        first = asyncio.create_task(made.judge(attempt("anna")))
        while not there.of(messages.SEARCH):  # noqa: ASYNC110 - it is the server that is watched
            await asyncio.sleep(0.001)
        first.cancel()
        held.set()
        assert await made.judge(attempt("bob", "other")) == Accepted("bob")
        assert await made.judge(attempt("bob", "secret")) == Refused(WrongPassword("bob"))


@looped
async def test_kept_connections_to_a_server_that_fell_silent_cost_its_time_once():
    """Eight of them, each with its own time, would take longer than a login may."""
    usual = honest(anna=b"secret")
    silent = asyncio.Event()

    async def stalling(asked):
        if silent.is_set():
            await asyncio.sleep(3600)
        await asyncio.sleep(0.01)
        return usual(asked)

    async with directory(stalling) as first, directory(usual) as second:
        made = LdapLogins(settings(first.server, second.server, timeout=1))
        await asyncio.gather(*(made.judge(attempt("anna")) for _ in range(20)))
        assert made._searchers.kept == pool.MOST
        silent.set()
        before = len(first.asked)
        assert await made.judge(attempt("anna")) == Accepted("anna")
        searches = [each for each in first.asked[before:] if each.op == messages.SEARCH]
        assert len(searches) == 1, "a new connection does not even come to a search"
        await made.close()


@looped
async def test_the_first_server_is_taken_again_under_a_load_that_never_ends(monkeypatch):
    monkeypatch.setattr(pool, "LONGEST_LIFE", -1.0)
    now = [1000.0]
    async with directory(lambda asked: [CLOSE]) as first, directory(honest(anna=b"secret")) as second:
        made = LdapLogins(settings(first.server, second.server), now=lambda: now[0])
        assert await made.judge(attempt("anna")) == Accepted("anna")
        first.answer = honest(anna=b"secret")
        now[0] += servers.DEAD
        before = second.connections
        assert await made.judge(attempt("anna")) == Accepted("anna")
        assert second.connections == before
        await made.close()


@looped
async def test_idle_connections_are_closed(monkeypatch):
    monkeypatch.setattr(pool, "IDLE", 0.02)
    async with directory(honest(anna=b"secret")) as there:
        made = LdapLogins(settings(there.server))
        await made.judge(attempt("anna"))
        while there.open:  # noqa: ASYNC110 - it is the server that is watched
            await asyncio.sleep(0.005)
        assert await made.judge(attempt("anna")) == Accepted("anna")


@looped
async def test_a_password_stands_in_no_line_of_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    verdict, _ = await judged(answering(), password="Canary", debug=65535)
    assert isinstance(verdict, Refused)
    assert "a search for anna brings 1 entries" in caplog.text
    assert "Canary" not in caplog.text
    assert "service password" not in caplog.text


# --- what is granted --------------------------------------------------------------------------------------------------


def with_address(*address, mask=(b"255.255.255.0",)):
    def search(asked):
        values = {"racoon_address": address, "racoon_netmask": mask}
        return [entry(asked, ANNA, uid=[b"anna"], **{key: each for key, each in values.items() if each}), result(asked)]

    return answering(search)


@looped
async def test_address_and_mask_of_an_entry_are_granted():
    verdict, there = await judged(with_address(b"10.99.99.7"), engine={"addresses": True})
    assert verdict.grants.address == IPv4Address("10.99.99.7")
    assert verdict.grants.netmask == IPv4Address("255.255.255.0")
    assert there.of(messages.SEARCH)[0].wanted == ("uid", "racoon-address", "racoon-netmask")


@looped
async def test_without_conf_source_ldap_no_address_is_asked_for_or_granted():
    verdict, there = await judged(with_address(b"10.99.99.7"))
    assert verdict.grants.address is None
    assert there.of(messages.SEARCH)[0].wanted == ("uid",)


@pytest.mark.parametrize(
    "address",
    [
        (b"10.99.99.999",),
        (b"nonsense\x1b",),
        (b"224.0.0.1",),
        (b"127.0.0.1",),
        (b"0.0.0.0",),
        (b"10.0.0.1", b"10.0.0.2"),
        (b"",),
    ],
)
@looped
async def test_a_senseless_address_is_dropped_and_told(address, caplog):
    verdict, _ = await judged(with_address(*address), engine={"addresses": True})
    assert verdict.grants.address is None
    assert "of what the directory grants anna, racoon-address" in caplog.text
    assert "\x1b" not in caplog.text


@looped
async def test_a_mask_with_holes_is_dropped_and_the_address_stays(caplog):
    verdict, _ = await judged(with_address(b"10.99.99.7", mask=(b"255.0.255.0",)), engine={"addresses": True})
    assert verdict.grants.address == IPv4Address("10.99.99.7")
    assert verdict.grants.netmask is None
    assert "no network mask" in caplog.text


def with_groups(*names):
    def search(asked):
        if asked.attribute == "member":
            assert asked.value == ANNA.encode()
            return [*(entry(asked, b"cn=g", cn=[each]) for each in names), result(asked)]
        return [entry(asked, ANNA, uid=[b"anna"]), result(asked)]

    return answering(search)


@looped
async def test_groups_are_searched_by_the_name_of_the_entry_on_the_same_connection():
    verdict, there = await judged(with_groups(b"vpn users", "Gäste".encode()), engine={"groups": True})
    assert verdict.grants.groups == {"vpn users", "Gäste"}
    assert there.connections == 2


@looped
async def test_too_many_groups_and_names_that_are_none_are_left_out_and_told(caplog):
    names = [b"", b"x" * 65, b"a\nb", *(f"g{each}".encode() for each in range(125))]
    verdict, _ = await judged(with_groups(*names), engine={"groups": True})
    assert verdict.grants.groups == {f"g{each}" for each in range(125)}
    assert "3 groups of anna" in caplog.text


@looped
async def test_groups_of_the_entry_itself():
    def search(asked):
        assert asked.wanted == ("uid", "memberOf")
        listed = [b"CN=VPN\\, all,OU=Groups,DC=x", b"cn=admins,dc=x", b"cn=a\\2bb+ou=y", b"nonsense"]
        return [entry(asked, ANNA, uid=[b"anna"], memberOf=listed), result(asked)]

    verdict, there = await judged(answering(search), engine={"groups": True}, attr_member="memberOf")
    assert verdict.grants.groups == {"VPN, all", "admins", "a+b"}
    assert len(there.of(messages.SEARCH)) == 1


@looped
async def test_groups_that_list_login_names():
    def search(asked):
        if asked.attribute == "memberUid":
            assert asked.value == b"anna"
            return [entry(asked, b"cn=g", cn=[b"staff"]), result(asked)]
        return [entry(asked, ANNA, uid=[b"anna"]), result(asked)]

    verdict, _ = await judged(answering(search), engine={"groups": True}, attr_member="memberUid")
    assert verdict.grants.groups == {"staff"}


@looped
async def test_groups_of_somebody_whom_another_back_end_judged():
    async with directory(with_groups(b"staff")) as there:
        made = LdapLogins(settings(there.server), groups=True)
        assert await made.groups_of("anna") == {"staff"}
        there.answer = honest()
        assert await made.groups_of("zoe") == frozenset()
        there.answer = answering(lambda asked: [*(entry(asked, f"cn={each}") for each in "ab"), result(asked)])
        with pytest.raises(OSError, match="several entries have the uid anna: whose groups count"):
            await made.groups_of("anna")
        there.answer = lambda asked: [CLOSE]
        there.cut()
        with pytest.raises(OSError, match="no LDAP server answers"):
            await made.groups_of("anna")


@looped
@pytest.mark.parametrize("name", ["", "a" * 257, "a\u2028b", "an\0na"])
async def test_a_directory_is_not_asked_for_the_groups_of_what_is_no_name(name):
    """It is asked before the password is judged: strangers must not make it stumble."""
    async with directory(with_groups(b"staff")) as there:
        made = LdapLogins(settings(there.server), groups=True)
        assert await made.groups_of(name) == frozenset()
        assert there.of(messages.SEARCH) == []
        await made.close()


@looped
async def test_a_connection_whose_other_end_reads_nothing_is_closed_all_the_same():
    """An end that waits until its last words are read would stay for ever, one for each login."""
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        made = connection.Connection(way_to(LdapServer("localhost", 389), seconds=5), reader, writer)
        writer.write(bytes(10_000_000))
        made.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ours.fileno() == -1


@pytest.mark.parametrize("secure", [False, True])
@looped
async def test_the_loop_goes_on_while_a_server_says_nothing(secure):
    """A library that waits inside TLS would hold up every login and every datagram of a gateway of one process."""
    server = await asyncio.start_server(lambda *_: asyncio.sleep(3600), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = LdapLogins(settings(LdapServer("127.0.0.1", port, secure=secure), timeout=1))
    judging, turns = asyncio.create_task(made.judge(attempt("anna"))), 0
    while not judging.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert "within 1 seconds" in judging.result().reason.detail
    assert turns >= 10
    server.close()


# --- answers that are doubled, cut, or of another question ------------------------------------------------------------


@looped
async def test_answers_that_come_twice_answer_once():
    """The second one lies on a connection that is kept: the next login takes it for nothing."""
    usual = honest(anna=b"secret", bert=b"other")

    def twice(asked):
        own = asked.op == messages.BIND and asked.name != SERVICE.encode()
        return [each for answer in usual(asked) for each in ([answer, answer] if own else [answer])]

    async with directory(twice) as there:
        made = LdapLogins(settings(there.server))
        told = [
            await made.judge(attempt(user, password))
            for user, password in (("anna", "secret"), ("bert", "wrong"), ("anna", "secret"), ("bert", "other"))
        ]
        await made.close()
    assert [isinstance(each, Accepted) for each in told] == [True, False, True, True]
    assert isinstance(told[1].reason, WrongPassword)


@looped
async def test_an_answer_that_is_cut_anywhere_is_no_yes():
    whole = []

    def cut(asked):
        octets = result(asked)
        whole[:] = [len(octets)]
        return [octets[: left[0]], CLOSE]

    left = [0]
    async with directory(answering(bind=cut)) as there:
        made = LdapLogins(settings(there.server))
        while not whole or left[0] < whole[0]:
            verdict = await made.judge(attempt("anna", "secret"))
            assert isinstance(verdict.reason, BackEndFault), left
            left[0] += 1
        assert isinstance(await made.judge(attempt("anna", "secret")), Accepted)
        await made.close()


@pytest.mark.parametrize(
    "what",
    [
        lambda asked: result(asked, op=messages.DONE),
        lambda asked: result(asked, op=messages.EXTENDED),
        lambda asked: result(type(asked)(0, asked.op)),
        lambda asked: result(type(asked)(asked.number - 1, asked.op)),
        lambda asked: result(type(asked)(asked.number + 1, asked.op)),
        lambda asked: result(type(asked)(asked.number + (1 << 32), asked.op)),
        lambda asked: result(asked, 256),
        lambda asked: result(asked, 1 << 32),
        lambda asked: result(asked, -1),
        lambda asked: result(asked, 14),
        lambda asked: said(asked, messages.BOUND, ber.integer(0), ber.octets(b""), ber.octets(b"")),
        lambda asked: said(asked, messages.BOUND, ber.element(ber.ENUMERATED), ber.octets(b""), ber.octets(b"")),
        lambda asked: said(asked, messages.BOUND, ber.integer(0, ber.ENUMERATED)),
        lambda asked: said(asked, messages.BOUND),
        lambda asked: said(asked, 0x60, ber.integer(0, ber.ENUMERATED), ber.octets(b""), ber.octets(b"")),
        lambda asked: entry(asked, ANNA, uid=[b"anna"]),
    ],
)
@looped
async def test_nothing_but_the_answer_to_this_bind_lets_anybody_in(what):
    found = await reason(answering(bind=lambda asked: [what(asked)]), timeout=1)
    assert isinstance(found, BackEndFault | DirectoryRefused), found
