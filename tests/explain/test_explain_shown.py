"""What devices that came by IKEv2 show their person: told by what the emulated ones sent, at a real core."""

from __future__ import annotations

import pytest

from lotor.daemon.explaining import attempt_view
from lotor.explain import narrative
from lotor.explain.attempts import Attempts
from lotor.explain.fingerprint import ANDROID, APPLE, WINDOWS, Trace, initiator
from lotor.ike.events import Offered
from lotor.ike.questions import CheckMschap
from lotor.ike.v2 import trace
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.login import Refused
from lotor.model.policy import ChildPolicy
from lotor.model.reasons.logins import PasswordExpired, UserExpired
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification
from peers import devices
from peers.guest import AUTH, INFORMATIONAL, SPI
from peers.reception import GCM, USUAL, visit
from recordings_v2 import messages

SECONDS = 200
"""Longer than anybody waits for a login."""


def silent_at_first(guest):
    guest.begin()


def silent_then(guest):
    """It has seen the gateway's certificate and proof."""
    guest.begin()
    guest.ask(AUTH, *guest.device.first_request(SPI))


def refusing(guest):
    silent_then(guest)
    guest.ask(INFORMATIONAL, Notification(NotifyType.AUTHENTICATION_FAILED))


def mistyped(guest):
    guest.password = "guess"
    guest.come_up()


def refused_for(reason):
    def step(guest):
        guest.gateway.answers[CheckMschap] = lambda _: Refused(reason)
        guest.come_up()

    return step


def told(device, step, *suites):
    """The rows of `lotor explain`, by their names."""
    guest = visit(device, *(suites or USUAL))
    step(guest)
    guest.world.run(SECONDS)
    attempts = Attempts(lambda: 0.0)
    for event in guest.gateway.events:
        attempts.follow(event)
    (attempt,) = attempts.all()
    return {row.name: row.text for row in narrative.rows(attempt)}


HARDENED = devices.windows_hardened()
SHOWN = {
    "Windows as it comes": (devices.windows(), silent_at_first, "13868", "Set-VpnConnectionIPsecConfiguration"),
    "Windows, nothing comes through": (HARDENED, silent_at_first, "809", "UDP 4500"),
    "Windows without a certificate": (HARDENED, silent_at_first, "13806", "machine's store"),
    "Windows, silent": (HARDENED, silent_then, "13801", "Cert:\\LocalMachine\\Root"),
    "Windows, refusing": (HARDENED, refusing, "13801", "dial a name"),
    "Windows, mistyped": (HARDENED, mistyped, "691", "lotor user passwd"),
    "Windows, expired user": (HARDENED, refused_for(UserExpired("alice", "2026-01-01")), "647", "lotor user set"),
    "Windows, expired password": (HARDENED, refused_for(PasswordExpired("alice")), "648", "passwd"),
    "Apple, silent": (devices.apple(), silent_then, "falls silent", "Certificate Trust Settings"),
    "Android, silent": (devices.android(), silent_then, "15 seconds", "server address"),
}


@pytest.mark.parametrize("which", SHOWN)
def test_the_page_says_what_the_device_shows_and_what_to_change(which):
    device, step, shows, fix = SHOWN[which]
    rows = told(device, step)
    assert rows["peer is"] == {"W": WINDOWS, "Ap": APPLE, "An": ANDROID}[which[: 1 if which[0] == "W" else 2]]
    assert shows in rows["device shows"]
    assert fix in rows["fix"]


def test_windows_whose_traffic_fits_no_sainfo_shows_the_policy_error(monkeypatch):
    only = ChildPolicy((EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),))
    monkeypatch.setattr("peers.reception.ESP", only)

    def come(guest):
        guest.come_up()
        guest.leave()

    rows = told(HARDENED, come)
    assert "13868" in rows["device shows"], rows
    assert "sainfo" in rows["fix"]


def test_a_program_gets_what_the_device_shows_as_a_field():
    guest = visit(HARDENED, *USUAL)
    silent_at_first(guest)
    guest.world.run(SECONDS)
    attempts = Attempts(lambda: 0.0)
    for event in guest.gateway.events:
        attempts.follow(event)
    view = attempt_view(attempts.all()[0])
    (row,) = [row for row in view["story"] if row["name"] == "device shows"]
    assert view["device_shows"] == row["text"]
    assert row["text"].startswith("809")


def test_a_profile_of_apple_has_one_proposal_only():
    rows = told(devices.apple_profile(), silent_at_first, GCM)
    assert "lotor profile" in rows["fix"]
    assert "device shows" not in rows, "nothing is known of its words"


@pytest.mark.parametrize("device", [devices.apple(), devices.android()])
def test_a_device_that_does_not_come_back_to_the_first_answer(device):
    rows = told(device, silent_at_first)
    assert "UDP 4500" in rows["fix"]
    assert "proof" not in rows["fix"], "this end has not proved itself yet"


def test_a_gateway_is_told_the_line_that_lets_another_client_in():
    """Android has no group over curves of NIST, and offers several of each in one proposal."""
    rows = told(devices.android(), silent_at_first, GCM)
    assert "ike2_proposal default; ike2_proposal aes 256 sha512 modp4096;" in rows["fix"]


def test_what_came_up_shows_nothing():
    def come(guest):
        assert guest.come_up()
        guest.leave()

    rows = told(devices.apple(), come)
    assert "device shows" not in rows
    assert "fix" not in rows
    assert rows["IKE SA"].startswith("established")


RECORDED = {
    "eap-mschapv2": "strongSwan",
    "libreswan-cli-pubkey": "libreswan",
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_clients_are_recognised(name):
    class Session:
        id = 1

        class context:  # noqa: N801 - what a session has
            told = None

            @classmethod
            def tell(cls, event):
                cls.told = event

    raw = next(each.raw for each in messages() if each.recording == name)
    trace.offered(Session, [each.value for each in parse_chain(raw[16], raw[28:]).payloads])
    found = Session.context.told
    assert isinstance(found, Offered)
    assert initiator(Trace(tuple(found.vendors), tuple(found.offers), found.nonce)) == RECORDED[name]
