"""Several servers, of which some lie, are slow, dead, gone and back."""

from __future__ import annotations

import asyncio

import pytest

from lotor.config.settings import RadiusServer
from lotor.model.login import LOGIN_SECONDS, Accepted
from lotor.model.secret import Secret
from lotor.names.whereabouts import FRESH, PAUSE, UnknownNameError, Whereabouts
from lotor.radius import Code, NoAnswerError, RadiusLogins, Request, Servers, servers
from lotor.radius.channels import IDENTIFIERS, UdpChannels
from radius_double import (
    ACCEPT,
    REJECT,
    SECRET,
    Scripted,
    accepting,
    answer,
    attempt,
    closed_port,
    settings,
    silent,
)

LOGIN = Request(Code.ACCESS_REQUEST, ((1, b"alice"),), Secret(b"wonderland"))


def now():
    return asyncio.get_running_loop().time()


def of_logins(*scripted, **changes):
    return Servers.of_logins(settings(*(each.setting() for each in scripted), **changes))


LIES = {
    "for another request": lambda asked: answer(asked, ACCEPT, identifier=asked.identifier ^ 1),
    "with another secret": lambda asked: answer(asked, ACCEPT, secret=b"guessed"),
    "without a signature": lambda asked: answer(asked, ACCEPT, signed=False),
    "with a wrong signature": lambda asked: answer(asked, ACCEPT, signature=bytes(16)),
    "cut": lambda asked: answer(asked, ACCEPT)[:-1],
    "empty": lambda asked: b"",
    "one octet": lambda asked: b"\x02",
    "with an attribute of length 0": lambda asked: answer(asked, ACCEPT, b"\x12\x00"),
    "with an attribute of length 1": lambda asked: answer(asked, ACCEPT, b"\x12\x01"),
    "with an attribute beyond the end": lambda asked: answer(asked, ACCEPT, b"\x12\xff"),
    "as it was asked": lambda asked: asked.octets,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_dropped_and_the_truth_behind_it_counts(leaping, lie):
    async def run():
        server = await Scripted(lambda asked: [LIES[lie](asked), answer(asked, REJECT)]).start()
        found = await of_logins(server).ask(LOGIN)
        return found.reply.code, len(server.asked)

    assert leaping(run()) == (Code.ACCESS_REJECT, 1)


@pytest.mark.parametrize("lie", LIES)
def test_the_retries_go_on_behind_a_lie(leaping, lie):
    async def run():
        server = await Scripted(silent).start()

        def script(asked):
            return [LIES[lie](asked)] if len(server.asked) < 3 else [answer(asked, REJECT)]

        server.script, began = script, now()
        found = await of_logins(server).ask(LOGIN)
        return found.reply.code, len(server.asked), now() - began

    assert leaping(run()) == (Code.ACCESS_REJECT, 3, 6.0)


def test_what_was_wrong_with_the_answers_is_told(leaping):
    async def told(script):
        with pytest.raises(NoAnswerError) as caught:
            await of_logins(await Scripted(script).start()).ask(LOGIN)
        return str(caught.value)

    assert "message_authenticator optional" in leaping(told(lambda asked: [answer(asked, ACCEPT, signed=False)]))
    text = leaping(told(lambda asked: [answer(asked, ACCEPT, secret=b"guessed")]))
    assert "is the secret the same at both ends?" in text
    assert SECRET.decode() not in text


def test_an_answer_without_signature_is_taken_where_the_administrator_says_so(leaping):
    async def run():
        server = await Scripted(lambda asked: [answer(asked, ACCEPT, signed=False)]).start()
        return (await of_logins(server, message_authenticator=False).ask(LOGIN)).reply.code

    assert leaping(run()) is Code.ACCESS_ACCEPT


def test_an_answer_from_another_address_is_not_even_heard(leaping):
    async def run():
        other = await Scripted(silent).start()

        def from_elsewhere(asked):
            other.transport.sendto(answer(asked, ACCEPT), asked.source)
            return []

        server = await Scripted(from_elsewhere).start()
        with pytest.raises(NoAnswerError):
            await of_logins(server).ask(LOGIN)
        return len(server.asked)

    assert leaping(run()) == 3


def test_a_second_answer_changes_nothing(leaping):
    async def run():
        server = await Scripted(lambda asked: [answer(asked, REJECT), answer(asked, ACCEPT)]).start()
        asked = of_logins(server)
        codes = [(await asked.ask(LOGIN)).reply.code for _ in range(3)]
        await asyncio.sleep(1)
        return codes

    assert leaping(run()) == [Code.ACCESS_REJECT] * 3


def test_a_late_answer_to_another_login_is_nobodys(leaping):
    """The first request is over; its answer comes while the second one waits, and does not count for it."""

    async def run():
        server = await Scripted(silent).start()
        asked = of_logins(server, retries=1)
        with pytest.raises(NoAnswerError):
            await asked.ask(LOGIN)
        late = server.asked[0]
        server.script = lambda fresh: [answer(late, ACCEPT), answer(fresh, REJECT)]
        return (await asked.ask(LOGIN)).reply.code

    assert leaping(run()) is Code.ACCESS_REJECT


def test_a_slow_server_is_heard_after_the_next_one_was_asked(leaping):
    async def run():
        slow, dead = await Scripted(silent).start(), await Scripted(silent).start()

        def script(asked):
            asyncio.get_running_loop().call_later(4, slow.transport.sendto, answer(asked, ACCEPT), asked.source)
            return []

        slow.script, began = script, now()
        found = await of_logins(slow, dead).ask(LOGIN)
        return found.reply.code, found.server.port == slow.port, now() - began

    assert leaping(run()) == (Code.ACCESS_ACCEPT, True, 4.0)


def test_the_second_server_answers_while_the_first_is_dead(leaping):
    """One try is lost for each of three logins; then the first one is left alone, and costs nobody anything."""

    async def run():
        first, second = await Scripted(silent).start(), await Scripted(accepting()).start()
        asked, waits = of_logins(first, second), []
        for _ in range(6):
            began = now()
            await asked.ask(LOGIN)
            waits.append(now() - began)
        return waits, len(first.asked), len(second.asked)

    assert leaping(run()) == ([3.0, 3.0, 3.0, 0.0, 0.0, 0.0], 3, 6)


def test_a_dead_server_comes_back(leaping, caplog):
    async def run():
        first, second = await Scripted(silent).start(), await Scripted(accepting()).start()
        asked = of_logins(first, second)
        for _ in range(3):
            await asked.ask(LOGIN)
        await asyncio.sleep(servers.DEAD)
        await asked.ask(LOGIN)  # still dead: one try, and again left alone
        await asked.ask(LOGIN)
        counts = [len(first.asked)]
        await asyncio.sleep(servers.DEAD)
        first.script = accepting()
        await asked.ask(LOGIN)
        await asked.ask(LOGIN)
        return [*counts, len(first.asked), len(second.asked)]

    assert leaping(run()) == [4, 6, 5]
    told = [each.getMessage().split(" ", 3)[3] for each in caplog.records]
    assert told == ["does not answer: it is left alone for 60 seconds"] * 2 + ["answers again"]


def test_where_nobody_answers_each_is_asked_as_often_as_configured(leaping):
    async def run():
        both = [await Scripted(silent).start() for _ in range(2)]
        asked, began = of_logins(*both, timeout=2, retries=4), now()
        with pytest.raises(NoAnswerError) as caught:
            await asked.ask(LOGIN)
        assert all(str(each.port) in str(caught.value) for each in both)
        counts = [len(each.asked) for each in both], now() - began
        with pytest.raises(NoAnswerError):
            await asked.ask(LOGIN)
        return counts, [len(each.asked) for each in both]

    assert leaping(run()) == (([4, 4], 16.0), [8, 8]), "all are dead: they are asked all the same"


def test_however_long_a_timeout_is_each_server_is_asked_within_the_time_of_a_login(leaping):
    """Each try has its share, and the first one is heard all the while."""

    async def run():
        first, second = await Scripted(silent).start(), await Scripted(silent).start()
        asked, began = of_logins(first, second, timeout=60, retries=3), now()
        with pytest.raises(NoAnswerError):
            await asked.ask(LOGIN)
        took = now() - began
        second.script, began = accepting(), now()
        await of_logins(first, second, timeout=60, retries=1).ask(LOGIN)
        return took, now() - began, len(first.asked), len(second.asked)

    took, second, *asked = leaping(run())
    assert took == pytest.approx(servers.PATIENCE)
    assert servers.PATIENCE < LOGIN_SECONDS
    assert second == pytest.approx(servers.PATIENCE / 2)
    assert asked == [4, 4]


def test_a_line_of_the_file_has_its_own_timeout_and_tries(leaping):
    async def run():
        server = await Scripted(silent).start()
        asked, began = Servers.of_logins(settings(server.setting(timeout=5, tries=2))), now()
        with pytest.raises(NoAnswerError):
            await asked.ask(LOGIN)
        return len(server.asked), now() - began

    assert leaping(run()) == (2, 10.0)


def test_a_port_where_nobody_listens_costs_no_time_while_another_server_is_there(leaping):
    async def run():
        server, began = await Scripted(accepting()).start(), now()
        gone = RadiusServer("127.0.0.1", closed_port(), Secret(SECRET))
        await Servers.of_logins(settings(gone, server.setting())).ask(LOGIN)
        return now() - began

    assert leaping(run()) == 0.0


def test_a_port_where_nobody_listens_yet_is_asked_again(leaping):
    async def run():
        port = closed_port()
        asked = Servers.of_logins(settings(RadiusServer("127.0.0.1", port, Secret(SECRET))))
        waiting = asyncio.ensure_future(asked.ask(LOGIN))
        await asyncio.sleep(1)
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: Scripted(accepting()), local_addr=("127.0.0.1", port))
        return (await waiting).reply.code

    assert leaping(run()) is Code.ACCESS_ACCEPT


def test_an_ipv6_server_is_told_the_ipv6_address(leaping):
    async def run():
        try:
            server = await Scripted(accepting()).start("::1")
        except OSError:
            pytest.skip("this host has no IPv6")
        assert await RadiusLogins(settings(server.setting())).judge(attempt()) == Accepted("alice")
        return server.asked[0].first(95), server.asked[0].first(4)

    assert leaping(run()) == (bytes(15) + b"\x01", None)


def test_a_thousand_logins_at_once_have_identifiers_of_their_own(leaping):
    async def run():
        server = await Scripted(accepting()).start()
        asked = of_logins(server)
        await asyncio.gather(*(asked.ask(LOGIN) for _ in range(1000)))
        keys = {(each.source, each.identifier) for each in server.asked}
        return len(keys), len({source for source, _ in keys}), len({each.authenticator for each in server.asked})

    assert leaping(run()) == (1000, -(-1000 // IDENTIFIERS), 1000)


def test_sockets_are_closed_when_their_identifiers_are_used_up(leaping):
    async def run():
        server, channels = await Scripted(silent).start(), UdpChannels()
        first = await channels.channel(server.host, server.port)
        given = [first.enter(lambda _: None) for _ in range(IDENTIFIERS)]
        second = await channels.channel(server.host, server.port)
        assert second is not first
        assert not first._transport.is_closing()
        for each in given:
            first.leave(each)
        return sorted(given) == list(range(IDENTIFIERS)), first._transport.is_closing(), second.spent

    assert leaping(run()) == (True, True, False)


def test_who_stops_waiting_leaves_nothing_behind(leaping):
    async def run():
        server = await Scripted(silent).start()
        asked = of_logins(server)
        waiting = asyncio.ensure_future(asked.ask(LOGIN))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return asked._under_way, asked._servers[0].channels._last._waiting

    assert leaping(run()) == (0, {})


def test_accounts_have_servers_of_their_own(leaping):
    async def run():
        server = await Scripted(lambda asked: [answer(asked, 5)]).start()
        asked = Servers.of_accounts(settings(acct=(server.setting(),)))
        found = await asked.ask(Request(Code.ACCOUNTING_REQUEST, ((40, bytes((0, 0, 0, 7))),)))
        return found.reply.code, server.asked[0].code

    assert leaping(run()) == (Code.ACCOUNTING_RESPONSE, 4)


def test_the_usual_ports():
    one = settings(
        RadiusServer("192.0.2.1", None, Secret(b"s")), acct=(RadiusServer("2001:db8::1", None, Secret(b"s")),)
    )
    assert [each.name for each in Servers.of_logins(one)._servers] == ["192.0.2.1:1812"]
    assert [each.name for each in Servers.of_accounts(one)._servers] == ["[2001:db8::1]:1813"]


class Names:
    """A resolver that a test plays."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    async def __call__(self, name):
        self.asked += 1
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(told, Exception):
            raise told
        if told is None:
            await asyncio.Event().wait()
        return told


def test_a_name_is_looked_up_once_and_again_later_aside(leaping):
    async def run():
        names = Names(["192.0.2.1"], None)
        place = Whereabouts("radius.example.net", names)
        first = await asyncio.gather(*(place.address() for _ in range(5)))
        counts = [names.asked]
        await asyncio.sleep(FRESH)
        second = [await place.address() for _ in range(5)]  # the resolver hangs now, and nobody waits for it
        await asyncio.sleep(0)
        place.close()
        return {*first, *second}, [*counts, names.asked]

    assert leaping(run()) == ({"192.0.2.1"}, [1, 2])


def test_a_name_that_is_not_known_is_asked_for_again_but_not_all_the_time(leaping):
    async def run():
        names = Names(OSError(-2, "Name or service not known"), ["192.0.2.1"])
        place = Whereabouts("radius.example.net", names)
        for _ in range(3):
            with pytest.raises(UnknownNameError, match=r"radius\.example\.net .*not known"):
                await place.address()
        counts = [names.asked]
        await asyncio.sleep(PAUSE)
        return await place.address(), [*counts, names.asked]

    assert leaping(run()) == ("192.0.2.1", [1, 2])


def test_another_address_of_the_name_is_asked_when_one_does_not_answer(leaping):
    async def run():
        server = await Scripted(accepting()).start()
        names = Names(["127.0.0.9", "127.0.0.1"])
        setting = RadiusServer("radius.example.net", server.port, Secret(SECRET))
        asked = Servers.of_logins(settings(setting, retries=1), names)
        with pytest.raises(NoAnswerError):
            await asked.ask(LOGIN)
        return (await asked.ask(LOGIN)).reply.code

    assert leaping(run()) is Code.ACCESS_ACCEPT


def test_an_address_needs_no_resolver(leaping):
    async def run():
        names = Names(None)
        return await Whereabouts("192.0.2.7", names).address(), names.asked

    assert leaping(run()) == ("192.0.2.7", 0)


def test_a_name_that_hangs_costs_one_server_its_tries_and_nobody_else_anything(leaping):
    async def run():
        server = await Scripted(accepting()).start()
        names, setting = Names(None), RadiusServer("radius.example.net", 1812, Secret(SECRET))
        asked, began = Servers.of_logins(settings(setting, server.setting()), names), now()
        await asyncio.gather(*(asked.ask(LOGIN) for _ in range(50)))
        asked.close()
        return now() - began, names.asked, len(server.asked)

    assert leaping(run()) == (3.0, 1, 50)


def test_the_log_does_not_drown_in_lies(leaping, caplog):
    async def run():
        server = await Scripted(lambda asked: [answer(asked, ACCEPT, secret=b"guessed")] * 20).start()
        server.script, lying = lambda asked: [*lying(asked), answer(asked, ACCEPT)], server.script
        asked = of_logins(server)
        for _ in range(10):
            await asked.ask(LOGIN)

    leaping(run())
    assert len([each for each in caplog.records if "is dropped" in each.getMessage()]) == 1
