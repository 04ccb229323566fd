"""Profiles for strongSwan: its app for Android (.sswan), and its daemon on Linux (swanctl.conf)."""

from __future__ import annotations

import base64
import json
from typing import Any

from lotor.profiles.facts import Facts, File, steps_with

GROUPS = {14: "modp2048", 19: "ecp256", 20: "ecp384"}
ANDROID = (
    "Install the app strongSwan VPN Client.",
    "Open the file with it, check the name of the gateway, and tap Import.",
    "Tap the profile, and type the password.",
)
LINUX = (
    "Save the file as /etc/swanctl/conf.d/{name}, with mode 0600, and write the password into its line of secret.",
    "Save {authority} in /etc/swanctl/x509ca.",
    "Type: swanctl --load-all && swanctl --initiate --child {child}",
)


def sswan(facts: Facts) -> File:
    """https://docs.strongswan.org, "VPN Profiles" of the app. The app takes one authority; it asks for the password."""
    remote: dict[str, Any] = {"addr": facts.gateway, "id": facts.gateway}
    if facts.authorities:
        remote["cert"] = base64.b64encode(facts.authorities[0]).decode()
    profile: dict[str, Any] = {
        "uuid": str(facts.identifier("sswan")),
        "name": facts.title,
        "type": "ikev2-eap",
        "remote": remote,
        "local": {"eap_id": facts.user},
    }
    if facts.networks:
        profile["split-tunneling"] = {"subnets": [str(each) for each in facts.networks]}
    content = json.dumps(profile, indent=2).encode() + b"\n"
    return File(f"{facts.stem}.sswan", content, ANDROID)


def swanctl(facts: Facts) -> File:
    """The authority stands beside it."""
    name, child = f"{facts.stem}.conf", "lotor"
    beside = facts.authority()
    steps = steps_with(LINUX, beside.name if beside else "", name=name, child=child)
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
        local {{
            auth = eap
            eap_id = "{user}"
        }}
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
}}
"""
