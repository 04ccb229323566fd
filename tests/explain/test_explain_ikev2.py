"""What is told of devices that come by IKEv2 and do not get in: which program it is, how it ended, and what helps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.explain import narrative
from lotor.explain.attempts import Attempts
from lotor.explain.fingerprint import Trace, initiator
from lotor.explain.offers import directive
from lotor.ike.v2 import trace
from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Ike2Suite
from lotor.model.policy import ChildPolicy
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import ExchangeType
from peers import devices
from peers.reception import USUAL, visit
from recordings_v2 import NAMES, messages, split

STRICT = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384)
DEVICES = {
    "Windows": devices.windows_hardened(),
    "Apple (iOS, iPadOS, macOS)": devices.apple(),
    "Android from 11 on": devices.android(),
}


def told(guest):
    """The newest attempt at the guest's gateway, row by row."""
    attempts = Attempts(lambda: 0.0)
    for event in guest.gateway.events:
        attempts.follow(event)
    return {row.name: row.text for row in narrative.rows(attempts.all()[0])}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_that_falls_silent_after_our_proof_dislikes_the_certificate(name):
    guest = visit(DEVICES[name], *USUAL)
    assert guest.begin()
    guest.ask(ExchangeType.IKE_AUTH, *DEVICES[name].first_request(b"SPI!"))
    guest.world.run(120)
    rows = told(guest)
    assert rows["peer is"] == name
    assert rows["ended"].startswith("no answer: ")
    assert "does not accept our certificate" in rows["fix"]
    assert "lotor check --explain" in rows["fix"]


def test_a_device_whose_next_message_never_came_is_no_matter_of_certificates():
    guest = visit(devices.apple(), *USUAL)
    assert guest.begin()
    guest.world.run(120)
    rows = told(guest)
    assert "let UDP 4500 through" in rows["fix"]
    assert "certificate" not in rows["fix"]


@pytest.mark.parametrize(
    ("device", "fix"),
    [
        (devices.windows(), "on the device: as administrator Set-VpnConnectionIPsecConfiguration"),
        (devices.windows_hardened(), "ike2_proposal default; ike2_proposal aes 256 sha256 modp2048; or change"),
        (devices.apple(), "ike2_proposal default; ike2_proposal aes_gcm_16 256 sha256 ecp256; or change"),
        (devices.android(), "ike2_proposal default; ike2_proposal aes 256 sha512 modp4096; or change"),
    ],
)
def test_what_a_device_offers_is_written_as_the_gateway_would_take_it(device, fix):
    guest = visit(device, STRICT)
    assert not guest.begin()
    assert fix in told(guest)["fix"]


def test_a_wrong_password_and_traffic_that_does_not_fit():
    guest = visit(DEVICES["Windows"], *USUAL)
    guest.password = "guess"
    assert not guest.come_up()
    assert "lotor user passwd NAME" in told(guest)["fix"]
    guest = visit(DEVICES["Windows"], *USUAL)
    policy = guest.gateway.endpoint._context.policy
    other = ChildPolicy((EspSuite(Cipher.CHACHA20_POLY1305, 256, None),))
    guest.gateway.endpoint._context.policy = replace(policy, child=other)
    assert not guest.come_up()
    guest.world.run(60)
    assert told(guest)["fix"].startswith("make sainfo the same at both ends")


def announced(name):
    message = next(each for each in messages() if each.recording == name)
    header, body = split(message.raw)
    payloads = [each.value for each in parse_chain(header.next_payload, body).payloads]
    return Trace(tuple(trace.announced(payloads)))


@pytest.mark.parametrize("name", NAMES)
def test_recorded_clients_are_recognised(name):
    """Those of which the first message is none of strongSwan's own are not guessed at."""
    others = {"libreswan-cli-pubkey": "libreswan", "like-windows-modp1024": "unknown", "cookie": "unknown"}
    program = others.get(name, "strongSwan")
    assert initiator(announced(name)) == program


@pytest.mark.parametrize(
    ("offers", "line"),
    [
        (("aes-128/hmac_sha1/prf-sha1/modp2048", "aes-256/hmac_sha384/prf-sha384/ecp384"), "aes 256 sha384 ecp384"),
        (("aes-256/hmac_sha1/prf-sha1/modp2048",), "aes 256 sha1 modp2048"),
        (("aes-256/hmac_sha256/prf-sha384/ecp384",), ""),
        (("3des/hmac_sha1/prf-sha1/modp2048", "aes-256/hmac_sha256/prf-sha256/modp1024", "1:13", ""), ""),
    ],
)
def test_the_best_offer_of_ikev2(offers, line):
    assert directive(offers) == (f"ike2_proposal {line};" if line else "")
