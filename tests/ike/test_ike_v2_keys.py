"""Every key of every recorded session of IKEv2, and the octets that AUTH covers."""

from __future__ import annotations

import hashlib
import hmac

import pytest

import recordings_v2 as recordings
from lotor.crypto.groups import key_pair
from lotor.crypto.prf import covered, keyed, mixed
from lotor.ike.errors import LocalFault
from lotor.ike.v2 import keys as keying
from lotor.ike.v2.keys import Intermediates, Parts
from lotor.ike.v2.sa import IkeSa, SkKeys
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.model.secret import Secret

SK = ("SK_d", "SK_ai", "SK_ar", "SK_ei", "SK_er", "SK_pi", "SK_pr")
SAS = [(name, each) for name in recordings.NAMES for each in recordings.load(name)["ike_sas"]]
CHILDREN = [(name, each) for name in recordings.NAMES for each in recordings.load(name)["child_sas"]]
AUTHS = [(name, each) for name in recordings.NAMES for each in recordings.load(name)["auths"]]
SUITE = Ike2Suite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256, Hash.SHA256, Group.CURVE25519)


def named(rows):
    return [pytest.param(name, each, id=f"{name}-{number}") for number, (name, each) in enumerate(rows)]


def sa_of(recorded) -> IkeSa:
    ni, nr = recordings.octets(recorded, "ni", "nr")
    suite = recordings.ike_suite(recorded["transforms"])
    messages = (bytes.fromhex(recorded.get(which, "")) for which in ("message_1", "message_2"))
    return IkeSa(suite, SkKeys(*recordings.octets(recorded, *SK)), ni, nr, *messages)


def parts_of(recorded) -> Parts:
    ni, nr = recordings.octets(recorded, "ni", "nr")
    return Parts(ni, nr, bytes.fromhex(recorded["spi_i"]), bytes.fromhex(recorded["spi_r"]), shared_of(recorded))


def shared_of(recorded) -> bytes:
    return bytes.fromhex(recorded.get("gir") or "")


def number(group, private: str) -> int:
    return int.from_bytes(bytes.fromhex(private), "little" if group is Group.CURVE25519 else "big")


@pytest.mark.parametrize(("own", "other"), ["ir", "ri"])
@pytest.mark.parametrize(("name", "recorded"), named([each for each in SAS + CHILDREN if each[1].get("gir")]))
def test_both_ends_agree_on_the_recorded_secret(name, recorded, own, other):
    private = recorded[f"dh_private_{own}"]
    if private is None:  # OpenIKED and libreswan do not tell theirs
        assert name in {"iked-gw-eap-mschapv2", "libreswan-cli-pubkey"}
        return
    group = Group(recorded["group"])
    pair = key_pair(group, number(group, private))
    assert pair.public.hex() == recorded[f"ke_{own}"], name
    assert pair.agree(bytes.fromhex(recorded[f"ke_{other}"])).hex() == recorded["gir"]


@pytest.mark.parametrize(("name", "recorded"), named(SAS))
def test_every_key_of_an_sa_is_derived(name, recorded):
    suite, parts = recordings.ike_suite(recorded["transforms"]), parts_of(recorded)
    if old := recorded.get("rekeyed_from"):
        keys = keying.renewed(sa_of(recordings.ike_sa(name, old)), suite, parts)
    else:
        keys = keying.first(suite, parts)
    if ppk := recorded.get("ppk"):
        bare = recordings.octets(recorded, "SK_d_without_ppk", "SK_pi_without_ppk", "SK_pr_without_ppk")
        assert (keys.d, keys.pi, keys.pr) == bare
        mixed_ = mixed(suite.prf, Secret(bytes.fromhex(ppk)), (Secret(keys.d), Secret(keys.pi), Secret(keys.pr)))
        keys = keying.with_mixed(keys, mixed_)
    assert keys == SkKeys(*recordings.octets(recorded, *SK))


@pytest.mark.parametrize(("name", "recorded"), named(CHILDREN))
def test_every_key_of_a_child_is_derived(name, recorded):
    sa = sa_of(recordings.ike_sa(name, recorded["ike_sa"]))
    suite = recordings.esp_suite(recorded["transforms"])
    ni, nr = recordings.octets(recorded, "ni", "nr")
    keys = keying.of_child(sa, suite, Parts(ni, nr, shared=shared_of(recorded)))
    expected = recordings.octets(recorded, "encr_i", "auth_i", "encr_r", "auth_r")
    assert (keys.encryption_i, keys.integrity_i, keys.encryption_r, keys.integrity_r) == expected
    if recorded["made_by"] == "IKE_AUTH":
        assert keying.of_first_child(sa, suite) == keys


def test_a_direction_has_the_keys_of_its_sender():
    recorded = next(each for name, each in CHILDREN if name == "psk")
    sa = sa_of(recordings.ike_sa("psk", recorded["ike_sa"]))
    keys = keying.of_first_child(sa, recordings.esp_suite(recorded["transforms"]))
    sent, heard = keys.direction(0x100, initiator=True), keys.direction(0x200, initiator=False)
    assert (sent.spi, sent.encryption.reveal().hex()) == (0x100, recorded["encr_i"])
    assert (sent.integrity.reveal().hex(), heard.integrity.reveal().hex()) == (recorded["auth_i"], recorded["auth_r"])
    assert (heard.spi, heard.encryption.reveal().hex()) == (0x200, recorded["encr_r"])


@pytest.mark.parametrize(("name", "recorded"), named([each for each in AUTHS if "secret" in each[1]]))
def test_auth_by_a_secret_is_that_of_the_recording(name, recorded):
    sa = sa_of(recordings.ike_sa(name, recorded["ike_sa"]))
    made_of = keying.signed_octets(sa, bytes.fromhex(recorded["id"]), initiator=recorded["who"] == "i")
    assert keyed(bytes.fromhex(recorded["secret"]), made_of).hex() == recorded["data"]


def test_keys_are_never_in_a_repr():
    recorded = SAS[0][1]
    child = CHILDREN[0][1]
    keys = keying.of_child(sa_of(recorded), recordings.esp_suite(child["transforms"]), Parts(b"n" * 32, b"r" * 32))
    shown = repr((keying.first(SUITE, parts_of(recorded)), parts_of(recorded), keys, sa_of(recorded)))
    assert repr(keys.encryption_i)[2:-1] not in shown
    assert repr(shared_of(recorded))[2:-1] not in shown


def prf(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, b"".join(parts), hashlib.sha256)


def test_additional_key_exchanges_chain_the_keys():
    """RFC 9370 §2.2.2: no recorded peer has them, so the formula is written out once more."""
    parts = Parts(b"i" * 32, b"r" * 32, b"SPIinit.", b"SPIresp.", b"first secret")
    keys = keying.first(SUITE, parts)
    second = Parts(parts.ni, parts.nr, parts.spi_i, parts.spi_r, b"second secret")
    seed = prf(keys.d, b"second secret", parts.ni, parts.nr)
    found = keying.further(SUITE, keys, second)
    first_block = prf(seed, parts.ni, parts.nr, parts.spi_i, parts.spi_r, b"\1")
    assert found.d == first_block
    assert found.ai == prf(seed, first_block, parts.ni, parts.nr, parts.spi_i, parts.spi_r, b"\2")


def test_followup_key_exchanges_stand_behind_the_nonces():
    """RFC 9370 §2.2.4: one derivation for all that CREATE_CHILD_SA and IKE_FOLLOWUP_KE agreed on."""
    old = IkeSa(SUITE, keying.first(SUITE, Parts(b"i" * 32, b"r" * 32, b"SPIinit.", b"SPIresp.", b"g")), b"", b"")
    parts = Parts(b"I" * 32, b"R" * 32, b"spiINIT.", b"spiRESP.", b"g new", (b"kem 1", b"kem 2"))
    seed = prf(old.keys.d, b"g new", parts.ni, parts.nr, b"kem 1", b"kem 2")
    assert keying.renewed(old, SUITE, parts).d == prf(seed, parts.ni, parts.nr, parts.spi_i, parts.spi_r, b"\1")


def test_int_auth_covers_messages_as_if_in_clear():
    """RFC 9242 §3.3.2, written out: the header with the type of SK and its length in clear, that of SK, content."""
    sa = IkeSa(SUITE, keying.first(SUITE, Parts(b"i" * 32, b"r" * 32, b"SPIinit.", b"SPIresp.", b"g")), b"", b"")
    header = b"SPIinit.SPIresp." + bytes([53, 0x20, 43, 8]) + (1).to_bytes(4, "big") + (999).to_bytes(4, "big")
    content = bytes(range(10))
    clear = header[:16] + bytes([46]) + header[17:24] + (42).to_bytes(4, "big") + bytes([34, 0, 0, 14]) + content
    one = Intermediates().followed(sa, header, 34, content, initiator=True)
    both = one.followed(sa, header, 34, content, initiator=False)
    twice = both.followed(sa, header, 34, content, initiator=True)
    assert one == Intermediates(prf(sa.keys.pi, clear))
    assert both.of_responder == prf(sa.keys.pr, clear)
    assert twice.of_initiator == prf(sa.keys.pi, one.of_initiator, clear)
    assert twice.whole(3) == twice.of_initiator + twice.of_responder + b"\0\0\0\3"
    with pytest.raises(ValueError, match="IKE_INTERMEDIATE"):
        one.followed(sa, header[:18] + b"\x23" + header[19:], 34, content, initiator=True)


def test_int_auth_follows_what_auth_covers():
    recorded = SAS[0][1]
    sa = sa_of(recorded)
    plain = covered(keying.signed_octets(sa, b"id", initiator=True))
    assert plain.startswith(sa.message_i + sa.nr)
    more = IkeSa(sa.suite, sa.keys, sa.ni, sa.nr, sa.message_i, sa.message_r, b"IntAuth")
    assert covered(keying.signed_octets(more, b"id", initiator=True)) == plain + b"IntAuth"


def test_a_weak_key_of_3des_is_refused(monkeypatch):
    suite = Ike2Suite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1, Hash.SHA1, Group.MODP1024)
    monkeypatch.setattr(keying, "derived", lambda _hash, _key, _of, _seed, sizes: [bytes(each) for each in sizes])
    with pytest.raises(LocalFault, match="3DES"):
        keying.first(suite, Parts(b"i" * 32, b"r" * 32))
