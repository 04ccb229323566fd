"""Whose signatures under the certificates of directory servers count."""

from __future__ import annotations

import asyncio
import ssl

from lotor.config.directories import host_authorities


class Trust:
    """`authorities` is PEM; empty: those of the host, which OpenSSL reads for a quarter of a second, and so in a thread
    and when they are needed. Names of certificates are compared, too."""

    def __init__(self, authorities: str) -> None:
        self._authorities = authorities
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """Raises `OSError` where the authorities cannot be used."""
        if self._context is None:
            self._context = await asyncio.to_thread(_context, self._authorities)
        return self._context


def _context(authorities: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if authorities:
            context.load_verify_locations(cadata=authorities)
        else:
            context.load_verify_locations(cafile=host_authorities())
    except (OSError, ValueError) as fault:
        raise OSError(f"the authorities of LDAP servers cannot be used: {fault}") from None
    return context
