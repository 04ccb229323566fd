"""The clients that devices bring along log in to our gateway by IKEv2, and leave; each in its own manners."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest

from lotor.ike.events import Ended, LoggedIn, LoginRefused, Up
from lotor.ike.v2.selectors import known
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.model.reason import Cause
from lotor.wire.eap.mschapv2 import Error
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, Protocol
from lotor.wire.v2.payloads import (
    CertificateRequest,
    Nonce,
    Notification,
    TrafficSelector,
    TrafficSelectors,
    VendorId,
)
from lotor.wire.v2.proposals import read_esp, read_ike
from peers import devices
from peers.auth import certificate
from peers.guest import SPI
from peers.reception import CBC, USUAL, visit

STRICT = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384)
WEAK = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA1, Hash.SHA1, Group.MODP1024)
DEVICES = {
    "Windows": (devices.windows(), (*USUAL, WEAK)),
    "Windows, hardened": (devices.windows_hardened(), USUAL),
    "Windows, own policy": (devices.windows_policy(), (*USUAL, STRICT)),
    "Apple": (devices.apple(), USUAL),
    "Apple, large group": (devices.apple(), (replace(CBC, group=Group.MODP2048),)),
    "Apple, profile": (devices.apple_profile(), USUAL),
    "Android": (devices.android(), USUAL),
}


@pytest.mark.parametrize("which", list(DEVICES))
def test_a_device_logs_in_works_and_leaves(which):
    device, suites = DEVICES[which]
    guest = visit(device, *suites)
    gateway = guest.gateway
    assert guest.come_up(), (guest.refused, [event.text() for event in gateway.events])
    assert gateway.of(LoggedIn)[0].user == "alice"
    assert gateway.of(Up)
    assert guest.speaker.sa.suite in suites
    assert guest.inner in gateway.leases.values()
    assert len(gateway.installed) == 1
    assert guest.probe()
    guest.leave()
    assert gateway.of(Ended)[0].reason.cause is Cause.PEER_CLOSED
    assert not gateway.installed


@pytest.mark.parametrize("which", list(DEVICES))
def test_a_wrong_password_is_refused_in_numbers_that_the_device_knows(which):
    """691 without another try: it asks the person, and comes again."""
    device, suites = DEVICES[which]
    guest = visit(device, *suites)
    guest.password = "guess"
    assert not guest.come_up()
    assert [(each.error, each.retry) for each in guest.failures] == [(Error.AUTHENTICATION_FAILURE, False)]
    assert guest.gateway.of(LoginRefused)
    assert not guest.gateway.of(LoggedIn)
    assert not guest.gateway.installed


def test_windows_as_it_comes_is_refused_unless_its_group_is_named():
    guest = visit(devices.windows(), *USUAL)
    assert not guest.begin()
    assert guest.gateway.of(Ended)


def test_each_request_of_eap_has_a_number_of_its_own():
    guest = visit(devices.android(), *USUAL)
    assert guest.come_up()
    assert len(set(guest.identifiers)) == len(guest.identifiers) == guest.rounds == 3
    assert guest.identifiers[0] != 0


@pytest.mark.parametrize("device", [devices.apple(), devices.apple(eap_only=True), devices.android()])
def test_a_device_that_asks_for_no_certificate_gets_it(device):
    """Nor is the notification that EAP is enough a reason to send none."""
    assert not [each for each in device.opening if isinstance(each, CertificateRequest)]
    guest = visit(device, *USUAL)
    assert guest.come_up()
    assert guest.certificates == (certificate(),)


def test_requests_longer_than_a_datagram_come_in_fragments():
    """Windows names all of its roots."""
    guest = visit(devices.windows_hardened(), *USUAL)
    assert guest.begin()
    assert guest.speaker.fragments
    assert guest.log_in()
    sent = [data for _, source, _, data in guest.world.wire if source.address == guest.host.address]
    assert max(map(len, sent)) <= 1280
    assert sum(data[16] == 53 for data in sent) > 1


# what is known of the devices, as octets


@pytest.mark.parametrize("which", list(DEVICES))
def test_a_first_message_of_a_device_fits_a_datagram_and_reads_back(which):
    device, _ = DEVICES[which]
    guest = visit(device, *USUAL)
    datagram = guest.speaker.first()
    chain = parse_chain(datagram[16], datagram[28:])
    assert len(datagram) < 1280
    assert all(read_ike(proposal).usable for proposal in chain.payloads[0].value.proposals)
    assert any(read_esp(proposal).usable for proposal in device.child(b"spi!", None).proposals)
    assert {note.type for note in chain.all(Notification)} >= {16388, 16389, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED}
    assert len(chain.all(VendorId)) == (4 if which.startswith("Windows") else 0)


def test_the_vendor_ids_of_windows_are_those_of_its_captures():
    assert devices.WINDOWS_VENDORS[0].hex() == "1e2b516905991c7d7c96fcbfb587e46100000009"
    assert devices.WINDOWS_VENDORS[1].hex() == "fb1de3cdf341b7ea16b7e5be0855f120"
    assert devices.WINDOWS_VENDORS[2].hex() == "26244d38eddb61b3172a36e3d0cfb819"


UNKNOWN = tuple(TrafficSelector(each(0), each(0)) for each in (IPv4Address, IPv6Address))
BEFORE_IT_KNOWS = (TrafficSelectors(UNKNOWN, initiator=True), TrafficSelectors(devices.everything(), initiator=False))


def test_openiked_asks_for_the_address_that_it_will_be_given():
    """It calls it 0.0.0.0, `from dynamic` in its configuration, and still does when it knows better."""
    apple = devices.apple()
    opening = tuple(payload for each in apple.opening for payload in (BEFORE_IT_KNOWS if each == "TS" else (each,)))
    guest = visit(replace(apple, opening=opening), *USUAL)
    assert guest.come_up(), guest.refused
    (first,) = guest.gateway.installed.values()
    assert first.remote_networks == (IPv4Network(guest.inner),)
    rekey = Notification(NotifyType.REKEY_SA, spi=SPI, protocol=Protocol.ESP)
    again = (rekey, apple.child(b"\xc0\xff\xee\x02", None), Nonce(bytes(32)), *BEFORE_IT_KNOWS)
    guest.ask(ExchangeType.CREATE_CHILD_SA, *again)
    assert len(guest.gateway.installed) == 2
    assert {each.remote_networks for each in guest.gateway.installed.values()} == {(IPv4Network(guest.inner),)}


def test_the_unspecified_address_is_no_way_to_that_of_another():
    asked = TrafficSelectors((*UNKNOWN, TrafficSelector(IPv4Address(0), IPv4Address(0), 17, 53, 53)), initiator=True)
    mine = (IPv4Address("10.99.99.1"),)
    assert known(asked, mine).selectors == (TrafficSelector(*mine, *mine), *asked.selectors[1:])
    assert known(asked, ()) == asked
