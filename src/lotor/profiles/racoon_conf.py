"""A configuration for lotor as a client."""

from __future__ import annotations

from lotor.model.algorithms import EapMethod
from lotor.model.policy import Ppk
from lotor.profiles.facts import DEVICE_CERTIFICATE, DEVICE_KEY, Facts, File, Protocol, steps_with

STEPS = (
    "Install lotor.",
    "Save {authority} in /etc/lotor/certs.",
    "Save the file as /etc/lotor/racoon.conf.",
    "Type: sudo systemctl enable --now lotor-client@racoon && sudo lotor connect {gateway}",
)


PPK_FILE = "/etc/lotor/ppk.txt"
PPK_STEP = (
    "Write a line with the gateway's name, and the name and the digits of the PPK as the gateway's file has them, into "
    f"{PPK_FILE}, with mode 0600."
)
TWICE_STEP = (
    f"Save the certificate of the device as /etc/lotor/certs/{DEVICE_CERTIFICATE}, and its key as "
    f"/etc/lotor/certs/{DEVICE_KEY}, with mode 0600."
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
{_path(facts)}
remote anonymous {{
{authority}        xauth_login "{facts.user}";
        mode_cfg on;
{_ikev2(facts) if facts.protocol is Protocol.IKEV2 else _IKEV1}}}

sainfo anonymous {{
        lifetime time 1 hour;
        encryption_algorithm aes_gcm_16 256, aes 256;
        authentication_algorithm hmac_sha256;
        compression_algorithm deflate;
}}
"""
    return File("racoon.conf", text.encode(), steps_with(_steps(facts), named, gateway=facts.gateway), beside)


def _steps(facts: Facts) -> tuple[str, ...]:
    *saved, typed = STEPS
    device = (TWICE_STEP,) if facts.twice else ()
    ppk = (PPK_STEP,) if facts.ppk is not Ppk.OFF else ()
    return (*saved, *device, *ppk, typed)


def _path(facts: Facts) -> str:
    return f'path ppk "{PPK_FILE}";\n' if facts.ppk is not Ppk.OFF else ""


def _ikev2(facts: Facts) -> str:
    """By GTC and TTLS every user gets in: by MSCHAPv2, which a gateway asks for first, only those with an NT hash."""
    everybodys = (each for each in (EapMethod.GTC, EapMethod.TTLS) if each in facts.eap)
    methods = next((each.value for each in everybodys), "mschapv2, gtc")
    lines = ["ike_version 2;", f"eap {methods};"]
    if facts.twice:
        lines += ["my_auth pubkey then eap;", f'certificate_type x509 "{DEVICE_CERTIFICATE}" "{DEVICE_KEY}";']
    if facts.ppk is not Ppk.OFF:
        lines.append(f"ppk {facts.ppk.value};")
    return "".join(f"        {line}\n" for line in lines)
