"""Logins by EAP as values."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lotor.model.eap import EapAccepted, EapAttempt, EapRefused, EapRequest, MschapAccepted, MschapAttempt
from lotor.model.login import Proved, Refused
from lotor.model.network import Peer
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret

SHOWN = b"what guesses are tried against"
SOURCE, KEY = Peer(IPv4Address("192.0.2.50"), 4500), Secret(SHOWN)


@pytest.mark.parametrize(
    "value",
    [
        MschapAttempt("alice", bytes(16), bytes(16), SHOWN, SOURCE),
        MschapAccepted("alice", SHOWN, KEY),
        EapAttempt("alice", SHOWN, SOURCE),
        EapRequest(SHOWN, b"ticket"),
        EapAccepted("alice", SHOWN, KEY),
        EapRefused(SHOWN, Refused(WrongPassword("alice"))),
        Proved(KEY, SHOWN, SHOWN),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_both_ends_show_each_other_stands_in_no_line_of_a_log(value):
    assert "guesses" not in repr(value)
