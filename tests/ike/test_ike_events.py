"""The names of events that `lotor events` gives: scripts rely on them, whatever the classes are called."""

from ipaddress import ip_address

import pytest

from lotor.ike.events import Event, PhaseOneUp, Renewed, Started
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite
from lotor.model.network import Path, Peer
from lotor.model.policy import Side

PUBLISHED = """CameBack ChildDown ChildUp Chosen Configured Dead Deferring Doubted Drained Draining Ended GrantUnkept
Judged LeftOut LoggedIn LoginRefused LoginRound LoginSent MovesOn Offered PathChanged PhaseOneUp PpkUnused PpkUsed
Reached Readdressed Regranted Remark Renewed Rerouted RoundTrip SentAway Started Turned Undeferred Up"""

LINES = {
    "CameBack": ("INFO", "{path} is back by a ticket, without a login"),
    "ChildDown": ("INFO", "SA pair {child} down: {reason}"),
    "ChildUp": (
        "INFO",
        "SA pair {child.id} up: {suite}, SPI {child.inbound.spi:#010x} in, {child.outbound.spi:#010x} out",
    ),
    "Chosen": ("DEBUG", "chosen for phase 1: {suite} with {method}; the responder announces {vendors}"),
    "Configured": ("INFO", "address {configuration.inside} for {user}"),
    "Dead": ("WARNING", "peer {path} is dead: {reason}"),
    "Deferring": ("WARNING", "many first messages of strangers: from now on they are answered when they come again"),
    "Doubted": ("DEBUG", "{path} says in clear, which proves nothing, that it does not know this session"),
    "Drained": ("WARNING", "clients are taken in again"),
    "Draining": (
        "WARNING",
        "draining to {gateways}: connected clients asked to go: {asked}, that cannot be asked: {stay}",
    ),
    "Ended": ("INFO", "session ended: {reason}"),
    "GrantUnkept": ("WARNING", "{user} is in without what was granted: {reason}"),
    "Judged": ("DEBUG", "peer {peer}: {verdict}"),
    "LeftOut": (
        "INFO",
        "vpnc takes one certificate only: {number} more of the chain stay here, and must stand in its CA-File",
    ),
    "LoggedIn": ("INFO", "login of {user} accepted"),
    "LoginRefused": ("WARNING", "login from {source} as {user} refused: {reason.clause}"),
    "LoginRound": ("DEBUG", "login, round {turn}: {wants} asked for"),
    "LoginSent": ("DEBUG", "login of {user} sent"),
    "MovesOn": ("INFO", "{path.remote.address} sends this client to {gateway}"),
    "Offered": ("DEBUG", "{mode} begins: offers {offers}; announces {vendors}; identity {identity}"),
    "PathChanged": ("INFO", "peer moved from {old} to {new}"),
    "PhaseOneUp": ("INFO", "phase 1 established with {path}: {suite}, peer {peer}"),
    "PpkUnused": ("WARNING", "no PPK is in the keys: {why}"),
    "PpkUsed": ("INFO", "the PPK {ppk} is in the keys"),
    "Rerouted": ("DEBUG", "ESP goes over {path} {way}"),
    "Reached": ("DEBUG", "the gateway answers over {path}"),
    "Readdressed": ("INFO", "the gateway gives {new} with the renewed phase 1, instead of {old}"),
    "Regranted": ("INFO", "{user} goes on with other grants: {what}"),
    "Remark": ("DEBUG", "{text_}"),
    "Renewed": ("INFO", "phase 1 renewed with {path}: {suite}"),
    "RoundTrip": ("DEBUG", "the peer answered after {seconds:.3f} s"),
    "SentAway": ("INFO", "asked to go to {gateway}"),
    "Started": ("INFO", "phase 1 begins with {path} (remote {remote})"),
    "Turned": ("WARNING", "{what} from {path}: {reason}"),
    "Undeferred": (
        "WARNING",
        (
            "first messages are answered at once again: in {seconds} s {deferred} had no answer, {repeated} came again "
            "and were answered"
        ),
    ),
    "Up": ("INFO", "tunnel up with {path}, user {user}"),
}
"""By name: level and line, on which filters rely."""


def test_no_name_of_an_event_changes_and_none_is_given_twice():
    kinds = {kind.__name__: kind.public_name() for kind in Event.__subclasses__()}
    assert sorted(kinds.values()) == PUBLISHED.split()


def test_no_line_of_an_event_changes():
    assert {kind.public_name(): (kind.level.name, kind.line) for kind in Event.__subclasses__()} == LINES


SUITE_V2 = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384)
WAY = Path(Peer(ip_address("192.0.2.50"), 500), Peer(ip_address("192.0.2.1"), 500))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Started(1, WAY, "anonymous", Side.GATEWAY, None, 1), "phase 1 begins with"),
        (Started(1, WAY, "anonymous", Side.GATEWAY, None, 2), "IKEv2 begins with"),
        (PhaseOneUp(1, WAY, SUITE_V2, "alice", "", "", ""), "IKE SA established with"),
        (Renewed(1, 2, WAY, SUITE_V2, ""), "IKE SA renewed with"),
    ],
)
def test_a_session_is_told_in_the_words_of_its_version(event, told):
    assert event.text().startswith(told)
