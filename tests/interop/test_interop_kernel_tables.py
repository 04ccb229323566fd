"""SAs and policies in a kernel that has ESP (User Mode Linux): each kind is installed, listed and removed, and what the
kernel tells of them is heard."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lab.kernels import kernel_alone

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("uml")]

PROGRAM = Path(__file__).parent / "kernel_sas.py"
MODULES = "esp6 ipcomp6 xfrm4_tunnel camellia_generic cast5_generic blowfish_generic twofish_generic md5"
"""Beside those that every lab loads. The kernel itself may load none there."""


@pytest.fixture(scope="module")
def told():
    """What the program in the kernel tells of each of its functions: one kernel for all."""
    with kernel_alone() as kernel:
        kernel.shell(f"modprobe -a {MODULES}")
        done = kernel.run(sys.executable, str(PROGRAM), patience=300, check=False)
    assert done.code == 0, done
    return json.loads(done.stdout)


def test_every_suite_is_installed_listed_and_removed(told):
    """Native and in UDP, over IPv4 and IPv6, with ESN and a window of 4096, and without."""
    suites = told["every_suite_is_installed_listed_and_removed"]
    assert isinstance(suites, list), suites
    assert len(suites) == 15


def test_the_probe_finds_every_suite_and_leaves_nothing(told):
    assert told["the_kernel_carries_every_suite"] == [[4, 6], [4, 6], 1]


def test_the_probe_misses_what_has_no_module(told):
    """No algorithm, and of IPComp what it needs beside its own, or its own."""
    lacking = told["what_the_kernel_lacks_is_found"]
    assert lacking == [["camellia-256/hmac_sha1"], 0, "", [], 0, ""]


def test_ip_shows_what_was_asked_for(told):
    shown = told["ip_shows_what_was_asked_for"]
    assert shown.count("proto esp") == 4
    assert shown.count("encap type espinudp sport 4500 dport 61001") == 2
    assert shown.count("output-mark 0x6c/0xffffffff") == 1
    assert shown.count("flag af-unspec esn") == 2
    for words in ("replay_window 4096, bitmap-length 128", "oseq-hi 0x1, oseq 0x0", "replay_window 32, "):
        assert words in shown


def test_a_device_that_seals_nothing_hinders_nobody(told):
    found = told["a_device_that_seals_nothing_is_no_hindrance"]
    assert isinstance(found, dict), found
    assert (found["in_udp"], found["sas"]) == (1, 2), "ESP in UDP asks for no device, and a pair is there without one"
    assert found["why"].startswith(("out0 does no cryptography of ESP", "this kernel hands no ESP")), found["why"]
    assert "offload" not in found["shown"]
    assert all("the kernel refused the ESP SA" in each for each in found["refused"])


def test_an_sa_is_the_same_that_ip_makes(told):
    """All octets that the kernel tells of it."""
    assert told["an_sa_of_ours_is_the_one_that_ip_makes"] == [True, True]


def test_ipcomp_and_esp_in_a_bundle(told):
    assert told["a_bundle_with_ipcomp"] == ["ESP", "IPCOMP", "comp", "esp"]


def test_what_others_put_there_is_neither_changed_nor_flushed(told):
    """Not even an SA with the same number at the same address, nor one whose reqid is next to lotor's."""
    found = told["what_others_put_there_stays"]
    assert (found["flushed"], found["stayed"]) == (2, True)
    there, absent = found["refused"]
    assert "there is one already, perhaps of another program" in there
    assert "it is not there" in absent


def test_a_thousand_pairs_are_installed_and_removed_and_others_stay(told):
    """But one, whose number another program has: that SA stays, and so does one that another program put in the place
    of one of a pair's."""
    refused, came, there, unknown, left, policies = told["a_thousand_pairs_come_and_go"]
    assert (refused, came, there) == ("", 999, [2 * 999, 3 * 999])
    assert (unknown, left, policies) == (1, [500, 700], 1)


def test_lifetimes_end_softly_and_then_hard(told):
    assert told["a_lifetime_ends"] == ["soft", "hard"]


def test_a_peer_that_comes_from_another_port_is_told_and_followed(told):
    """One good packet, one of them again, one forged; one more from there, which nobody is told of."""
    assert told["a_peer_comes_from_elsewhere"] == {
        "remote": "127.0.0.1:4501",
        "figures": [1, 1, 1, 7, 2, 9],
        "ports": ["4501"],
    }


def test_an_sa_made_anew_refuses_what_came_before(told):
    assert told["made_anew_it_refuses_what_came_before"] == [1, 2, 7]


def test_an_sa_comes_where_the_kernel_waits_for_it(told):
    found = told["the_place_of_an_sa_that_a_packet_waits_for_is_its_own"]
    assert found == [None, [], True, True, ""]


def test_it_is_heard_when_others_take_sas_away(told):
    assert told["others_take_sas_away"] == ["0x1000", "0x1001", "all"]


def test_packets_that_wait_for_an_sa_are_heard_and_a_script_s_policy_finds_one(told):
    """Nothing is left of what waited; the policy of the script stays."""
    assert told["a_packet_waits"] == [True, True, 1, 2, 1, ""]


def test_the_samples_set_policies_and_take_them_away(told):
    """One each way, and one through; that of lotor's is there before and afterwards."""
    assert told["the_samples_set_policies_and_take_them_away"] == [4, 4, 1, 1, 1, 2]


def test_ip_monitor_tells_what_is_done(told):
    ends, networks = "src 192.0.2.1 dst 198.51.100.7", "src 10.0.0.0/8 dst 10.99.99.0/24 "
    assert told["ip_monitor_tells_what_is_done"] == [
        *(ends, "dport 61001", f"Updated {ends}", "dport 61002"),
        *(networks, f"Updated {networks}", "priority 7", f"Deleted {networks}", "priority 7", f"Deleted {ends}"),
    ]
