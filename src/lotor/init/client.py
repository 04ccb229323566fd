"""The plan of a client: the gateway's authority, a configuration for `lotor connect`, the service."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from lotor.auth.users import UserError, check_name
from lotor.crypto.certificates import CertificateError, read_certificates
from lotor.daemon.exits import Exit, StartError
from lotor.files import writing
from lotor.init import service
from lotor.init.answers import ClientWishes
from lotor.init.carrying import Plan
from lotor.init.configuration import CERTIFICATES, CONFIGURATION, SHARED_KEYS, client_text
from lotor.init.host import Target
from lotor.init.steps import Step, directories, file
from lotor.keys.saved import EVERYBODY as EVERYBODYS_LINE
from lotor.keys.saved import HEX_MARK
from lotor.model.text import domain_name
from lotor.pki.authority import CA_CERTIFICATE

ANYBODY = "anonymous"
"""For a gateway with a name: its address may change."""


def plan(wishes: ClientWishes, target: Target) -> Plan:
    """Nothing is written. Raises `StartError`."""
    _demand_authority(wishes.authority)
    text = client_text(wishes, _remote(wishes.gateway)).encode()
    files: list[Step] = [
        *directories(target, str(Path(CONFIGURATION).parent), CERTIFICATES),
        file(target, f"{CERTIFICATES}/{CA_CERTIFICATE}", wishes.authority, "the authority of the gateway"),
        file(target, CONFIGURATION, text, "the configuration"),
        *_password(wishes, target),
    ]
    return Plan(
        wishes.what(),
        tuple(files),
        tuple(service.acts(target, service.CLIENT)),
        tuple(service.remarks(target, service.CLIENT)),
    )


def _remote(gateway: str) -> str:
    try:
        return str(ip_address(gateway))
    except ValueError:
        pass
    if domain_name(gateway) is None:
        raise StartError(f"'{gateway}' is neither a host name nor an address", Exit.USAGE)
    return ANYBODY


def _demand_authority(pem: bytes) -> None:
    try:
        found = read_certificates(pem)
    except CertificateError as fault:
        raise StartError(f"the file of --ca cannot be used: {fault}", Exit.CERTIFICATE) from None
    if not found[0].authority:
        raise StartError(
            f"the file of --ca is the certificate of '{found[0].subject}', which is no authority: take the gateway's "
            "ca.crt",
            Exit.CERTIFICATE,
        )


def _password(wishes: ClientWishes, target: Target) -> list[Step]:
    user, password = wishes.user, wishes.password
    try:
        if user:
            check_name(user)
    except UserError as fault:
        raise StartError(str(fault), Exit.USAGE) from None
    if '"' in user:
        raise StartError("the configuration cannot name a user with a quotation mark: leave --user out", Exit.USAGE)
    if password is None:
        return []
    if not password or user in {"", EVERYBODYS_LINE.decode()} or len(user.split()) > 1:
        raise StartError("a password can be kept for a user whose name is one word: give --user", Exit.USAGE)
    line = f"{user} ".encode() + _written(password.reveal()) + b"\n"
    return [file(target, SHARED_KEYS, line, f"the password of {user}", writing.PRIVATE)]


def _written(password: bytes) -> bytes:
    """As psk.txt has it: in hexadecimal where it would be read as something else."""
    ambiguous = password.startswith(HEX_MARK) or password != password.strip()
    return HEX_MARK + password.hex().encode() if ambiguous else password
