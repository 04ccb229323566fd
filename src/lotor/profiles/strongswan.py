"""Profiles for strongSwan: its app for Android (.sswan), and its daemon on Linux (swanctl.conf)."""

from __future__ import annotations

import base64
import json
from typing import Any

from lotor.model.policy import Ppk
from lotor.profiles.facts import DEVICE_CERTIFICATE, DEVICE_KEY, Facts, File, steps_with

GROUPS = {14: "modp2048", 19: "ecp256", 20: "ecp384"}
ANDROID = (
    "Install the app strongSwan VPN Client.",
    "Open the file with it, check the name of the gateway, and tap Import.",
    "Tap the profile, and type the password.",
)
ANDROID_TWICE = "Choose the certificate of the device, which must be in the store of Android already."
LINUX = (
    "Save the file as /etc/swanctl/conf.d/{name}, with mode 0600, and write the password into its line of secret.",
    "Save {authority} in /etc/swanctl/x509ca.",
    "Type: swanctl --load-all && swanctl --initiate --child {child}",
)
LINUX_TWICE = (
    f"Save the certificate of the device as /etc/swanctl/x509/{DEVICE_CERTIFICATE}, and its key as "
    f"/etc/swanctl/private/{DEVICE_KEY}."
)
LINUX_PPK = "Write the PPK of the user and its name into the lines of ppk, as the gateway's file of PPKs has them."


def sswan(facts: Facts) -> File:
    """https://docs.strongswan.org, "VPN Profiles" of the app. The app takes one authority; it asks for the password."""
    remote: dict[str, Any] = {"addr": facts.gateway, "id": facts.gateway}
    if facts.authorities:
        remote["cert"] = base64.b64encode(facts.authorities[0]).decode()
    profile: dict[str, Any] = {
        "uuid": str(facts.identifier("sswan")),
        "name": facts.title,
        "type": "ikev2-cert-eap" if facts.twice else "ikev2-eap",
        "remote": remote,
        "local": {"eap_id": facts.user},
    }
    if facts.networks:
        profile["split-tunneling"] = {"subnets": [str(each) for each in facts.networks]}
    content = json.dumps(profile, indent=2).encode() + b"\n"
    opened, imported, *rest = ANDROID
    chosen = (ANDROID_TWICE,) if facts.twice else ()
    return File(f"{facts.stem}.sswan", content, (opened, imported, *chosen, *rest))


def swanctl(facts: Facts) -> File:
    """The authority stands beside it."""
    name, child = f"{facts.stem}.conf", "lotor"
    beside = facts.authority()
    saved, trusted, typed = LINUX
    more = (*((LINUX_TWICE,) if facts.twice else ()), *((LINUX_PPK,) if facts.ppk is not Ppk.OFF else ()))
    steps = steps_with((saved, trusted, *more, typed), beside.name if beside else "", name=name, child=child)
    return File(name, _swanctl(facts, child).encode(), steps, beside)


def _swanctl(facts: Facts, child: str) -> str:
    wanted, user = facts.proposal, facts.user.replace("\\", "\\\\")
    group = GROUPS[wanted.group]
    ike = f"aes{wanted.key_bits}gcm16-prfsha{wanted.hash_bits}-{group}"
    esp = f"aes{wanted.key_bits}gcm16-{group}"
    reached = ", ".join(str(each) for each in facts.networks) or "0.0.0.0/0, ::/0"
    return f"""# {facts.title}: {facts.user} at {facts.gateway} by IKEv2
connections {{
    {child} {{
        version = 2
        remote_addrs = {facts.gateway}
        proposals = {ike}
        vips = 0.0.0.0, ::
{_ppk_id(facts)}{_local(facts, user)}
        remote {{
            auth = pubkey
            id = "{facts.gateway}"
        }}
        children {{
            {child} {{
                remote_ts = {reached}
                esp_proposals = {esp}
            }}
        }}
    }}
}}
secrets {{
    eap-{child} {{
        id = "{user}"
        # secret = "the password"; without it: swanctl --initiate asks nobody, and the login fails
    }}
{_ppk(facts, child)}}}
"""


def _local(facts: Facts, user: str) -> str:
    """The person, and before that the device, where the gateway wants both (RFC 4739)."""
    person = f"""        local{"-2" if facts.twice else ""} {{
            auth = eap
            eap_id = "{user}"
        }}"""
    if not facts.twice:
        return person
    return f"""        local-1 {{
            auth = pubkey
            certs = {DEVICE_CERTIFICATE}
        }}
{person}"""


def _ppk_id(facts: Facts) -> str:
    if facts.ppk is Ppk.OFF:
        return ""
    required = "yes" if facts.ppk is Ppk.REQUIRED else "no"
    return f"        # ppk_id = its name in the gateway's file of PPKs\n        ppk_required = {required}\n"


def _ppk(facts: Facts, child: str) -> str:
    """Where the PPK goes: a profile has no secret."""
    if facts.ppk is Ppk.OFF:
        return ""
    return f"""    # ppk-{child} {{
    #     id = its name, as in ppk_id
    #     secret = 0x and its digits
    # }}
"""
