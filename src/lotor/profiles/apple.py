"""Configuration profiles for iOS, iPadOS and macOS (.mobileconfig), for IKEv2 and for Cisco IPSec, which is IKEv1."""

from __future__ import annotations

import plistlib
from typing import Any

from lotor.model.algorithms import Curve
from lotor.profiles.facts import Device, Facts, File, Protocol

CERTIFICATE_TYPES = {
    None: "RSA",
    Curve.P256: "ECDSA256",
    Curve.P384: "ECDSA384",
    Curve.P521: "ECDSA521",
}
REKEY_MINUTES = {"ike": 1440, "child": 480}
STEPS = {
    Device.IOS: (
        "Open the file on the device, in Safari or Files, and allow it: it says that a profile was downloaded.",
        "Settings, General, VPN & Device Management: tap the profile, then Install.",
        "Settings, General, VPN & Device Management, VPN: switch it on, and type the password.",
    ),
    Device.MACOS: (
        "Open the file: it says that a profile was downloaded.",
        "System Settings, General, Device Management: open the profile, then Install.",
        "System Settings, VPN: switch it on, and type the password.",
    ),
}


def mobileconfig(facts: Facts, device: Device) -> File:
    """Not signed: `lotor profile` signs it where it has the gateway's key."""
    roots = [_root(facts, number, der) for number, der in enumerate(facts.authorities)]
    vpn = _payload(facts, "vpn", "com.apple.vpn.managed", facts.title) | {
        "UserDefinedName": facts.title,
        **(_ikev2(facts) if facts.protocol is Protocol.IKEV2 else _cisco(facts)),
    }
    profile = _payload(facts, "profile", "Configuration", facts.title) | {
        "PayloadContent": [*roots, vpn],
        "PayloadDescription": f"VPN of {facts.gateway} for {facts.user}",
        "PayloadRemovalDisallowed": False,
    }
    suffix = "" if facts.protocol is Protocol.IKEV2 else "-ikev1"
    return File(f"{facts.stem}{suffix}.mobileconfig", plistlib.dumps(profile), STEPS[device])


def _payload(facts: Facts, part: str, kind: str, title: str) -> dict[str, Any]:
    """What each payload of a profile has."""
    identifier = facts.identifier(part)
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"lotor.{identifier}",
        "PayloadUUID": str(identifier).upper(),
        "PayloadDisplayName": title,
    }


def _root(facts: Facts, number: int, der: bytes) -> dict[str, Any]:
    title = f"authority of {facts.gateway}"
    payload = _payload(facts, f"authority {number}", "com.apple.security.root", title)
    return payload | {"PayloadCertificateFileName": f"ca{number}.cer", "PayloadContent": der}


def _ikev2(facts: Facts) -> dict[str, Any]:
    ikev2: dict[str, Any] = {
        "RemoteAddress": facts.gateway,
        "RemoteIdentifier": facts.gateway,
        "LocalIdentifier": facts.user,
        "AuthenticationMethod": "None",
        "ExtendedAuthEnabled": 1,
        "AuthName": facts.user,
        "CertificateType": CERTIFICATE_TYPES[facts.curve],
        "DeadPeerDetectionRate": "Medium",
        "EnablePFS": 1,
        "UseConfigurationAttributeInternalIPSubnet": 0,
        "DisableRedirect": 0,
        "DisableMOBIKE": 0,
        "IKESecurityAssociationParameters": _parameters(facts, REKEY_MINUTES["ike"]),
        "ChildSecurityAssociationParameters": _parameters(facts, REKEY_MINUTES["child"]),
        **_on_demand(facts),
    }
    if facts.curve is not None:
        ikev2["ServerCertificateIssuerCommonName"] = facts.issuer
    inside = {"DNS": _dns(facts)} if facts.dns and not facts.everything and facts.domains else {}
    return {"VPNType": "IKEv2", "IKEv2": ikev2, "IPv4": {"OverridePrimary": int(facts.everything)}, **inside}


def _parameters(facts: Facts, minutes: int) -> dict[str, Any]:
    return {
        "EncryptionAlgorithm": f"AES-{facts.proposal.key_bits}-GCM",
        "IntegrityAlgorithm": f"SHA2-{facts.proposal.hash_bits}",
        "DiffieHellmanGroup": facts.proposal.group,
        "LifeTimeInMinutes": minutes,
    }


def _dns(facts: Facts) -> dict[str, Any]:
    """Names of these domains are asked inside, all others where they were asked before."""
    return {
        "ServerAddresses": [str(each) for each in facts.dns],
        "SupplementalMatchDomains": list(facts.domains),
        "SupplementalMatchDomainsNoSearch": 0,
    }


def _on_demand(facts: Facts) -> dict[str, Any]:
    if facts.on_demand is None:
        return {}
    trusted = list(facts.on_demand.trusted)
    home = [{"Action": "Disconnect", "InterfaceTypeMatch": "WiFi", "SSIDMatch": trusted}] if trusted else []
    return {"OnDemandEnabled": 1, "OnDemandRules": [*home, {"Action": "Connect"}]}


def _cisco(facts: Facts) -> dict[str, Any]:
    """Hybrid authentication: Apple's systems want a shared secret in the profile, which no gateway looks at, and a name
    that ends in "hybrid"."""
    ipsec = {
        "RemoteAddress": facts.gateway,
        "AuthenticationMethod": "SharedSecret",
        "LocalIdentifierType": "KeyID",
        "LocalIdentifier": "lotor[hybrid]",
        "SharedSecret": b"not used in hybrid authentication",
        "XAuthEnabled": 1,
        "XAuthName": facts.user,
        "XAuthPasswordEncryption": "Prompt",
        **_on_demand(facts),
    }
    return {"VPNType": "IPSec", "IPSec": ipsec, "IPv4": {"OverridePrimary": int(facts.everything)}}
