"""Whose signatures under the certificates of directory servers count."""

from __future__ import annotations

import ssl

from lotor.config.directories import encrypted, host_authorities
from lotor.config.settings import Ldap
from lotor.ldap.connection import DirectoryError


def context_of(settings: Ldap) -> ssl.SSLContext | None:
    """None where every server is reached in clear. Settings without authorities: those of the host. The names of
    certificates are compared, too. Raises `DirectoryError`."""
    if not any(encrypted(settings, each) for each in settings.servers):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if settings.authorities:
            context.load_verify_locations(cadata=settings.authorities)
        else:
            context.load_verify_locations(cafile=host_authorities())
    except (OSError, ValueError) as fault:
        raise DirectoryError(f"the authorities of LDAP servers cannot be used: {fault}") from None
    return context
