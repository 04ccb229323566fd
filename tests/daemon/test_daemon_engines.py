"""The policy as an engine can carry it: what it lacks is neither offered nor accepted, by either version of IKE."""

from __future__ import annotations

from dataclasses import replace

from lotor.daemon.engines import carried
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.policy import ChildRule, Policy
from lotor.ports.esp import Capabilities
from peers.world import CHILD, GATEWAY

AES = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256)
CAMELLIA = EspSuite(Cipher.CAMELLIA_CBC, 256, Integrity.HMAC_SHA512)
BOTH = replace(CHILD, suites=(CAMELLIA, AES), compression=(Compression.DEFLATE,))


def left(capabilities, child=BOTH):
    remote = replace(GATEWAY, children=(ChildRule(child),))
    policy = carried(Policy((remote,), child), capabilities)
    (rule,) = policy.remotes[0].children
    assert rule.child == policy.child
    return policy.child.suites, policy.child.compression


def test_what_the_engine_lacks_is_in_no_proposal():
    assert left(Capabilities(frozenset(Compression))) == ((CAMELLIA, AES), (Compression.DEFLATE,))
    assert left(Capabilities(lacking=frozenset({CAMELLIA}))) == ((AES,), ())


def test_a_reload_that_names_only_what_it_lacks_leaves_the_refusal_to_the_engine():
    """A proposal of nothing is none."""
    only = replace(BOTH, suites=(CAMELLIA,))
    assert left(Capabilities(lacking=frozenset({CAMELLIA})), only) == ((CAMELLIA,), ())
