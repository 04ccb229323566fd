"""The way to the database: its addresses, TLS, and what a connection of lotor's is like at the server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from lotor.config.database import MISSING
from lotor.config.directories import host_authorities
from lotor.config.servers import DatabaseTls, FleetSettings
from lotor.fleet.guarding import GuardedLoop
from lotor.names.whereabouts import LookUp, Whereabouts

Connection = Any
"""One of asyncpg, which has no types."""

CONNECTS_WITHIN = 3.0
"""Seconds for all of it: TCP, TLS and the login."""
MOST_TRIED = 3
"""Addresses of one name."""
_AT_THE_SERVER = {
    "search_path": "",  # every name of ours says its schema: nobody puts another table before it
    "statement_timeout": "4000",
    "lock_timeout": "3000",
    "idle_in_transaction_session_timeout": "5000",  # a gateway that is stopped holds nobody up
    "tcp_keepalives_idle": "30",  # one that is gone leaves no connection behind
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "jit": "off",
    "client_min_messages": "error",
}


class Way:
    """To one database. `connect` raises what asyncpg and the system do: `faults.told` makes sentences of it."""

    def __init__(self, settings: FleetSettings, name: str, look_up: LookUp) -> None:
        self.settings = settings
        self._named = {**_AT_THE_SERVER, "application_name": _application(name)}
        self._place = None if settings.host.startswith("/") else Whereabouts(settings.host, look_up)
        self._context: ssl.SSLContext | None = None

    async def connect(self) -> Connection:
        """Within `CONNECTS_WITHIN` seconds."""
        dial = driver()
        async with asyncio.timeout(CONNECTS_WITHIN):
            context = await self._trust()
            hosts = [self.settings.host] if self._place is None else (await self._place.addresses())[:MOST_TRIED]
            return await self._first(hosts, lambda host: self._dial(dial, host, context))

    def close(self) -> None:
        if self._place is not None:
            self._place.close()

    async def _first(self, hosts: list[str], dial: Callable[[str], Awaitable[Connection]]) -> Connection:
        """Of several addresses each gets its share of the time."""
        for tried, host in enumerate(hosts, start=1):
            try:
                async with asyncio.timeout(CONNECTS_WITHIN / len(hosts)):
                    return await dial(host)
            except (OSError, TimeoutError):
                if self._place is not None:
                    self._place.moved()
                if tried == len(hosts):
                    raise
        raise OSError("there is no address")

    async def _dial(self, dial: Callable[..., Awaitable[Connection]], host: str, context: ssl.SSLContext | None) -> Any:
        """Everything is said here, so that nothing of the environment or of a home directory counts."""
        settings, loop = self.settings, guarded_loop()
        return await dial(
            host=host,
            port=settings.port,
            user=settings.user,
            password=settings.password.reveal().decode("utf-8", "surrogateescape") if settings.password else "",
            database=settings.database,
            ssl=context or False,
            direct_tls=False,
            server_settings=self._named,
            target_session_attrs="any",
            krbsrvname="postgres",
            gsslib="gssapi",
            command_timeout=None,
            loop=loop,
            statement_cache_size=0,  # so that the types of the rows that come are those described last
        )

    async def _trust(self) -> ssl.SSLContext | None:
        if self.settings.tls is not DatabaseTls.OFF and self._context is None:
            self._context = await asyncio.to_thread(_context, self.settings)
        return self._context


class _Named(ssl.SSLContext):
    """Certificates are compared with the name that was configured, though an address of it is dialled."""

    name = ""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return super().wrap_bio(*args, **{**options, "server_hostname": self.name})


def driver() -> Callable[..., Awaitable[Connection]]:
    """`asyncpg.connect`. Raises `OSError` where it is not installed."""
    try:
        import asyncpg
    except ImportError:
        raise OSError(MISSING) from None
    return asyncpg.connect  # type: ignore[no-any-return]


def guarded_loop() -> GuardedLoop:
    from asyncpg.protocol import Protocol

    return GuardedLoop(Protocol)


def _context(settings: FleetSettings) -> ssl.SSLContext:
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.name = settings.host
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.tls is DatabaseTls.FULL
    if settings.tls is DatabaseTls.UNPROVED:
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if settings.authorities:
            context.load_verify_locations(cadata=settings.authorities)
        else:
            context.load_verify_locations(cafile=host_authorities())
    except (OSError, ValueError) as fault:
        raise OSError(f"the authorities of the fleet's database cannot be used: {fault}") from None
    return context


def _application(name: str) -> str:
    """What pg_stat_activity shows: at most 63 octets of ASCII."""
    return f"lotor {name}".encode("ascii", "replace").decode()[:63]
