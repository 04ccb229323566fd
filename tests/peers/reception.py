"""A gateway that devices find when they come by IKEv2."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from lotor.model.algorithms import Cipher, EapMethod, EspSuite, Group, Hash, Ike2Suite, Integrity
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import ChildPolicy, Policy, V2Policy
from peers.auth import own
from peers.devices import Device
from peers.guest import Guest
from peers.world import GATEWAY, CheapRandomness, Host, World

GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.ECP256)
CBC = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.ECP256)
USUAL = tuple(
    replace(suite, group=group) for suite in (GCM, CBC) for group in (Group.ECP256, Group.MODP2048, Group.CURVE25519)
)
ESP = ChildPolicy(
    (
        EspSuite(Cipher.AES_GCM_16, 256, None),
        EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),
        EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA1),
    )
)


def visit(device: Device, *suites: Ike2Suite, held: tuple[OwnCertificate, ...] = (), **terms: object) -> Guest:
    """`held`: the gateway's certificates, instead of the usual one."""
    policy = V2Policy(suites, **{"eap": (EapMethod.MSCHAPV2,), **terms})
    remote = replace(GATEWAY, versions=(1, 2), v2=policy, **own(), mode_cfg=True)
    remote = replace(remote, own=held) if held else remote
    return received(device, Policy((remote,), ESP))


def received(device: Device, policy: Policy) -> Guest:
    """The device at a gateway with that policy."""
    world = World()
    gateway = world.add(Host("gateway", IPv4Address("192.0.2.50"), policy, CheapRandomness(9)))
    return Guest(world, gateway, device)
