"""The gateways that are dialled by IKEv2: lotor and strongSwan, by EAP-MSCHAPv2, with a certificate of ECDSA."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

from bench.gateways import FIRST_INSIDE, GROUPS, PASSWORD, POOL, Gateway, Login, passwords, serving
from bench.link import GATEWAY, Link
from lab import pki
from lab.lotor import CERTIFICATES, Lotor, add_user
from lab.node import Running

PEOPLE = 8
"""As many as dial at once."""
_LOTOR = """
path certificate "{certificates}";
listen {{ adminsock "/run/gateway.sock"; }}
remote anonymous {{
    ike_version 2;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    generate_policy on;
    peers_auth eap;
    eap mschapv2;
    nat_traversal force;
    dpd_delay 0;
    max_sessions 65535;{more}
}}
mode_cfg {{ network4 {first}; pool_size {size}; auth_source local; auth_remember 8 hour; }}
sainfo anonymous {{
    lifetime time 1 hour;
    encryption_algorithm aes_gcm_16 256; compression_algorithm deflate;
}}
"""
_CONNECTION = """
connections {{ ra {{
    version = 2
    local_addrs = {address}
    proposals = aes256gcm16-prfsha256-{group}
    pools = inner
    unique = no
    encap = yes
    send_cert = always
    local {{ auth = pubkey
        id = {address}
        certs = gateway.crt }}
    remote {{ auth = eap-mschapv2
        eap_id = %any }}
    children {{ net {{
        local_ts = 0.0.0.0/0
        esp_proposals = aes256gcm16 }} }} }} }}
pools {{ inner {{ addrs = 10.99.0.1-10.99.60.254 }} }}
secrets {{
{people}
}}
"""


@cache
def certificate() -> pki.Issued:
    return pki.gateway(pki.authority("Bench CA of ECDSA", curve=ec.SECP256R1()), GATEWAY)


def lotor(link: Link, group: int) -> Running:
    """What is spoken the client chooses."""
    del group
    return _lotor(link)


def lotor_kem(link: Link, group: int) -> Running:
    """strongSwan has it since 6.0."""
    return _lotor(link, f" ike2_proposal aes_gcm_16 256 sha256 {GROUPS[group]} mlkem768;")


def _lotor(link: Link, more: str = "") -> Running:
    """lotor's own people, with NT hashes. `more`: of the block."""
    program = Lotor(link.gateway)
    program.configure(_LOTOR.format(certificates=CERTIFICATES, first=FIRST_INSIDE, size=POOL, more=more))
    link.gateway.write(f"{CERTIFICATES}/vpngw.crt", certificate().certificate)
    link.gateway.write(f"{CERTIFICATES}/vpngw.key", certificate().key, 0o600)
    for number in range(PEOPLE):
        add_user(program, f"user{number}", PASSWORD, "--mschap")
    return program.start()


def charon(link: Link, group: int) -> Running:
    connection = _CONNECTION.format(address=GATEWAY, group=GROUPS[group], people=passwords("eap", PEOPLE))
    return serving(link, connection, certificate(), Login("mschapv2", "eap-identity eap-mschapv2"))


LOTOR_V2 = Gateway("lotor, IKEv2", lotor, version=2)
LOTOR_KEM = Gateway("lotor, IKEv2 and ML-KEM-768", lotor_kem, version=2, more=(36,))
CHARON_V2 = Gateway("strongSwan, IKEv2", charon, version=2)
