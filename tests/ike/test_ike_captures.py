"""Recorded handshakes of third-party peers through our own key material, channels and endpoint."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

import recordings
from lotor.crypto import groups, hashes
from lotor.ike.dialect import Incoming
from lotor.ike.events import Ended, PhaseOneUp
from lotor.ike.v1 import keymat, quick, seal
from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash, IkeSuite
from lotor.model.judgement import SignedHash
from lotor.model.network import Path, Peer
from lotor.model.policy import ChildPolicy, Policy, ProposalCheck, Switch
from lotor.model.secret import Secret
from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.numbers import ExchangeType, Protocol
from lotor.wire.v1.proposals import read_esp
from peers.world import GATEWAY, CheapRandomness, Host, World

SIGNED = [
    name for name in recordings.NAMES if name.startswith(("hybrid", "rsa", "dpd", "rekey", "xauthrsa", "gateway"))
]
AGGRESSIVE = [name for name in recordings.NAMES if name.startswith("hybrid-aggressive")]
HASHES = {"SHA1": Hash.SHA1, "SHA2-256": Hash.SHA256, "MD5": Hash.MD5, "SHA2-384": Hash.SHA384}


def _hex(record, name: str) -> bytes:
    return bytes.fromhex(record[name])


def _suite(sa) -> IkeSuite:
    attributes = sa["attributes"]
    cipher = Cipher.TRIPLE_DES_CBC if "3DES" in attributes["ENC"] else Cipher.AES_CBC
    hashed, group = HASHES[attributes["HASH"]], Group(attributes["GROUP"])
    return IkeSuite(cipher, attributes.get("KEYLEN", 0), hashed, group, AuthMethod.HYBRID_RSA, 3600)


def _said(sa) -> keymat.Phase1Values:
    return keymat.Phase1Values(
        cky_i=_hex(sa, "cookie_i"),
        cky_r=_hex(sa, "cookie_r"),
        g_xi=_hex(sa, "ke_i"),
        g_xr=_hex(sa, "ke_r"),
        ni_b=_hex(sa, "nonce_i"),
        nr_b=_hex(sa, "nonce_r"),
        sa_b=_hex(sa, "sa_i"),
    )


def _keys(sa) -> keymat.PhaseOneKeys:
    said = _said(sa)
    skeyid = hashes.skeyid_of_signatures(_suite(sa).hash, said.ni_b + said.nr_b, _hex(sa, "gxy"))
    return keymat.derive(_suite(sa), _said(sa), _hex(sa, "gxy"), skeyid)


def _sas():
    for name in SIGNED:
        for number, sa in enumerate(recordings.load(name)["ike_sas"]):
            yield pytest.param(name, sa, id=f"{name}-{number}")


@pytest.mark.parametrize(("name", "sa"), list(_sas()))
def test_keys_and_hashes_are_those_of_the_peers(name, sa):
    keys = _keys(sa)
    assert keys.skeyid.reveal() == _hex(sa, "SKEYID")
    assert keys.skeyid_d.reveal() == _hex(sa, "SKEYID_d")
    assert keys.skeyid_a.reveal() == _hex(sa, "SKEYID_a")
    assert _hex(sa, "Ka").startswith(keys.ka.reveal())
    assert keys.iv == _hex(sa, "initial_iv")
    for side, derive in (("i", keymat.input_of_hash_i), ("r", keymat.input_of_hash_r)):
        if f"id_{side}" in sa:  # main mode encrypts them, and the recordings keep only the clear ones
            made_of = derive(keys, _said(sa), _hex(sa, f"id_{side}"))
            assert hashes.phase_one(made_of) == _hex(sa, f"HASH_{side.upper()}")
            assert hashes.signed(_signed(sa, made_of)) == _hex(sa, f"HASH_{side.upper()}")


def _signed(sa, made_of) -> SignedHash:
    """What a signer is told, who derives SKEYID himself."""
    said, prf = _said(sa), _suite(sa).hash
    told = (made_of.publics, made_of.cookies, made_of.sa_b, made_of.id_b)
    return SignedHash(prf, prf, said.ni_b + said.nr_b, Secret(_hex(sa, "gxy")), *told)


def _clear(name: str):
    """The whole messages of a recording, oldest first, with the keys of their ISAKMP SA."""
    recording = recordings.load(name)
    by_cookie = {sa["cookie_i"]: sa for sa in recording["ike_sas"]}
    for entry in recording["messages"]:
        if "raw" in entry and entry.get("exchange") and entry["raw"][:16] in by_cookie:
            yield entry, by_cookie[entry["raw"][:16]]


@pytest.mark.parametrize("name", AGGRESSIVE)
def test_every_encrypted_message_opens_and_proves_in_its_turn(name):
    channels, last_blocks, opened = {}, {}, 0
    for entry, sa in _clear(name):
        raw = bytes.fromhex(entry["raw"])
        header = Header.decode(raw)
        if not seal.encrypted(header):
            continue
        keys = _keys(sa)
        channel = _channel(channels, last_blocks, sa, keys, header)
        incoming = Incoming(header, raw[Header.SIZE :])
        message = channel.prove(channel.open(incoming))
        channel.commit(message)
        last_blocks[sa["cookie_i"]] = last_blocks.get(sa["cookie_i"]) or channel.iv_chain.iv
        assert message.chain.octets == bytes.fromhex(entry["plain"])[: len(message.chain.octets)]
        opened += 1
    assert opened > 5


def _channel(channels, last_blocks, sa, keys, header):
    cookie = sa["cookie_i"]
    if header.exchange == ExchangeType.AGGRESSIVE:
        channel = seal.PhaseOneChannel()
        channel.use(keys)
        return channel
    key = (cookie, header.exchange, header.message_id)
    hash_input = seal.QuickHashInput() if header.exchange == ExchangeType.QUICK else seal.PlainHashInput()
    if header.exchange == ExchangeType.INFORMATIONAL or key not in channels:
        channels[key] = seal.phase_two(keys, last_blocks[cookie], header.message_id, hash_input)
    return channels[key]


def _without_pfs(recording):
    """Quick modes whose keys a peer wrote down, and which have no Diffie-Hellman exchange of their own."""
    return [mode for mode in recording["quick_modes"] if "keymat_for_spi_i" in mode and not mode.get("gxy")]


PLAIN = [name for name in SIGNED if _without_pfs(recordings.load(name))]


def test_keys_of_quick_modes_were_recorded():
    assert len(PLAIN) >= 12


@pytest.mark.parametrize("name", PLAIN)
def test_keymat_of_quick_mode_is_that_of_the_peers(name):
    recording = recordings.load(name)
    sas = {sa["cookie_i"]: sa for sa in recording["ike_sas"]}
    modes = _without_pfs(recording)
    assert modes
    for mode in modes:
        keys = _keys(sas[mode["cookie_i"]])
        material = keymat.QuickMaterial(Protocol.ESP, _hex(mode, "nonce_i"), _hex(mode, "nonce_r"))
        for side in ("i", "r"):
            expected = _hex(mode, f"keymat_for_spi_{side}")
            assert keymat.keymat(keys, material, _hex(mode, f"spi_{side}"), len(expected)) == expected


def test_keymat_is_cut_as_the_peers_cut_it():
    recording = recordings.load("hybrid-aggressive-vpnc")
    mode = recording["quick_modes"][0]
    chain = parse_chain(1, _generic(_hex(mode, "sa_r")))
    suite = read_esp(chain.payloads[0].value.proposals[0].transforms[0]).suite()
    cipher, integrity = quick.key_sizes(suite)
    cut = _hex(mode, "keymat_for_spi_r")
    esp = next(one for one in recording["esp_sas"] if one["spi"] == mode["spi_r"])
    assert cut[:cipher] == _hex(esp, "enc_key")
    assert cut[cipher : cipher + integrity] == _hex(esp, "auth_key")


def _generic(body: bytes) -> bytes:
    return bytes(2) + (len(body) + 4).to_bytes(2, "big") + body


class RecordedRandomness(CheapRandomness):
    """The responder's recorded cookie, nonce and private value."""

    def __init__(self, sa) -> None:
        super().__init__(1)
        self._sa = sa

    def cookie(self) -> bytes:
        return _hex(self._sa, "cookie_r")

    def nonce(self, size: int) -> bytes:
        del size
        return _hex(self._sa, "nonce_r")

    def key_pair(self, group: Group):
        return groups.key_pair(group, int(self._sa["dh_private_r"], 16))


@pytest.mark.parametrize("name", AGGRESSIVE)
def test_our_gateway_takes_the_recorded_client_as_far_as_its_hash(name):
    """The two messages of the client as recorded: HASH_I proves with our keys, whoever made the second message."""
    recording = recordings.load(name)
    sa = recording["ike_sas"][0]
    remote = replace(GATEWAY, proposals=(_suite(sa),), proposal_check=ProposalCheck.OBEY, nat_traversal=Switch.ON)
    world = World()
    gateway = world.add(
        Host("gateway", IPv4Address("198.51.100.2"), Policy((remote,), ChildPolicy(())), RecordedRandomness(sa))
    )
    for entry, of in _clear(name):
        if entry["exchange"] == ExchangeType.AGGRESSIVE and of is sa and entry["dst"] == "198.51.100.2":
            source = Peer(IPv4Address(entry["src"]), entry["sport"])
            path = Path(Peer(gateway.address, entry["dport"]), source, floated=entry["natt"])
            world.do(gateway, gateway.endpoint.receive(bytes.fromhex(entry["raw"]), path, world.now))
            world.run(0.5)
    assert gateway.of(PhaseOneUp), [event.text() for event in gateway.events]
    assert gateway.of(PhaseOneUp)[0].path.floated
    assert not gateway.of(Ended)
    assert gateway.of(PhaseOneUp)[0].nat == "NAT before the peer"
