"""A configuration for lotor as a client."""

from __future__ import annotations

from collections.abc import Collection

from lotor.model.algorithms import EapMethod
from lotor.profiles.facts import Facts, File, Protocol, steps_with

STEPS = (
    "Install lotor.",
    "Save {authority} in /etc/lotor/certs.",
    "Save the file as /etc/lotor/racoon.conf.",
    "Type: sudo systemctl enable --now lotor-client@racoon && sudo lotor connect {gateway}",
)


_IKEV1 = """\
        exchange_mode aggressive;
        proposal_check obey;
        nat_traversal force;
        ike_frag on;
        dpd_delay 20;
        proposal {
                encryption_algorithm aes 256;
                hash_algorithm sha256;
                authentication_method hybrid_rsa_client;
                dh_group modp2048;
        }
"""


def configuration(facts: Facts) -> File:
    """Everything that the gateway does not say itself."""
    beside = facts.authority()
    named = beside.name if beside else ""
    authority = f'        ca_type x509 "{named}";\n' if named else ""
    text = f"""# {facts.title}: {facts.user} at {facts.gateway}
path certificate "/etc/lotor/certs";

remote anonymous {{
{authority}        xauth_login "{facts.user}";
        mode_cfg on;
{_ikev2(facts.eap) if facts.protocol is Protocol.IKEV2 else _IKEV1}}}

sainfo anonymous {{
        lifetime time 1 hour;
        encryption_algorithm aes_gcm_16 256, aes 256;
        authentication_algorithm hmac_sha256;
        compression_algorithm deflate;
}}
"""
    return File("racoon.conf", text.encode(), steps_with(STEPS, named, gateway=facts.gateway), beside)


def _ikev2(taken: Collection[EapMethod]) -> str:
    """By GTC and TTLS every user gets in: by MSCHAPv2, which a gateway asks for first, only those with an NT hash."""
    everybodys = (each for each in (EapMethod.GTC, EapMethod.TTLS) if each in taken)
    methods = next((each.value for each in everybodys), "mschapv2, gtc")
    return f"        ike_version 2;\n        eap {methods};\n"
