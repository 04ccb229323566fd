"""The plan of a gateway: authority, certificate, configuration, the first user, the service."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from lotor.auth.userlines import HEADER, LocalUser
from lotor.auth.users import UserError, check_name, check_new_password
from lotor.config.tables.mode_cfg import DEFAULT_USERS
from lotor.crypto.certificates import read_certificates
from lotor.crypto.passwords import hash_password
from lotor.crypto.private.issuing import Issuer
from lotor.crypto.private.keypair import KeyPair
from lotor.daemon.exits import Exit, StartError
from lotor.files import writing
from lotor.init import network, service
from lotor.init.answers import DEVICES, Client, GatewayWishes
from lotor.init.carrying import Plan
from lotor.init.configuration import CERTIFICATES, CONFIGURATION, SHARED_KEYS, gateway_text
from lotor.init.host import Target
from lotor.init.steps import Step, directories, file
from lotor.model.algorithms import Curve
from lotor.pki.authority import (
    CA_CERTIFICATE,
    CA_DAYS,
    CA_KEY,
    GATEWAY_CERTIFICATE,
    GATEWAY_KEY,
    KEY_BITS,
    Making,
    authority_in,
    new_authority,
    new_gateway,
)
from lotor.pki.fault import PkiError

USERS = str(DEFAULT_USERS.path)
KEY_OCTETS = 24
"""Of a shared key: 192 bits, written as 32 letters."""


def plan(wishes: GatewayWishes, target: Target) -> Plan:
    """Keys are made, nothing is written. Raises `StartError`."""
    directory = Path(CONFIGURATION).parent
    try:
        made = [
            *directories(target, str(directory), CERTIFICATES),
            *_certificates(wishes, target),
            file(target, CONFIGURATION, gateway_text(wishes, nft=target.has("nft")).encode(), "the configuration"),
            *_logins(wishes, target),
        ]
    except (PkiError, UserError) as fault:
        raise StartError(str(fault), Exit.USAGE) from None
    network.demand(target, masquerade=wishes.masquerade)
    acts = service.acts(target, service.GATEWAY)
    remarks = [*service.remarks(target, service.GATEWAY), *network.remarks(masquerade=wishes.masquerade)]
    remarks += _devices(wishes)
    return Plan(wishes.what(), tuple(made), tuple(acts), tuple(remarks))


def _devices(wishes: GatewayWishes) -> list[str]:
    """What their clients of IKEv2 need beside the configuration."""
    if not DEVICES & wishes.clients:
        return []
    name = wishes.user or "NAME"
    found = [f"for the clients of IKEv2 that devices have, an NT hash: lotor user passwd --mschap {name}"]
    if Client.WINDOWS in wishes.clients:
        found.append("each Windows: change what it offers, as docs/ikev2.md says")
    return found


def _certificates(wishes: GatewayWishes, target: Target) -> list[Step]:
    """An authority that is there goes on: clients trust it."""
    steps: list[Step] = []
    if os.path.lexists(target.path(f"{CERTIFICATES}/{CA_KEY}")):
        issuer = authority_in(target.path(CERTIFICATES))
    else:
        key, certificate = new_authority(f"CA of {wishes.names[0]}"[:64], _authority(wishes))
        issuer = Issuer(read_certificates(certificate)[0], key)
        steps.append(_secret(target, CA_KEY, key, "key of the authority: keep it secret"))
        steps.append(file(target, f"{CERTIFICATES}/{CA_CERTIFICATE}", certificate, "the authority: clients get it"))
    key, certificate = new_gateway(issuer, wishes.names)
    steps.append(_secret(target, GATEWAY_KEY, key, "key of this gateway"))
    steps.append(file(target, f"{CERTIFICATES}/{GATEWAY_CERTIFICATE}", certificate, "its certificate"))
    return steps


def _authority(wishes: GatewayWishes) -> Making:
    """RSA is what the clients of all devices take; Apple's of IKEv1 were never tried with ECDSA."""
    rsa = bool(DEVICES & wishes.clients)
    return Making(CA_DAYS, KEY_BITS) if rsa else Making(CA_DAYS, curve=Curve.P256)


def _secret(target: Target, name: str, key: KeyPair, told: str) -> Step:
    return file(target, f"{CERTIFICATES}/{name}", key.pem().reveal(), told, writing.PRIVATE)


def _logins(wishes: GatewayWishes, target: Target) -> list[Step]:
    steps: list[Step] = []
    if wishes.user and wishes.password is not None:
        check_name(wishes.user)
        check_new_password(wishes.password)
        line = LocalUser(wishes.user, hash_password(wishes.password)).line()
        steps.append(file(target, USERS, f"{HEADER}{line}".encode(), "who may log in", writing.PRIVATE))
    if wishes.shared_key:
        key = base64.b64encode(os.urandom(KEY_OCTETS))
        told = "the key that all clients share"
        steps.append(file(target, SHARED_KEYS, b"* " + key + b"\n", told, writing.PRIVATE))
    return steps
