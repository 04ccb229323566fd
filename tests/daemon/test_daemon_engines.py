"""The policy as an engine can carry it: what it lacks is neither offered nor accepted, by either version of IKE."""

from __future__ import annotations

from dataclasses import replace

from lotor.daemon.engines import carried
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.policy import ChildRule, Policy
from lotor.ports.esp import Capabilities
from peers.world import CHILD, GATEWAY
from visiting import ROOT, play

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


def test_a_sainfo_that_nobody_uses_may_name_only_what_it_lacks():
    """A proposal of nothing is none; of one that is used something is left, or lotor does not take it."""
    only = replace(BOTH, suites=(CAMELLIA,))
    assert left(Capabilities(lacking=frozenset({CAMELLIA})), only) == ((CAMELLIA,), ())


def test_what_the_kernel_lacks_of_a_reload_no_sa_pair_has(directory):
    """Both ends name two suites, of which the gateway's kernel has the second one."""
    first, second = (EspSuite(Cipher.AES_CBC, 256, each) for each in (Integrity.HMAC_SHA512, Integrity.HMAC_SHA256))

    async def story(world):
        for name, admin in (("gateway", world.gateway_admin), ("client", world.admin)):
            file = directory / f"{name}.conf"
            file.write_text(file.read_text().replace("hmac_sha256;", "hmac_sha512, hmac_sha256;"))
            await admin.reload(ROOT)
        present = world.gateway.present
        present.replace(replace(present.now, lacking=frozenset({first})))
        await world.vc()
        await world.settle()
        (child,) = world.gateway_plane.installed.values()
        return child.suite

    assert play(directory, story) == second
