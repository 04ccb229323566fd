"""SA pairs in a kernel that has ESP: what passes between two hosts while they are renewed, move and end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lab.kernels import kernel_alone
from lotor.ports.esp import Expired

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("uml")]

ALL = [3, 3]
"""Of three datagrams each way."""


@pytest.fixture(scope="module")
def told():
    """By the name of each step, what came of it."""
    with kernel_alone() as kernel:
        done = kernel.run(sys.executable, str(Path(__file__).with_name("kernel_pairs.py")), check=False)
    assert done.code == 0, done
    return {name: came for name, *came in map(json.loads, done.stdout.splitlines())}


def moved(child, remote):
    address, port = remote
    return f"Moved(child={child}, remote=Peer(address=IPv4Address('{address}'), port={port}))"


def test_a_renewal_loses_nothing_and_sends_when_it_is_activated(told):
    assert told["carries"] == [ALL]
    assert told["half renewed"] == [ALL, [2001]]
    assert told["renewed"] == [ALL, [2002]]
    assert told["old one removed"] == [ALL]


def test_a_peer_at_another_port_or_address_is_followed(told):
    assert told["other port"] == [moved(2, ("192.0.2.2", 4600)), ALL]
    assert told["other address"] == [moved(2, ("192.0.2.22", 4500)), ALL, ["192.0.2.22"]]


def test_another_address_here_carries_on(told):
    assert told["own address"] == [ALL]


def test_what_came_before_a_move_does_not_come_in_again(told):
    assert told["replay"] == [0, 1, 0]


def test_no_number_comes_twice_while_packets_leave_and_the_peer_moves(told):
    count, rising = told["flood"]
    assert count > 100
    assert rising


def test_ipcomp_carries_what_shrinks_and_what_does_not(told):
    carried, smallest = told["compressed"]
    assert carried == ALL
    assert smallest < 200
    assert told["as it is"] == [ALL, ALL]
    assert told["compressed elsewhere"] == [moved(3, ("192.0.2.22", 4500)), ALL, ALL]


def test_pairs_with_long_numbers_move_between_udp_and_native_esp(told):
    """In UDP a datagram has 8 octets more."""
    (in_udp, [longer]), (native, [shorter]) = told["in UDP"], told["native"]
    assert (in_udp, native, longer - shorter) == (ALL, ALL, 8)
    assert told["native elsewhere"] == [ALL, [shorter]]
    assert told["in UDP again"] == [ALL, [longer]]


def test_a_life_of_octets_ends_the_pair(told):
    notices, left, packets = told["spent"]
    assert notices == [str(Expired(5, hard=False)), str(Expired(5, hard=True))]
    assert left == [0, 0]
    assert 0 < packets < 8


def test_nobody_comes_in_with_the_address_of_another(told):
    assert told["another's address"] == [0, 1]


def test_policies_of_scripts_lead_and_flushed_ones_are_put_back(told):
    assert told["a script's policy"] == [True, True, ALL]
    assert told["renewed with it"] == [True, True, ALL]
    assert told["flushed"] == [True, True, ALL]


def test_nothing_is_left(told):
    assert told["left"] == ["", 0]
