"""A daemon in an attacker's hands asks for signatures and keys: what it has of them, over a real socket pair."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from far import Intruder, besieged, until
from keys import certificate_lab as lab
from lotor.auth.clock import Clock
from lotor.crypto import hashes
from lotor.crypto.prf import KEY_PAD, covered, mixed
from lotor.crypto.signatures import verify
from lotor.keys import Keyring, LocalSigner, OwnFiles, RemoteKeys
from lotor.model.algorithms import Hash, SignatureScheme
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure, KeyedRequest, MixedKeys, PpkRequest, PskRequest, Signature, SignedOctets
from lotor.model.policy import Side
from lotor.model.secret import Secret
from lotor.privsep.frames import MOST_ASKED, Kind
from lotor.privsep.serving import MOST_DENIED
from lotor.privsep.signing import (
    DERIVE_SKEYID,
    KEYED_AUTH,
    MIX_PPK,
    SAVED_PASSWORD,
    SIGN,
    SIGN_AUTH,
    SIGN_TLS,
    AuthSigning,
    Signing,
    TlsSigning,
)
from lotor.warden.identification import OwnIdentities, has_address
from lotor.warden.signing import BURST, RATE, rows
from trust.conftest import MADE_OF

PPK = b"a post-quantum key of two ends, long enough"
OWN = Identity(IdKind.FQDN, b"vpn.example.net")
ID_B = b"\2\0\0\0vpn.example.net"
IDENTITIES = {"gw": OWN, "branch": Identity(IdKind.FQDN, b"branch.example.net"), "psk": None}
CERTIFIED = Identity(IdKind.FQDN, b"other.example.net")
IDS = OwnIdentities(IDENTITIES.get, certified=lambda remote: (CERTIFIED,) if remote == "gw" else ())
REQUEST = PskRequest("psk", None, IPv4Address("192.0.2.7"), Hash.SHA256, bytes(40))


def signing(id_b: bytes = ID_B, remote: str = "gw", **changes) -> Signing:
    return Signing(remote, replace(MADE_OF, id_b=id_b, **changes))


@pytest.fixture(scope="module")
def holder():
    return lab.issue(lab.authority())


@pytest.fixture
def keys(tmp_path, holder):
    """The handlers over true keys: two blocks that sign, one with pre-shared keys and a saved password."""
    for name, octets in (
        ("gw.crt", holder.pem),
        ("gw.key", lab.key_pem(holder.private)),
        ("psk.txt", b"192.0.2.7 a pre-shared key that is long enough\nalice sesame, open you\nroot toor\n"),
        ("ppk.txt", b"192.0.2.7 one " + PPK),
    ):
        (tmp_path / name).write_bytes(octets)
        (tmp_path / name).chmod(0o600)
    own = {"own": (OwnFiles(tmp_path / "gw.crt", tmp_path / "gw.key"),), "side": Side.GATEWAY}
    blocks = [
        RemoteKeys("gw", **own, signs=True, tls=True),
        RemoteKeys("branch", **own, signs=True),
        RemoteKeys("psk", side=Side.CLIENT, shared_key=True, login="alice", ppk=True),
    ]
    ring = Keyring(blocks, tmp_path / "psk.txt", lambda: lab.NOW, tmp_path / "ppk.txt")
    return lambda: rows(LocalSigner(ring, None), IDS, IDS.in_auth)


def test_a_daemon_has_the_hash_of_phase_1_signed_under_the_key_that_follows(keys, holder):
    """Nothing that it says is the key of the hash: SKEYID is made of nonces and g^xy."""

    async def story(intruder, _):
        return await intruder.ask(SIGN, signing())

    signature = besieged(keys, story)
    public = holder.private.public_key()
    block = pow(int.from_bytes(signature.octets, "big"), public.public_numbers().e, public.public_numbers().n)
    assert block.to_bytes(public.key_size // 8, "big").endswith(b"\0" + hashes.signed(signing().made_of))


OTHERS = {
    "a name beside it": b"\2\0\0\0evil.example.net",
    "the name of another block": b"\2\0\0\0branch.example.net",
    "its name as another kind": b"\3\0\0\0vpn.example.net",
    "its name with another port": b"\2\x11\1\xf4vpn.example.net",
    "more behind it": ID_B + b"\0",
    "half of it": ID_B[:-1],
    "no name": b"\2\0\0\0",
    "an address": b"\1\x11\1\xf4\x7f\0\0\1",
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_daemon_has_no_other_identity_signed(keys, other, caplog):
    async def story(intruder, _):
        return await intruder.ask(SIGN, signing(OTHERS[other])), await intruder.ask(SIGN, signing())

    refused, own = besieged(keys, story)
    assert refused is Kind.REFUSED
    assert isinstance(own, Signature)
    assert "the daemon may not sign: remote gw: the identity" in caplog.text


def test_a_block_that_goes_by_its_address_signs_for_those_of_this_host_only():
    own = OwnIdentities({}.get)
    head4, head6 = b"\1\x11\1\xf4", b"\5\x11\1\xf4"
    mine = [head4 + ip_address("127.0.0.1").packed]
    others = [
        head4 + ip_address("192.0.2.7").packed,
        head4 + ip_address("0.0.0.0").packed,
        head4 + ip_address("255.255.255.255").packed,
        head4 + ip_address("224.0.0.1").packed,
        head6 + ip_address("2001:db8::7").packed,
        head6 + ip_address("::").packed,
        head4 + ip_address("::1").packed,
        head6 + ip_address("127.0.0.1").packed,
        b"\1\0\0\0" + ip_address("127.0.0.1").packed,
        b"\1\x11\1",
        b"",
        b"\2\0\0\0localhost",
    ]
    assert [own("gw", each) for each in mine] == [True]
    assert [own("gw", each) for each in others] == [False] * 12
    assert has_address(ip_address("fe80::1")), "one of a link is nobody's without the link"


UNFIT = {
    "a DigestInfo in the place of an SA": {"sa_b": bytes(8193)},
    "a key of its choice": {"nonces": b"", "g_xy": Secret(b"k" * 64)},
    "no cookies": {"cookies": (b"", b"")},
    "nothing but a name": {"publics": (b"", b"")},
    "another hash": {"hash": Hash.SHA256},
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_daemon_has_nothing_signed_but_the_hash_of_phase_1(keys, unfit):
    async def story(intruder, _):
        return await intruder.ask(SIGN, signing(**UNFIT[unfit]))

    answer = besieged(keys, story)
    assert answer is Kind.REFUSED or isinstance(answer, Failure)


def test_a_daemon_has_nothing_of_a_block_that_does_otherwise_or_is_not_there(keys):
    async def story(intruder, _):
        asked = [signing(b"\1\x11\1\xf4\x7f\0\0\1", remote) for remote in ("psk", "nobody", "", "../gw", "g" * 1000)]
        derived = [replace(REQUEST, remote=remote) for remote in ("gw", "branch", "nobody")]
        signed = [await intruder.ask(SIGN, each) for each in asked]
        return signed + [await intruder.ask(DERIVE_SKEYID, each) for each in derived]

    answers = besieged(keys, story)
    assert len(answers) == 8
    assert not [each for each in answers if not (each is Kind.REFUSED or isinstance(each, Failure))]


def test_a_daemon_reads_no_password_but_that_of_the_own_login(keys):
    async def story(intruder, _):
        names = ("root", "192.0.2.7", "gw", "*", "", "psk.txt", "/etc/shadow", "psk\0", "alice")
        return [await intruder.ask(SAVED_PASSWORD, name) for name in ("psk", *names)]

    assert besieged(keys, story) == [Secret("sesame, open you")] + [None] * 9


def test_a_daemon_sees_no_key_in_any_answer(keys):
    async def story(intruder, _):
        return [
            await intruder.ask(DERIVE_SKEYID, REQUEST),
            await intruder.ask(DERIVE_SKEYID, replace(REQUEST, nonces=bytes(16))),
            await intruder.ask(SIGN, signing()),
        ]

    first, second, signature = besieged(keys, story)
    assert len(first) == len(second) == hashes.size(Hash.SHA256)
    assert first != second
    assert b"pre-shared" not in first.reveal() + second.reveal() + signature.octets


def init(flags: int = 0x20, exchange: int = 34) -> bytes:
    return bytes(16) + bytes([33, 0x20, exchange, flags]) + bytes(4) + (40).to_bytes(4, "big") + bytes(12)


AUTH = SignedOctets(init(), bytes(32), Hash.SHA256, Secret(b"p" * 32), ID_B)


def authorising(remote: str = "gw", scheme: SignatureScheme = SignatureScheme.RSA_SHA256, **changes) -> AuthSigning:
    return AuthSigning(remote, replace(AUTH, **changes), scheme)


def test_a_daemon_has_auth_signed_that_the_warden_puts_together(keys, holder):
    async def story(intruder, _):
        schemes = (SignatureScheme.RSA_SHA256, SignatureScheme.RSA_PSS_SHA384, SignatureScheme.RSA_SHA1)
        return {each: await intruder.ask(SIGN_AUTH, authorising(scheme=each)) for each in schemes}

    answers = besieged(keys, story)
    assert len(answers) == 3
    for scheme, signature in answers.items():
        assert verify(holder.private.public_key(), scheme, covered(AUTH), signature.octets)


UNFIT_OCTETS = {
    "octets of its choice": {"message": b"TLS 1.3, server CertificateVerify" + bytes(40)},
    "a message of a client": {"message": init(flags=0x08)},
    "a later message": {"message": init(exchange=35)},
    "nothing but a header of another length": {"message": init() + bytes(64)},
    "a key of no size": {"sk_p": Secret(b"")},
    "a digest behind it": {"intermediate": bytes(32)},
}


@pytest.mark.parametrize("unfit", UNFIT_OCTETS)
def test_a_daemon_has_nothing_signed_but_auth_of_its_own_role(keys, unfit):
    async def story(intruder, _):
        return await intruder.ask(SIGN_AUTH, authorising(**UNFIT_OCTETS[unfit]))

    answer = besieged(keys, story)
    assert answer is Kind.REFUSED or isinstance(answer, Failure)


@pytest.mark.parametrize("scheme", [SignatureScheme.ECDSA_SHA256, SignatureScheme.ED25519])
def test_a_daemon_has_nothing_signed_by_a_scheme_of_another_key(keys, scheme):
    async def story(intruder, _):
        return await intruder.ask(SIGN_AUTH, authorising(scheme=scheme))

    assert "nothing is signed" in besieged(keys, story).reason.text


VERIFY = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
EXCHANGE = bytes(range(64)) + bytes.fromhex("03001d20") + bytes(32)


def in_tls(message: bytes, remote: str = "gw", scheme: SignatureScheme = SignatureScheme.RSA_PSS_SHA256) -> TlsSigning:
    return TlsSigning(remote, message, scheme)


@pytest.mark.parametrize("message", [VERIFY + bytes(32), VERIFY + bytes(48), EXCHANGE])
def test_a_daemon_has_signed_what_a_server_of_tls_proves_itself_by(keys, holder, message):
    async def story(intruder, _):
        return await intruder.ask(SIGN_TLS, in_tls(message))

    signature = besieged(keys, story)
    assert verify(holder.private.public_key(), SignatureScheme.RSA_PSS_SHA256, message, signature.octets)


NOT_TLS = {
    "nothing": b"",
    "AUTH of IKEv2": covered(AUTH),
    "AUTH with the form of a key exchange behind it": init() + bytes(24) + bytes.fromhex("03001d20") + bytes(32),
    "the same of a later minor version, which a peer takes": init()[:17]
    + b"\x2f"
    + init()[18:]
    + bytes(24)
    + bytes.fromhex("03001d20")
    + bytes(32),
    "a hash of its choice": VERIFY + bytes(31),
    "more behind the hash": VERIFY + bytes(100),
    "what a client signs": VERIFY.replace(b"server", b"client") + bytes(32),
    "what a client of TLS 1.2 signs": bytes.fromhex("010000020303"),
    "a curve that nobody knows": EXCHANGE[:66] + b"\xff" + EXCHANGE[67:],
    "a value that is longer than it says": EXCHANGE + b"more",
    "a group of primes": bytes(64) + bytes.fromhex("0100020101"),
    "octets without end": bytes(24_577),
    "a certificate": bytes.fromhex("30820100") + bytes(256),
}


@pytest.mark.parametrize("what", NOT_TLS)
def test_a_daemon_has_nothing_signed_for_tls_that_is_none(keys, what):
    async def story(intruder, _):
        return await intruder.ask(SIGN_TLS, in_tls(NOT_TLS[what])), await intruder.ask(SIGN_TLS, in_tls(EXCHANGE))

    answer, signed = besieged(keys, story)
    assert answer is Kind.REFUSED or isinstance(answer, Failure)
    assert isinstance(signed, Signature)


def test_a_block_without_a_method_on_tls_signs_for_none(keys):
    async def story(intruder, _):
        return [await intruder.ask(SIGN_TLS, in_tls(EXCHANGE, remote)) for remote in ("branch", "psk", "nobody")]

    assert all(isinstance(each, Failure) for each in besieged(keys, story))


OTHERS_IN_AUTH = {
    "a name beside it": b"\2\0\0\0evil.example.net",
    "the name of another block": b"\2\0\0\0branch.example.net",
    "its name as another kind": b"\3\0\0\0vpn.example.net",
    "its name with reserved octets": b"\2\0\0\1vpn.example.net",
    "more behind it": ID_B + b"\0",
    "no name": b"\2\0\0\0",
    "an address of this host": b"\1\0\0\0\x7f\0\0\1",
}


@pytest.mark.parametrize("other", OTHERS_IN_AUTH)
def test_a_daemon_has_no_other_identity_signed_in_ikev2(keys, other, caplog):
    certified = bytes([CERTIFIED.kind, 0, 0, 0]) + CERTIFIED.data

    async def story(intruder, _):
        asked = (OTHERS_IN_AUTH[other], ID_B, certified)
        return [await intruder.ask(SIGN_AUTH, authorising(id_b=each)) for each in asked]

    refused, own, named = besieged(keys, story)
    assert refused is Kind.REFUSED
    assert isinstance(own, Signature)
    assert isinstance(named, Signature)
    assert "the daemon may not sign_auth: remote gw: the identity" in caplog.text


def test_a_block_that_goes_by_its_address_shows_those_of_this_host_only_in_ikev2():
    own = OwnIdentities({}.get)
    mine = bytes([1, 0, 0, 0]) + ip_address("127.0.0.1").packed
    others = [
        bytes([1, 0, 0, 0]) + ip_address("192.0.2.7").packed,
        bytes([1, 17, 1, 0xF4]) + ip_address("127.0.0.1").packed,
        bytes([5, 0, 0, 0]) + ip_address("127.0.0.1").packed,
        bytes([1, 0, 0, 0]),
        b"\1\0",
        b"",
    ]
    assert own.in_auth("gw", mine)
    assert [own.in_auth("gw", each) for each in others] == [False] * 6


def test_a_daemon_does_not_get_the_inner_key_of_ikev2(keys):
    """prf(key, "Key Pad for IKEv2") would be as good as the key itself, and SKEYID has the same form."""
    asked = KeyedRequest("psk", None, REQUEST.address, replace(AUTH, message=init(flags=0x08)), client=True)

    async def story(intruder, _):
        inner = await intruder.ask(DERIVE_SKEYID, replace(REQUEST, nonces=KEY_PAD))
        return inner, await intruder.ask(KEYED_AUTH, asked), await intruder.ask(KEYED_AUTH, replace(asked, remote="gw"))

    inner, auth, of_another = besieged(keys, story)
    assert isinstance(inner, Failure)
    assert isinstance(auth, Secret)
    assert isinstance(of_another, Failure)


def test_a_daemon_gets_keys_with_a_ppk_of_a_block_that_uses_it(keys):
    """The PPK stays here, and what comes out is as long as the keys that went in."""
    mixing = PpkRequest("psk", None, REQUEST.address, Hash.SHA256, (Secret(b"k" * 32),) * 3, None, b"one")
    asked = (
        mixing,
        replace(mixing, remote="gw"),
        replace(mixing, ppk_id=b"two"),
        replace(mixing, keys=mixing.keys[:1] * 3),
    )

    async def story(intruder, _):
        return [await intruder.ask(MIX_PPK, each) for each in asked]

    made, of_another, unknown, again = besieged(keys, story)
    assert made == again
    assert made.keys == mixed(Hash.SHA256, Secret(PPK), mixing.keys)
    assert isinstance(of_another, Failure)
    assert isinstance(unknown, Failure)


class Counting:
    """A signer that counts, and a clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.done = 0
        self.time = 0.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.clock = Clock(now=lambda: self.time, sleep=self.sleep)

    async def sleep(self, seconds):
        waking = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, waking))
        await waking

    def move(self, seconds):
        self.time += seconds
        for at, waking in self.sleepers:
            if at <= self.time and not waking.done():
                waking.set_result(None)

    async def sign(self, remote, made_of):
        self.done += 1
        return Signature(b"s")

    async def derive_skeyid(self, request):
        self.done += 1
        return Secret(b"s" * 32)

    async def sign_auth(self, remote, made_of, scheme):
        self.done += 1
        return Signature(b"s")

    async def sign_tls(self, remote, message, scheme):
        self.done += 1
        return Signature(b"s")

    async def keyed_auth(self, request):
        self.done += 1
        return Secret(b"s" * 32)

    async def mix_ppk(self, request):
        self.done += 1
        return MixedKeys(b"one", request.keys)

    async def saved_password(self, remote):
        self.done += 1


def asks(intruder: Intruder, number: int) -> tuple:
    verb, request = (
        (SIGN, signing()),
        (DERIVE_SKEYID, REQUEST),
        (SAVED_PASSWORD, "psk"),
        (SIGN_AUTH, authorising()),
        (KEYED_AUTH, KeyedRequest("psk", None, REQUEST.address, AUTH)),
        (MIX_PPK, PpkRequest("psk", None, REQUEST.address, Hash.SHA256, (Secret(bytes(32)),) * 3)),
    )[number % 6]
    return verb, intruder.say(verb, request)


def test_a_daemon_uses_keys_no_more_often_than_handshakes_come():
    counting = Counting()

    async def story(intruder, lost):
        for number in range(BURST):
            await intruder.hear(*asks(intruder, number))
        assert counting.done == BURST
        waiting = [asks(intruder, number) for number in range(3 * MOST_ASKED)]
        await until(lambda: len(counting.sleepers) == 3 * MOST_ASKED)
        assert counting.done == BURST
        counting.move(50.5 / RATE)
        await until(lambda: counting.done == BURST + 50)
        counting.move(1)
        for each in waiting:
            await intruder.hear(*each)
        assert not lost.done()
        return counting.done

    handlers = rows(counting, *[lambda remote, id_b: True] * 2, counting.clock)
    assert besieged(lambda: handlers, story) == BURST + 3 * MOST_ASKED


def test_a_daemon_that_asks_and_withdraws_delays_nobody_after_it():
    counting = Counting()

    async def story(intruder, _):
        for number in range(BURST):
            await intruder.hear(*asks(intruder, number))
        for _ in range(20):
            asked = [intruder.say(SIGN, signing()) for _ in range(MOST_ASKED)]
            await until(lambda: sum(not each.done() for _, each in counting.sleepers) == MOST_ASKED)
            for ticket in asked:
                intruder.withdraw(SIGN, ticket)
            for ticket in asked:
                await intruder.hear(SIGN, ticket)
        ticket = intruder.say(SIGN, signing())
        await until(lambda: not counting.sleepers[-1][1].done())
        counting.move(1.5 / RATE)
        return await intruder.hear(SIGN, ticket)

    handlers = rows(counting, *[lambda remote, id_b: True] * 2, counting.clock)
    assert besieged(lambda: handlers, story) == Signature(b"s")


def test_a_daemon_that_asks_for_another_name_again_and_again_is_ended(keys, caplog):
    async def story(intruder, lost):
        for _ in range(MOST_DENIED):
            assert await intruder.ask(SIGN, signing(b"\2\0\0\0evil")) is Kind.REFUSED
        assert not lost.done()
        intruder.say(SIGN, signing(b"\2\0\0\0evil"))
        return await lost

    assert "again and again" in besieged(keys, story)
    assert caplog.text.count("the daemon may not sign") == MOST_DENIED


def test_what_is_lied_about_the_signers_line_ends_it(keys):
    """As for every verb: an answer is no question, and nothing is done after that."""

    async def story(intruder, lost):
        intruder.end.send(b"\2\1\0\0\0\1\0\0\0\0\0\0\0\0")
        with contextlib.suppress(OSError):
            intruder.say(SIGN, signing())
        return await lost

    assert "breaks the rules" in besieged(keys, story)
