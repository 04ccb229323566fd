"""What core and runtime rely on in every signer, and what whoever holds it relies on: narrow verbs of bounded sizes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from far import FarPort
from keys import certificate_lab as lab
from lotor.crypto import hashes
from lotor.crypto.prf import KEY_PAD
from lotor.keys import Keyring, LocalSigner, OwnFiles, RemoteKeys
from lotor.model.algorithms import Hash, SignatureScheme
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import (
    Failure,
    Feigned,
    KeyedRequest,
    MixedKeys,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
)
from lotor.model.policy import Side
from lotor.model.secret import Secret
from lotor.ports import signer as port
from lotor.privsep.far_signer import FarSigner
from lotor.warden.signing import rows
from scripted import OpenSigner
from trust.conftest import MADE_OF

KEY, PASSWORD = b"a pre-shared key that is long enough", "sesame, open you"
PPK = b"a post-quantum key of two ends, long enough"
REQUEST = PskRequest("gw", None, IPv4Address("192.0.2.7"), Hash.SHA256, bytes(range(40)))
SMALLEST = SignedHash(Hash.MD5, Hash.MD5, bytes(16), Secret(b"1"), (b"1", b"2"), (bytes(8), bytes(8)), b"s", bytes(4))
LARGEST = SignedHash(
    Hash.SHA512,
    Hash.SHA512,
    bytes(512),
    Secret(bytes(1024)),
    (bytes(1024), bytes(1024)),
    (bytes(8), bytes(8)),
    bytes(8192),
    bytes(1028),
)
UNFIT = {
    "short nonces": {"nonces": bytes(15)},
    "long nonces": {"nonces": bytes(513)},
    "no g^xy": {"g_xy": Secret(b"")},
    "g^xy of another group": {"g_xy": Secret(bytes(129))},
    "no public value": {"publics": (b"", b"")},
    "a long public value": {"publics": (bytes(1025), bytes(1025))},
    "public values of two groups": {"publics": (bytes(128), bytes(256))},
    "a short cookie": {"cookies": (bytes(7), bytes(8))},
    "a long cookie": {"cookies": (bytes(8), bytes(9))},
    "no SA": {"sa_b": b""},
    "a long SA": {"sa_b": bytes(port.LONGEST_SA + 1)},
    "no ID": {"id_b": b"\1\0\0"},
    "a long ID": {"id_b": bytes(port.ID_HEAD + port.LONGEST_IDENTITY + 1)},
}
UNFIT_REQUESTS = {
    "a long name": {"remote": "g" * (port.LONGEST_NAME + 1)},
    "a long host": {"host": "h" * (port.LONGEST_NAME + 1)},
    "a long identity": {"identity": Identity(IdKind.KEY_ID, bytes(port.LONGEST_IDENTITY + 1))},
    "no nonces": {"nonces": b""},
    "short nonces": {"nonces": bytes(port.SHORTEST_NONCES - 1)},
    "long nonces": {"nonces": bytes(port.LONGEST_NONCES + 1)},
}


def init(size: int = 300, flags: int = 0x20, exchange: int = 34, version: int = 0x20) -> bytes:
    """An IKE_SA_INIT message, of the responder where nothing else is said."""
    head = bytes(range(16)) + bytes([33, version, exchange, flags]) + bytes(4) + size.to_bytes(4, "big")
    return head + bytes(size - len(head))


AUTH = SignedOctets(init(), bytes(32), Hash.SHA256, Secret(b"p" * 32), b"\2\0\0\0vpn.example.net")
SCHEME = SignatureScheme.RSA_SHA256
KEYED = KeyedRequest("gw", None, IPv4Address("192.0.2.7"), AUTH)
AUTHS = {
    "usual": AUTH,
    "smallest": SignedOctets(init(28), bytes(16), Hash.MD5, Secret(bytes(16)), bytes(4)),
    "largest": SignedOctets(
        init(port.LONGEST_INIT),
        bytes(256),
        Hash.SHA512,
        Secret(bytes(64)),
        bytes(port.ID_HEAD + port.LONGEST_IDENTITY),
        bytes(132),
    ),
}
UNFIT_OCTETS = {
    "no message": {"message": b""},
    "less than a header": {"message": init(28)[:27]},
    "a long message": {"message": init(port.LONGEST_INIT + 1)},
    "a message that says another length": {"message": init() + b"\0"},
    "a message of IKEv1": {"message": init(version=0x10)},
    "another exchange": {"message": init(exchange=35)},
    "a message of the other role": {"message": init(flags=0x08)},
    "a request of a responder": {"message": init(flags=0)},
    "a response of the initiator": {"message": init(flags=0x28)},
    "another message id": {"message": init()[:23] + b"\1" + init()[24:]},
    "a short nonce": {"nonce": bytes(15)},
    "a long nonce": {"nonce": bytes(257)},
    "SK_p of another hash": {"sk_p": Secret(bytes(20))},
    "no ID": {"id_b": b"\2\0\0"},
    "a long ID": {"id_b": bytes(port.ID_HEAD + port.LONGEST_IDENTITY + 1)},
    "half an IntAuth": {"intermediate": bytes(36)},
    "a long IntAuth": {"intermediate": bytes(69)},
}
UNFIT_KEYED = {
    "a long name": {"remote": "g" * (port.LONGEST_NAME + 1)},
    "no name": {"remote": ""},
    "a long host": {"host": "h" * (port.LONGEST_NAME + 1)},
    "a long identity": {"identity": Identity(IdKind.KEY_ID, bytes(port.LONGEST_IDENTITY + 1))},
    "octets of the other role": {"client": True},
}


MIXED = PpkRequest(
    "gw", Identity(IdKind.KEY_ID, b"bob"), IPv4Address("192.0.2.7"), Hash.SHA256, (Secret(bytes(32)),) * 3, None, b"one"
)
UNFIT_MIXED = {
    "a long name": {"remote": "g" * (port.LONGEST_NAME + 1)},
    "no name": {"remote": ""},
    "a long host": {"host": "h" * (port.LONGEST_NAME + 1)},
    "a long identity": {"identity": Identity(IdKind.KEY_ID, bytes(port.LONGEST_IDENTITY + 1))},
    "a PPK without a name": {"ppk_id": b""},
    "a long name of a PPK": {"ppk_id": bytes(port.LONGEST_PPK_ID + 1)},
    "keys of another hash": {"keys": (Secret(bytes(20)),) * 3},
    "a key of another hash": {"keys": (Secret(bytes(32)), Secret(bytes(32)), Secret(bytes(64)))},
}


@contextlib.contextmanager
def local(directory):
    """The engine: a private key, and a file of pre-shared keys and passwords."""
    holder = lab.issue(lab.authority())
    for name, octets in (
        ("gw.crt", holder.pem),
        ("gw.key", lab.key_pem(holder.private)),
        ("ppk.txt", b"* one %s\n" % PPK),
        ("psk.txt", b"192.0.2.7 %s\nalice %s\n" % (KEY, PASSWORD.encode())),
    ):
        (directory / name).write_bytes(octets)
        (directory / name).chmod(0o600)
    keys = RemoteKeys(
        "gw",
        own=(OwnFiles(directory / "gw.crt", directory / "gw.key"),),
        signs=True,
        shared_key=True,
        side=Side.GATEWAY,
        login="alice",
        ppk=True,
    )
    ring = Keyring([keys], directory / "psk.txt", lambda: lab.NOW, directory / "ppk.txt")
    with ThreadPoolExecutor(2) as executor:
        yield LocalSigner(ring, executor)


@contextlib.contextmanager
def far(directory):
    """The same in a warden, over a socket pair."""
    with local(directory) as engine, FarPort(FarSigner, rows(engine, *[lambda remote, id_b: True] * 2)) as port_:
        yield port_


SIGNERS = {"local": local, "far": far, "open": lambda _: contextlib.nullcontext(OpenSigner({"gw": PASSWORD}))}


@pytest.fixture(params=SIGNERS)
def signer(request, tmp_path):
    with SIGNERS[request.param](tmp_path) as engine:
        yield engine


def asked(verb):
    async def play():
        return await verb

    return asyncio.run(play())


@pytest.mark.parametrize("made_of", [MADE_OF, SMALLEST, LARGEST], ids=["usual", "smallest", "largest"])
def test_it_signs_what_phase_1_is_made_of(signer, made_of):
    first, again = (asked(signer.sign("gw", made_of)) for _ in range(2))
    assert isinstance(first, Signature)
    assert first == again
    other = asked(signer.sign("gw", replace(made_of, id_b=b"\2" + made_of.id_b[1:])))
    assert other != first


@pytest.mark.parametrize("changes", UNFIT.values(), ids=UNFIT)
def test_it_signs_nothing_else(signer, changes):
    assert isinstance(asked(signer.sign("gw", replace(MADE_OF, **changes))), Failure)


@pytest.mark.parametrize("remote", ["", "g" * (port.LONGEST_NAME + 1)], ids=["no name", "a long name"])
def test_it_signs_for_no_impossible_block(signer, remote):
    assert isinstance(asked(signer.sign(remote, MADE_OF)), Failure)


@pytest.mark.parametrize("hashing", Hash)
def test_skeyid_has_the_size_of_its_hash_and_depends_on_the_nonces(signer, hashing):
    request = replace(REQUEST, hash=hashing)
    first, again = (asked(signer.derive_skeyid(request)) for _ in range(2))
    assert isinstance(first, Secret)
    assert first == again
    assert len(first) == hashes.size(hashing)
    assert asked(signer.derive_skeyid(replace(request, nonces=bytes(40)))) != first
    assert isinstance(asked(signer.derive_skeyid(replace(request, nonces=bytes(port.LONGEST_NONCES)))), Secret)


@pytest.mark.parametrize("changes", UNFIT_REQUESTS.values(), ids=UNFIT_REQUESTS)
def test_it_derives_from_nothing_else(signer, changes):
    """Also in aggressive mode, where a name without a key has a feigned answer: the size alone decides."""
    for request in (replace(REQUEST, **changes), replace(REQUEST, **{"aggressive": True, **changes})):
        assert isinstance(asked(signer.derive_skeyid(request)), Failure)


@pytest.mark.parametrize("made_of", AUTHS.values(), ids=AUTHS)
def test_it_signs_what_auth_is_made_of(signer, made_of):
    first, again = (asked(signer.sign_auth("gw", made_of, SCHEME)) for _ in range(2))
    assert isinstance(first, Signature)
    assert first == again, "PKCS#1 v1.5 has no chance in it"
    other = asked(signer.sign_auth("gw", replace(made_of, id_b=b"\3" + made_of.id_b[1:]), SCHEME))
    assert other != first
    assert asked(signer.sign_auth("gw", made_of, SignatureScheme.RSA_SHA384)) != first


@pytest.mark.parametrize("changes", UNFIT_OCTETS.values(), ids=UNFIT_OCTETS)
def test_it_signs_for_ikev2_nothing_else(signer, changes):
    made_of = replace(AUTH, **changes)
    initiators = made_of.message[19:20] == b"\x08"
    if not (initiators and isinstance(signer, OpenSigner)):  # which knows no roles
        assert isinstance(asked(signer.sign_auth("gw", made_of, SCHEME)), Failure)
    assert isinstance(asked(signer.keyed_auth(replace(KEYED, octets=made_of))), Failure)


@pytest.mark.parametrize("made_of", AUTHS.values(), ids=AUTHS)
def test_auth_of_a_shared_key_has_the_size_of_its_prf_and_depends_on_the_octets(signer, made_of):
    first, again = (asked(signer.keyed_auth(replace(KEYED, octets=made_of))) for _ in range(2))
    assert isinstance(first, Secret)
    assert first == again
    assert len(first) == hashes.size(made_of.prf)
    other = replace(made_of, nonce=b"n" * 64)
    assert asked(signer.keyed_auth(replace(KEYED, octets=other))) != first
    of_client = replace(made_of, message=init(len(made_of.message), flags=0x08))
    assert isinstance(asked(signer.keyed_auth(replace(KEYED, octets=of_client, client=True))), Secret)


@pytest.mark.parametrize("changes", UNFIT_KEYED.values(), ids=UNFIT_KEYED)
def test_it_derives_auth_from_nothing_else(signer, changes):
    assert isinstance(asked(signer.keyed_auth(replace(KEYED, **changes))), Failure)


@pytest.mark.parametrize("hashing", [Hash.SHA1, Hash.SHA256, Hash.SHA512])
def test_keys_with_a_ppk_have_their_size_and_depend_on_it(signer, hashing):
    request = replace(MIXED, prf=hashing, keys=tuple(Secret(bytes([n]) * hashes.size(hashing)) for n in range(3)))
    first, again = (asked(signer.mix_ppk(request)) for _ in range(2))
    assert first == again
    assert isinstance(first, MixedKeys)
    assert first.ppk_id == b"one"
    assert [len(each) for each in first.keys] == [hashes.size(hashing)] * 3
    assert len({each.reveal() for each in (*first.keys, *request.keys)}) == 6


@pytest.mark.parametrize("changes", UNFIT_MIXED.values(), ids=UNFIT_MIXED)
def test_it_mixes_nothing_else(signer, changes):
    assert isinstance(asked(signer.mix_ppk(replace(MIXED, **changes))), Failure)


def test_phase_1_derives_nothing_that_stands_for_the_key_in_ikev2(signer):
    assert isinstance(asked(signer.derive_skeyid(replace(REQUEST, nonces=KEY_PAD))), Failure)


def test_a_saved_password_is_that_of_the_block(signer):
    assert asked(signer.saved_password("gw")) == Secret(PASSWORD)
    for line in ("alice", "192.0.2.7", "*", "", "g" * 100_000):
        assert asked(signer.saved_password(line)) is None


def test_many_may_ask_at_once_and_each_gets_its_own_answer(signer):
    hashed = [replace(MADE_OF, sa_b=bytes([number])) for number in range(20)]

    async def play():
        return await asyncio.gather(*(signer.sign("gw", each) for each in hashed))

    together = asyncio.run(play())
    assert together == [asked(signer.sign("gw", each)) for each in hashed]
    assert len({each.octets for each in together}) == 20


def test_whoever_stops_waiting_disturbs_nobody(signer):
    async def play():
        gone = [asyncio.ensure_future(signer.sign("gw", MADE_OF)) for _ in range(20)]
        stays = asyncio.ensure_future(signer.derive_skeyid(REQUEST))
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        return await stays, await signer.sign("gw", MADE_OF), await asyncio.gather(*gone, return_exceptions=True)

    derived, signed, ends = asyncio.run(play())
    assert isinstance(derived, Secret)
    assert isinstance(signed, Signature)
    assert all(isinstance(each, asyncio.CancelledError | Signature) for each in ends)


def test_no_answer_shows_a_secret(signer):
    answers = [
        asked(signer.sign("gw", MADE_OF)),
        asked(signer.derive_skeyid(REQUEST)),
        asked(signer.saved_password("gw")),
        asked(signer.derive_skeyid(replace(REQUEST, nonces=b""))),
        asked(signer.sign_auth("gw", AUTH, SCHEME)),
        asked(signer.keyed_auth(KEYED)),
        asked(signer.mix_ppk(MIXED)),
    ]
    told = repr(answers)
    assert KEY.decode() not in told
    assert PASSWORD not in told
    assert PPK.decode() not in told


# -- what holds for the engine alone: it knows its blocks --------------------------------------------------------------


def test_local_what_nobody_waits_for_any_more_is_not_begun():
    begun = []

    class Slow:
        def sign(self, remote, made_of):
            begun.append(remote)
            busy.set()
            assert first.wait(60)
            return Signature(b"")

    busy, first = threading.Event(), threading.Event()

    async def play():
        with ThreadPoolExecutor(1) as executor:
            signer = LocalSigner(Slow(), executor)
            waiting = [asyncio.ensure_future(signer.sign(str(number), MADE_OF)) for number in range(5)]
            await asyncio.to_thread(busy.wait, 30)
            for each in waiting[1:4]:
                each.cancel()
            await asyncio.sleep(0)
            first.set()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(play())
    assert begun == ["0", "4"]


def test_local_an_rsa_key_signs_under_no_hash_but_the_agreed_one(tmp_path):
    with local(tmp_path) as signer:
        refused = asked(signer.sign("gw", replace(MADE_OF, hash=Hash.SHA256)))
    assert "nothing is signed: sha256" in refused.reason.text


def test_local_a_block_gives_only_what_it_proves_itself_by(tmp_path):
    with local(tmp_path) as whole:
        keys = RemoteKeys("gw", own=(OwnFiles(tmp_path / "gw.crt", tmp_path / "gw.key"),), side=Side.GATEWAY)
        ring = Keyring([keys], tmp_path / "psk.txt", clock=lambda: lab.NOW)
        for remote in ("gw", "another"):
            assert isinstance(ring.sign(remote, MADE_OF), Failure)
            assert isinstance(ring.derive_skeyid(replace(REQUEST, remote=remote)), Failure)
            assert isinstance(ring.sign_auth(remote, AUTH, SCHEME), Failure)
            assert isinstance(ring.keyed_auth(replace(KEYED, remote=remote)), Failure)
            assert ring.saved_password(remote) is None
        unknown = replace(REQUEST, identity=Identity(IdKind.KEY_ID, b"eve"), address=IPv4Address("192.0.2.8"))
        assert isinstance(asked(whole.derive_skeyid(unknown)), Failure)
        assert isinstance(asked(whole.derive_skeyid(replace(unknown, aggressive=True))), Feigned)
