"""A second opinion: scapy dissects what is built here, and what scapy builds is read here."""

from __future__ import annotations

from scapy.layers import isakmp

import recordings
from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash, IkeSuite
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.chain import build_chain, build_message, parse_chain
from lotor.wire.v1.payloads import (
    Delete,
    HashPayload,
    Identification,
    KeyExchange,
    Nonce,
    Notification,
    SignaturePayload,
    VendorId,
)
from lotor.wire.v1.proposals import ike_transform, read_ike

HEADER = Header(b"initiate", b"respond!", 0, 4, 0, 7)
SUITE = IkeSuite(Cipher.AES_CBC, 256, Hash.SHA1, Group.MODP2048, AuthMethod.PSK, 28800)
CHAIN = (
    SecurityAssociation((Proposal(1, 1, b"", (ike_transform(1, SUITE), ike_transform(2, SUITE))),)),
    KeyExchange(b"g^x"),
    Nonce(b"nonce"),
    Identification(11, 17, 500, b"group"),
    HashPayload(b"hash"),
    SignaturePayload(b"signature"),
    VendorId(b"vendor"),
    Notification(24578, data=b"data", spi=b"cookies!"),
    Delete(3, (b"abcd", b"efgh")),
)


def test_scapy_dissects_our_message():
    packet = isakmp.ISAKMP(build_message(HEADER, *build_chain(CHAIN)))
    assert (packet.init_cookie, packet.resp_cookie, packet.exch_type, packet.id) == (b"initiate", b"respond!", 4, 7)
    transform = packet[isakmp.ISAKMP_payload_SA].prop[0].trans[0]
    assert transform.transforms == [
        ("Encryption", "AES-CBC"),
        ("KeyLength", 256),
        ("Hash", "SHA"),
        ("GroupDesc", "2048MODPgr"),
        ("Authentication", "PSK"),
        ("LifeType", "Seconds"),
        ("LifeDuration", 28800),
    ]
    assert packet[isakmp.ISAKMP_payload_KE].ke == b"g^x"
    assert packet[isakmp.ISAKMP_payload_Nonce].nonce == b"nonce"
    identity = packet[isakmp.ISAKMP_payload_ID]
    assert (identity.IDtype, identity.ProtoID, identity.Port, identity.IdentData) == (11, 17, 500, b"group")
    assert packet[isakmp.ISAKMP_payload_Hash].hash == b"hash"
    assert packet[isakmp.ISAKMP_payload_SIG].sig == b"signature"
    assert packet[isakmp.ISAKMP_payload_VendorID].VendorID == b"vendor"
    notify = packet[isakmp.ISAKMP_payload_Notify]
    assert (notify.notify_msg_type, notify.SPI, notify.notify_data) == (24578, b"cookies!", b"data")
    delete = packet[isakmp.ISAKMP_payload_Delete]
    assert (delete.proto, delete.SPIs) == (3, [b"abcd", b"efgh"])


def test_scapy_rebuilds_our_message_octet_for_octet():
    datagram = build_message(HEADER, *build_chain(CHAIN))
    packet = isakmp.ISAKMP(datagram)
    packet.length = None
    assert bytes(packet) == datagram


def test_we_read_what_scapy_builds():
    algorithms = [("Encryption", "AES-CBC"), ("Hash", "SHA"), ("Authentication", "PSK"), ("GroupDesc", "2048MODPgr")]
    transform = isakmp.ISAKMP_payload_Transform(
        transform_count=1,
        transforms=[*algorithms, ("KeyLength", 256), ("LifeType", "Seconds"), ("LifeDuration", 28800)],
    )
    proposal = isakmp.ISAKMP_payload_Proposal(trans_nb=1, trans=[transform])
    datagram = bytes(
        isakmp.ISAKMP(init_cookie=b"initiate", next_payload=1, exch_type=4)
        / isakmp.ISAKMP_payload_SA(prop=[proposal])
        / isakmp.ISAKMP_payload_Nonce(nonce=b"nonce")
        / isakmp.ISAKMP_payload_Delete(proto=3, SPIsize=4, SPIcount=1, SPIs=[b"abcd"])
    )
    header, body = recordings.split(datagram)
    chain = parse_chain(header.next_payload, body, exact=True)
    assert read_ike(chain.first(SecurityAssociation).proposals[0].transforms[0]).suite() == SUITE
    assert chain.first(Nonce) == Nonce(b"nonce")
    assert chain.first(Delete).spis == (b"abcd",)
