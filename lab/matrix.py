"""Who meets whom in the tests, by which method and in which mode; docs/interop.md is made from it.

`python -m lab.matrix > docs/interop.md`
"""

from __future__ import annotations

import sys

from lab import matrix_kernel as kernel
from lab import matrix_v2 as v2
from lab.circumstances import CIRCUMSTANCES, NEIGHBOURS, Neighbours, linked

METHODS = {
    "hybrid": "hybrid_rsa",
    "xauth_psk": "xauth_psk",
    "xauth_rsa": "xauth_rsa",
    "psk": "pre_shared_key",
    "rsa": "rsasig",
}
"""Short names, and what racoon.conf calls them (without _server and _client)."""

MODES = ("main", "aggressive")

PAIRS = (("lotor", "lotor"), ("strongSwan", "lotor"), ("lotor", "strongSwan"), ("vpnc", "lotor"))
"""Client and gateway."""

VPNC = (("hybrid", "aggressive"), ("xauth_psk", "aggressive"))
"""All that vpnc can do."""

_INTRODUCTION = """\
# Who connects to whom

<!-- Made from lab/matrix*.py and lab/circumstances.py by `python -m lab.matrix`. -->

Everything here is a test of `make test` with the real programs in network
namespaces: vpnc 0.5.3, strongSwan 5.9 with ESP in user space, and lotor.

## Methods and modes

*NAT* (test_interop_matrix.py, test_who_connects_through_a_nat): the client is
behind a NAT router; phase 1, login where the method has one, address by mode
config, pings and a transfer whichever end begins, goodbye. *direct*
(test_who_connects_without_a_nat): no NAT router; the same with pings. Then ESP
travels as IP protocol 50, but for strongSwan, whose ESP in user space knows UDP
only. The algorithms are those of the HOW-TO (aes 128, sha1, modp1024), which
every one of these programs has.

"""
_END = """
vpnc knows aggressive mode only, and neither certificates of users nor methods
without a login. With another group key, or a certificate of another authority,
nobody gets an address: that is tested for each method and mode, too.

## Circumstances

By hybrid authentication where nothing else is said; each cell names its test.

"""
_REMARKS = """
Where there is a dash: vpnc accepts the certificate of any authority, knows no
newer algorithms and no IPv6, does not fragment IKE messages and always asks for
its configuration; only how lotor finds a killed peer dead
is tested here; a gateway renews SA pairs only for clients that do not, and vpnc,
which can renew nothing without losing it, keeps what it has as long as it stays.
Of the last column, which is about ESP ([below](#esp-of-the-kernel)): what is of IKE
alone is the same with both engines.

## Two clients behind one NAT

Both have the same private address, each behind a router of its own, and these
behind one NAT. Both have traffic at once, and one goes on when the other leaves.

"""

_SCRIPTED = """
## FreeRADIUS

3.2.1, as judge of logins ([radius.md](radius.md)), with lotor, vpnc and
strongSwan as clients:

- a second factor as a second question, words for the person, addresses, a dead
  first server ([test_interop_radius.py](../tests/interop/test_interop_radius.py));
- pools and rules by group, routes, time and idle time, a filter that there is not
  ([test_interop_grants.py](../tests/interop/test_interop_grants.py));
- 254 people and the HOW-TO's 253 addresses
  ([test_interop_full_pool.py](../tests/interop/test_interop_full_pool.py));
- both ends as the pages of RADIUS, accounting, PAM, LDAP and grants show them
  ([test_interop_pages.py](../tests/interop/test_interop_pages.py)).

## libreswan

4.10 in User Mode Linux, whose kernel carries its ESP, as client at a lotor gateway:
group key and login in main and in aggressive mode, certificate and login in main
mode, address by mode config, pings whichever end begins, goodbye
([test_interop_libreswan.py](../tests/interop/test_interop_libreswan.py)). As gateway
(tried in both modes) it is not run over IKEv1; that it pushes the configuration under
the message id of its yes is played by a script
([test_ike_transfer.py](../tests/ike/test_ike_transfer.py)).

## racoon

It is not run by `make test`; what it does unlike others is played by scripts:

- racoon asks for the login once, right behind the last message of phase 1: it is
  kept while the client judges the certificate
  ([test_ike_early.py](../tests/ike/test_ike_early.py)).
- racoon gives another address with every phase 1: a lotor client takes it and
  goes on ([test_ike_readdressed.py](../tests/ike/test_ike_readdressed.py)).
- racoon installs an SA pair that it renews when its third message is out. lotor
  sends with the old pair for a fifth of a second more, and receives with the new
  one before it answers, so that nothing is lost either way; two racoons lose what
  comes before the other end is ready
  ([test_ike_racoon.py](../tests/ike/test_ike_racoon.py)).
"""

_SOAK = """
## For a long time

`sudo make soak` (ten minutes, not part of `make test`) lets eight lotor clients,
strongSwan and vpnc at a lotor gateway, and a lotor client at a strongSwan
gateway, send a hundred pings a second each and take a TCP stream, while they
renew SA pairs after 4 and phases 1 after 48 seconds, strongSwan also when it is
told to: 1,000 SA pairs and 20 phases 1 between lotor and lotor. It fails when one
packet is lost, a stream breaks, a session ends or a client gets another address.
"""


def cases(client: str) -> list[tuple[str, str]]:
    """Method and mode of each meeting of this kind of client."""
    return list(VPNC) if client == "vpnc" else [(method, mode) for method in METHODS for mode in MODES]


def meetings() -> list[tuple[str, str, str, str]]:
    """Client, gateway, method and mode of every test of the matrix."""
    return [(client, gateway, *case) for client, gateway in PAIRS for case in cases(client)]


def page() -> str:
    """The whole document."""
    methods, circumstances, neighbours = map(_drawn, (_methods(), _circumstances(), _neighbours()))
    old = _INTRODUCTION + methods + _END + circumstances + _REMARKS + neighbours + _SCRIPTED
    return old + _of_v2() + _of_kernel() + _SOAK


def _of_v2() -> str:
    pairs = [*(f"{client} at {gateway}" for client, gateway in v2.PAIRS_V2), kernel.COLUMN]
    methods, circumstances = (
        _drawn(_head(name, *pairs) + [[row.name, *map(linked, (*row.tests, own.get(row.name, "")))] for row in rows])
        for name, rows, own in (
            ("method", v2.METHODS_V2, kernel.METHODS_V2),
            ("circumstance", v2.CIRCUMSTANCES_V2, kernel.NEW),
        )
    )
    eapol = _drawn(_head("who, and by what", "test") + [[name, linked(test)] for name, test in v2.METHODS_OF_EAPOL])
    return v2.INTRODUCTION + methods + v2.CIRCUMSTANCES + circumstances + v2.EAPOL + eapol + v2.REMARKS


def _of_kernel() -> str:
    return kernel.INTRODUCTION + _drawn(
        _head("who, and what", "test") + [[who, linked(test)] for who, test in kernel.ROWS]
    )


def _drawn(table: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in table)


def _head(*names: str) -> list[list[str]]:
    return [list(names), ["---"] * len(names)]


def _pairs() -> list[str]:
    return [*(f"{client} at {gateway}" for client, gateway in PAIRS), kernel.COLUMN]


def _methods() -> list[list[str]]:
    rows = [
        [
            f"`{name}`",
            mode,
            *("NAT, direct" if (method, mode) in cases(client) else "-" for client, _ in PAIRS),
            linked(kernel.OLD_METHODS.get((name, mode), "")),
        ]
        for method, name in METHODS.items()
        for mode in MODES
    ]
    return _head("method", "mode", *_pairs()) + rows


def _circumstances() -> list[list[str]]:
    rows = [[row.name, *map(linked, (*row.tests, kernel.OLD.get(row.name, "")))] for row in CIRCUMSTANCES]
    return _head("circumstance", *_pairs()) + rows


def _neighbours() -> list[list[str]]:
    rows = [
        [row.programs, row.identities, row.users, linked(row.test), linked(kernel.NEIGHBOURS.get(_who(row), ""))]
        for row in NEIGHBOURS
    ]
    return _head("clients", "identities", "users", "test", kernel.COLUMN) + rows


def _who(row: Neighbours) -> tuple[str, str, str]:
    return row.programs, row.identities, row.users


if __name__ == "__main__":
    sys.stdout.write(page())
