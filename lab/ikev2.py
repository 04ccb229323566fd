"""IKEv2 in the lab: a gateway of lotor that speaks both versions, a client of lotor, and strongSwan in either role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.internet import GATEWAY, Internet
from lab.lotor import CERTIFICATES, Lotor, add_user
from lab.node import Node
from lab.strongswan import Charon
from lab.strongswan_v2 import Client, Gateway

_GATEWAY = """
path certificate "{certificates}";
path pre_shared_key "/etc/racoon/psk.txt";
path ppk "/etc/racoon/ppk.txt";
listen {{ adminsock "/run/gateway.sock"; }}
remote anonymous {{
    ike_version both;
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    my_identifier fqdn "gw.example.org";
    generate_policy on;
    proposal_check claim;
    nat_traversal on;
    ike_frag on;
    dpd_delay 5;
    {more}
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha1; authentication_method hybrid_rsa_server; dh_group 14;
    }}
}}
mode_cfg {{
    network4 10.99.99.1; pool_size 100; dns4 10.0.12.1; auth_source local; {inside}
}}
sainfo anonymous {{
    {sainfo}
    encryption_algorithm aes_gcm_16 256, aes 256;
    authentication_algorithm hmac_sha256, hmac_sha1;
    compression_algorithm deflate;
}}
"""
_CLIENT = """
path certificate "{certificates}";
path pre_shared_key "/etc/racoon/psk.txt";
path ppk "/etc/racoon/ppk.txt";
listen {{ adminsock "/run/client.sock"; }}
remote {block} {{
    ike_version 2;
    ca_type x509 "ca.crt";
    mode_cfg on;
    dpd_delay 5;
    script "/etc/note.sh" phase1_up; script "/etc/note.sh" phase1_down;
    {more}
}}
sainfo anonymous {{
    lifetime time {lifetime}; {pair}
    encryption_algorithm aes_gcm_16 256, aes 256;
    authentication_algorithm {integrity};
    compression_algorithm deflate;
}}
"""
KEY = "the-key-of-alice-in-the-lab"
"""That she shares with the gateway, where it proves itself by keys."""
NOTE = '#!/bin/sh\necho "$1 $INTERNAL_ADDR4 $INTERNAL_DNS4" >>/etc/noted\n'


def serve(
    internet: Internet,
    certificates: Path,
    more: str = "eap mschapv2, gtc;",
    inside: str = "",
    sainfo: str = "lifetime time 1 hour;",
) -> Lotor:
    """A gateway of both versions: alice may show her password by MSCHAPv2, bob by GTC alone. `inside`: more lines of
    mode_cfg. A test that has other shared keys than alice's `KEY` writes psk.txt before."""
    found = prepare(internet, certificates, more=more, inside=inside, sainfo=sainfo)
    found.start()
    return found


def prepare(internet: Internet, certificates: Path, **lines: str) -> Lotor:
    """The same, not started yet. `lines`: more, inside and sainfo as of `serve`."""
    usual = {"more": "eap mschapv2, gtc;", "inside": "", "sainfo": "lifetime time 1 hour;"}
    found = Lotor(internet.gateway)
    if not internet.gateway.path("/etc/racoon/psk.txt").exists():
        internet.gateway.write("/etc/racoon/psk.txt", f"alice {KEY}\n", 0o600)
    found.configure(_GATEWAY.format(certificates=CERTIFICATES, **{**usual, **lines}))
    for file in (certificates / "ca.crt", *certificates.glob("vpngw*.*")):
        mode = 0o600 if file.suffix == ".key" else 0o644
        internet.gateway.write(f"{CERTIFICATES}/{file.name}", file.read_bytes(), mode)
    add_user(found, "alice", "alicepass", "--mschap")
    add_user(found, "bob", "bobpass")
    return found


def join(node: Node, certificates: Path, *, fragment_size: int = 1280, tries: int = 5, **options: Any) -> Charon:
    """A strongSwan as client of such a gateway, ready for `initiate`. `tries`: how often it repeats a request.
    `options`: of `lab.strongswan_v2.Client`."""
    charon = Charon(node, fragment_size=fragment_size, tries=tries)
    charon.join_v2(certificates / "ca.crt", Client(GATEWAY, "gw.example.org", **options))
    return charon


def serve_by_strongswan(internet: Internet, certificates: Path, **options: Any) -> Charon:
    """A gateway of strongSwan. `options`: of `lab.strongswan_v2.Gateway`."""
    charon = Charon(internet.gateway)
    charon.serve_v2(certificates / "vpngw.crt", certificates / "vpngw.key", Gateway(**options))
    return charon


def person(node: Node, certificates: Path, more: str = "eap mschapv2, gtc;", **options: str) -> Lotor:
    """A client, its daemon running. `options`: block (name of its remote block), keys (what stands in psk.txt),
    lifetime and integrity (of SA pairs), and pair (more lines of sainfo)."""
    client = traveller(node, certificates, more, **options)
    client.start("-d")
    return client


def traveller(node: Node, certificates: Path, more: str = "eap mschapv2, gtc;", **options: str) -> Lotor:
    """The same, not started yet."""
    usual = {"block": GATEWAY, "keys": "", "lifetime": "1 hour", "integrity": "hmac_sha256", "pair": ""}
    chosen = {**usual, **options}
    client = Lotor(node)
    client.configure(_CLIENT.format(certificates=CERTIFICATES, more=more, **chosen))
    node.write("/etc/racoon/psk.txt", chosen["keys"], 0o600)
    for name in ("ca.crt", "user.crt", "user.key"):
        if (certificates / name).exists():
            node.write(f"{CERTIFICATES}/{name}", (certificates / name).read_bytes(), 0o600)
    node.write("/etc/note.sh", NOTE, 0o755)
    return client
