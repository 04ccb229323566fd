"""RADIUS over TLS: a server that a test plays answers, lies, hangs, closes, and shows certificates of every kind."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab import pki
from lotor.config.file_name import FileName
from lotor.config.servers import RadiusServer, RadiusTls
from lotor.model.login import Accepted
from lotor.model.reasons.logins import BackEndFault
from lotor.model.secret import Secret
from lotor.radius import Code, NoAnswerError, RadiusLogins, Request, Servers, secure
from lotor.radius.channels import IDENTIFIERS
from radius_double import (
    ACCEPT,
    CHALLENGE,
    REJECT,
    Asked,
    Scripted,
    accepting,
    answer,
    attempt,
    attribute,
    settings,
    silent,
)

from .test_radius_servers import LIES

LOGIN = Request(Code.ACCESS_REQUEST, ((1, b"alice"),), Secret(b"wonderland"))
SHARED = b"radsec"


@dataclass
class Files:
    """Those of a test, by their names."""

    directory: Path
    contents: dict[Path, Secret] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> FileName:
        path = self.directory / name
        path.write_bytes(content)
        self.contents[path] = Secret(content)
        return FileName(name, path)

    def pair(self, name: str, issued: pki.Issued) -> tuple[FileName, FileName]:
        return self.put(f"{name}.crt", issued.certificate), self.put(f"{name}.key", issued.key)


@pytest.fixture(scope="module")
def authority():
    return pki.authority("RADIUS CA")


@pytest.fixture(scope="module")
def proof(authority):
    return pki.gateway(authority, "radius.example.net", "127.0.0.1")


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@dataclass
class Secured:
    """`script` gets each request and returns what to send back. `lines` are connections, `asked` what came on any."""

    script: object
    lines: list[asyncio.Transport] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    begun: int = 0

    async def start(self, files, issued, *, clients=None, context=None):
        certificate, key = files.pair("server", issued)
        context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path, key.path)
        if clients is not None:
            context.load_verify_locations(cadata=clients.certificate.decode())
            context.verify_mode = ssl.CERT_REQUIRED
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Line(self), "127.0.0.1", 0, ssl=context)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def end(self):
        for line in self.lines:
            line.close()
        self.server.close()

    def setting(self, tls, host="127.0.0.1", secret=SHARED):
        return RadiusServer(host, self.port, Secret(secret), tls=tls)


class Line(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.buffer = server, b""

    def connection_made(self, transport):
        self.transport = transport
        self.server.lines.append(transport)
        self.server.begun += 1

    def connection_lost(self, exc):
        self.server.lines.remove(self.transport)

    def data_received(self, data):
        self.buffer += data
        while len(self.buffer) >= 4 and len(self.buffer) >= (length := int.from_bytes(self.buffer[2:4])):
            octets, self.buffer = self.buffer[:length], self.buffer[length:]
            asked = Asked(octets, self.transport, SHARED)
            self.server.asked.append(asked)
            for each in self.server.script(asked):
                self.transport.write(each)


@pytest.fixture
def world(leaping, files, authority, proof):
    """Runs a story with such a server; `ask` of `settings` for it and others."""
    tls = RadiusTls(authority=files.put("ca.crt", authority.certificate))

    def play(script, story, **changes):
        async def run():
            server = await Secured(script).start(
                files, changes.pop("issued", proof), clients=changes.pop("clients", None)
            )
            mine = server.setting(changes.pop("tls", tls), changes.pop("host", "127.0.0.1"))
            before, behind = changes.pop("before", ()), changes.pop("behind", ())
            radius = settings(*before, mine, *behind, files=files.contents, **changes)
            asked = Servers.of_logins(radius)
            try:
                return await story(server, asked)
            finally:
                asked.close()
                server.end()
                await asyncio.sleep(0.1)

        return leaping(run())

    return play


def now():
    return asyncio.get_running_loop().time()


async def code(asked):
    return (await asked.ask(LOGIN)).reply.code


async def fault(asked):
    with pytest.raises(NoAnswerError) as caught:
        await asked.ask(LOGIN)
    return str(caught.value)


def channel(asked) -> secure.SecureChannel:
    return asked._servers[0].channels._last


def test_many_logins_go_over_one_connection(world):
    async def story(server, asked):
        codes = [await code(asked) for _ in range(300)]
        return set(codes), server.begun, server.asked

    codes, connections, asked = world(accepting(), story)
    assert codes == {Code.ACCESS_ACCEPT}
    assert connections == 1
    assert (asked[0].password, asked[0].signed, asked[0].first(4)) == (b"wonderland", True, bytes((127, 0, 0, 1)))


def test_the_usual_port_is_2083_for_both(files):
    one = RadiusServer("radius.example.net", None, Secret(SHARED), tls=RadiusTls())
    both = settings(one, acct=(one,))
    assert [each.name for each in Servers.of_logins(both)._servers] == ["radius.example.net:2083"]
    assert [each.name for each in Servers.of_accounts(both)._servers] == ["radius.example.net:2083"]


STREAM_LIES = {name: lie for name, lie in LIES.items() if name not in {"cut", "empty", "one octet"}}


@pytest.mark.parametrize("lie", STREAM_LIES)
def test_a_lie_is_dropped_and_the_truth_behind_it_counts(world, lie):
    async def story(server, asked):
        return await code(asked), server.begun

    told = world(lambda asked: [STREAM_LIES[lie](asked), answer(asked, REJECT)], story)
    assert told == (Code.ACCESS_REJECT, 1)


@pytest.mark.parametrize("length", [0, 19, 4097, 65535])
def test_a_length_that_no_packet_has_ends_the_connection(world, length):
    """Nothing behind it can be told apart: another connection is asked."""

    async def story(server, asked):
        lying = server.script

        def script(each):
            server.script = accepting()
            return lying(each)

        server.script = script
        return await code(asked), server.begun

    lie = bytes((ACCEPT, 0)) + length.to_bytes(2) + bytes(40)
    assert world(lambda _: [lie], story) == (Code.ACCESS_ACCEPT, 2)


def test_a_packet_that_is_never_whole_holds_no_login_longer_than_its_tries(world):
    async def story(server, asked):
        began = now()
        await fault(asked)
        return now() - began, channel(asked).spent

    half = bytes((ACCEPT, 0)) + (4096).to_bytes(2) + bytes(100)
    assert world(lambda _: [half], story) == (9.0, True), "nobody relies on that connection any more"


def test_answers_come_octet_by_octet_and_several_at_once(world):
    async def story(server, asked):
        return [each.reply.code for each in await asyncio.gather(*(asked.ask(LOGIN) for _ in range(3)))], server.begun

    waiting = []

    def script(asked):
        waiting.append(answer(asked, ACCEPT))
        if len(waiting) < 3:
            return []
        return [bytes([each]) for each in waiting[0]] + [waiting[2] + waiting[1]]

    assert world(script, story) == ([Code.ACCESS_ACCEPT] * 3, 1)


def test_a_second_answer_changes_nothing(world):
    async def story(server, asked):
        return [await code(asked) for _ in range(IDENTIFIERS + 3)], server.begun

    told = world(lambda asked: [answer(asked, REJECT), answer(asked, ACCEPT)], story)
    assert told == ([Code.ACCESS_REJECT] * (IDENTIFIERS + 3), 1)


def test_a_late_answer_is_nobodys_and_gives_its_identifier_back(world):
    async def story(server, asked):
        waiting = asyncio.ensure_future(asked.ask(LOGIN))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.sleep(0)
        late, line = server.asked[0], channel(asked)
        assert late.identifier not in line._free
        server.script = lambda fresh: [answer(late, ACCEPT), answer(fresh, REJECT)]
        return await code(asked), late.identifier in line._free, server.begun

    assert world(silent, story) == (Code.ACCESS_REJECT, True, 1)


def test_who_goes_away_costs_an_identifier_until_the_connection_is_replaced(world):
    """However many come and go: nothing is left but one connection."""

    async def story(server, asked):
        for _ in range(2 * IDENTIFIERS):
            waiting = asyncio.ensure_future(asked.ask(LOGIN))
            await asyncio.sleep(0.01)
            waiting.cancel()
        server.script = accepting()
        await asyncio.sleep(0.1)
        return await code(asked), server.begun, len(server.lines), channel(asked)._waiting

    assert world(silent, story) == (Code.ACCESS_ACCEPT, 3, 1, {})


def test_more_logins_at_once_than_identifiers_are_all_answered(world):
    async def story(server, asked):
        held = []

        def script(each):
            held.append(each)
            if len(held) < 600:
                return []
            for one in held:
                one.source.write(answer(one, ACCEPT))
            return []

        server.script = script
        answers = await asyncio.gather(*(asked.ask(LOGIN) for _ in range(600)))
        await asyncio.sleep(0.1)
        keys = {(id(each.source), each.identifier) for each in held}
        return {each.reply.code for each in answers}, len(keys), server.begun, len(server.lines)

    assert world(silent, story) == ({Code.ACCESS_ACCEPT}, 600, 3, 1), "one of the connections is kept"


def test_nothing_is_sent_twice_on_a_connection(world):
    """The server has it: a slow one is waited for (RFC 6613 §2.6.1)."""

    async def story(server, asked):
        def script(each):
            asyncio.get_running_loop().call_later(7, each.source.write, answer(each, ACCEPT))
            return []

        server.script, began = script, now()
        return await code(asked), len(server.asked), now() - began

    assert world(silent, story) == (Code.ACCESS_ACCEPT, 1, 7.0)


def test_a_connection_that_the_server_closed_meanwhile_costs_no_time(world):
    """FreeRADIUS closes one that was idle for half a minute."""

    async def story(server, asked):
        await code(asked)
        server.lines[0].close()
        await asyncio.sleep(1)
        began = now()
        return await code(asked), server.begun, now() - began

    assert world(accepting(), story) == (Code.ACCESS_ACCEPT, 2, 0.0)


def test_a_connection_that_is_found_dead_by_the_request_is_made_anew_at_once(world):
    async def story(server, asked):
        await code(asked)

        def script(each):
            server.script = accepting()
            each.source.abort()
            return []

        server.script, began = script, now()
        return await code(asked), server.begun, now() - began

    assert world(accepting(), story) == (Code.ACCESS_ACCEPT, 2, 0.0)


def test_a_server_that_breaks_every_connection_is_not_dialled_all_the_time(world):
    async def story(server, asked):
        def script(each):
            each.source.abort()
            return []

        server.script = script
        for _ in range(20):
            await fault(asked)
        return server.begun

    dialled = world(silent, story, timeout=1, retries=1)
    assert 3 <= dialled <= 8, "the pauses grow to 8 seconds, in 20 seconds of logins"


def test_a_server_that_is_restarted_answers_the_same_login(world):
    """Nobody listens at first, and the login has tries left."""

    async def story(server, asked):
        server.server.close()
        waiting = asyncio.ensure_future(asked.ask(LOGIN))
        await asyncio.sleep(1)
        again = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        again.load_cert_chain(*[asked.files / name for name in ("server.crt", "server.key")])
        loop = asyncio.get_running_loop()
        server.server = await loop.create_server(lambda: Line(server), "127.0.0.1", server.port, ssl=again)
        return (await waiting).reply.code

    async def with_files(server, asked):
        asked.files = next(iter(asked._servers)).channels._tls.authority.path.parent
        return await story(server, asked)

    assert world(accepting(), with_files) is Code.ACCESS_ACCEPT


def test_a_server_that_hangs_in_the_handshake_costs_one_server_its_tries(leaping, files, authority):
    """The next one, by UDP, answers; then the first one is left alone."""
    tls = RadiusTls(authority=files.put("ca.crt", authority.certificate))

    async def run():
        hung = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        second = await Scripted(accepting()).start()
        first = RadiusServer("127.0.0.1", hung.sockets[0].getsockname()[1], Secret(SHARED), tls=tls)
        asked = Servers.of_logins(settings(first, second.setting(), files=files.contents))
        waits = []
        for _ in range(5):
            began = now()
            await asked.ask(LOGIN)
            waits.append(now() - began)
        asked.close()
        hung.close()
        return waits

    assert leaping(run()) == [3.0, 3.0, 3.0, 0.0, 0.0]


def test_servers_over_tls_and_over_udp_are_one_list(world, leaping):
    """The order of the lines counts: UDP first, which is dead, then TLS."""
    other = leaping(Scripted(silent).start())

    async def story(server, asked):
        began = now()
        return await code(asked), now() - began, len(other.asked)

    assert world(accepting(), story, before=(other.setting(),)) == (Code.ACCESS_ACCEPT, 3.0, 1)


def test_a_conversation_goes_on_with_the_server_that_began_it(leaping, files, authority, proof):
    tls = RadiusTls(authority=files.put("ca.crt", authority.certificate))

    def script(asked):
        second = asked.first(24) == b"s"
        return [answer(asked, ACCEPT) if second else answer(asked, CHALLENGE, attribute(24, b"s"))]

    async def run():
        server = await Secured(script).start(files, proof)
        logins = RadiusLogins(settings(server.setting(tls), files=files.contents))
        challenge = await logins.judge(attempt())
        verdict = await logins.judge(attempt(b"123456", conversation=challenge.conversation))
        await logins.close()
        server.end()
        await asyncio.sleep(0.1)
        return verdict

    assert leaping(run()) == Accepted("alice")


# --- certificates ----------------------------------------------------------------------------------------------------


def refusal(world, **changes):
    async def story(server, asked):
        began = now()
        return await fault(asked), now() - began, len(server.asked)

    text, took, asked = world(accepting(), story, **changes)
    assert (took, asked) == (0.0, 0), "said at once, and nothing was sent"
    return text


def test_a_certificate_of_somebody_else_is_refused(world, authority):
    assert "its certificate is refused: self-signed" in refusal(world, issued=pki.self_signed("127.0.0.1"))
    stranger = pki.gateway(pki.authority("Others"), "127.0.0.1")
    assert "its certificate is refused: unable to get local issuer" in refusal(world, issued=stranger)
    assert "expired" in refusal(world, issued=pki.gateway(authority, "127.0.0.1", age=30, days=2))
    assert "not yet valid" in refusal(world, issued=pki.gateway(authority, "127.0.0.1", age=-3))


def test_a_certificate_with_another_name_is_refused(world, authority, files):
    other = pki.gateway(authority, "other.example.net")
    assert "mismatch" in refusal(world, issued=other)
    named = RadiusTls(files.put("ca.crt", authority.certificate), name="radius.example.net")
    assert "radius.example.net" in refusal(world, issued=other, tls=named)


def test_the_name_of_the_line_counts_and_not_the_host(world, authority, files):
    issued = pki.gateway(authority, "radius.example.net")
    named = RadiusTls(files.put("ca.crt", authority.certificate), name="radius.example.net")

    async def story(server, asked):
        return await code(asked)

    assert world(accepting(), story, issued=issued, tls=named) is Code.ACCESS_ACCEPT


@pytest.mark.parametrize("name", [".example.net", "..", "a..example.net", f"{'a' * 64}.example.net"])
def test_a_name_that_no_certificate_has_is_told(world, authority, files, name):
    named = RadiusTls(files.put("ca.crt", authority.certificate), name=name)
    assert f"no certificate has the name {name}" in refusal(world, tls=named)


def test_after_the_end_nobody_dials_and_nobody_waits(world):
    """Also where the end comes before the dialling has begun."""

    async def story(server, asked):
        waiting = asyncio.ensure_future(fault(asked))
        ways = asked._servers[0].channels
        while ways._dialling is None:  # noqa: ASYNC110 - it has not begun when it is there
            await asyncio.sleep(0)
        asked.close()
        return now(), await waiting, now(), server.begun

    began, text, ended, begun = world(silent, story, host="127.0.0.1")
    assert "it is not asked any more" in text
    assert (ended - began, begun) == (0.0, 0)


def test_a_bad_certificate_is_a_line_of_the_log_and_no_guess(leaping, files, authority, caplog):
    tls = RadiusTls(authority=files.put("ca.crt", authority.certificate))

    async def run():
        server = await Secured(accepting()).start(files, pki.self_signed("127.0.0.1"))
        logins = RadiusLogins(settings(server.setting(tls), files=files.contents))
        verdicts = [await logins.judge(attempt()) for _ in range(5)]
        await logins.close()
        server.end()
        await asyncio.sleep(0.1)
        return verdicts, server.asked

    verdicts, asked = leaping(run())
    assert asked == []
    assert all(isinstance(each.reason, BackEndFault) and not each.judged for each in verdicts)
    assert all("its certificate is refused" in each.reason.text for each in verdicts)
    told = [each.getMessage() for each in caplog.records if "cannot be asked: its certificate" in each.getMessage()]
    assert len([each for each in told if "left alone" not in each]) == 1


def test_a_server_that_wants_a_certificate_gets_it_or_it_is_said(world, authority, files):
    """TLS 1.3 tells only behind the handshake."""
    trusted = files.put("ca.crt", authority.certificate)

    async def story(server, asked):
        return await code(asked)

    mine = RadiusTls(trusted, *files.pair("gateway", pki.gateway(authority, "vpngw")))
    assert world(accepting(), story, clients=authority, tls=mine) is Code.ACCESS_ACCEPT
    refused = "it closed the connection without an answer: does it know this gateway"
    assert refused in world(accepting(), lambda _, asked: fault(asked), clients=authority)
    others = RadiusTls(trusted, *files.pair("other", pki.gateway(pki.authority("Others"), "vpngw")))
    text = world(accepting(), lambda _, asked: fault(asked), clients=authority, tls=others)
    assert refused in text
    assert "PRIVATE" not in text


def test_old_versions_of_tls_are_refused(leaping, files, authority, proof):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    tls = RadiusTls(authority=files.put("ca.crt", authority.certificate))

    async def run():
        server = await Secured(accepting()).start(files, proof, context=old)
        asked = Servers.of_logins(settings(server.setting(tls), files=files.contents))
        text = await fault(asked)
        asked.close()
        server.end()
        await asyncio.sleep(0.1)
        return text, server.asked

    text, asked = leaping(run())
    assert "before TLS was up" in text
    assert asked == []


def test_a_server_that_speaks_in_clear_hears_no_password(leaping, files, authority):
    tls = RadiusTls(authority=files.put("ca.crt", authority.certificate))

    async def run():
        heard = []

        async def speak(reader, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            heard.append(await reader.read(4096))

        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        one = RadiusServer("127.0.0.1", server.sockets[0].getsockname()[1], Secret(SHARED), tls=tls)
        asked = Servers.of_logins(settings(one, files=files.contents))
        text = await fault(asked)
        asked.close()
        server.close()
        return text, heard

    text, heard = leaping(run())
    assert "TLS does not come about" in text
    assert all(b"alice" not in each for each in heard)


def test_answers_that_nobody_waits_for_are_not_read_for_ever(world):
    async def story(server, asked):
        await code(asked)
        stray = answer(server.asked[0], ACCEPT)
        server.lines[0].write(stray * (secure.MOST_STRAYS + 1))
        await asyncio.sleep(1)
        return channel(asked).fault, server.lines

    text, lines = world(accepting(), story)
    assert "nobody waits for" in text
    assert lines == []
