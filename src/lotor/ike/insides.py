"""What a peer has inside the tunnel: no network is given to two, or one would get what is meant for the other."""

from __future__ import annotations

from ipaddress import ip_network

from lotor.ike.events import Configured
from lotor.ike.session import Session
from lotor.model.configuration import ModeConfiguration
from lotor.model.reasons.ends import InsideGiven


def give(session: Session, configuration: ModeConfiguration) -> None:
    """Gateway: an address was given. If a peer brought that address itself, before a reload that began to give
    addresses, its session ends."""
    for address in configuration.addresses:
        holder = session.registry.holder(session, ip_network(address))
        if holder is not None and holder.inner.configuration is None:
            session.registry.replace((holder,), InsideGiven(address), send_deletes=True)
    session.inner.configuration = configuration
    session.registry.housed(session)


def may_have_gone(holder: Session, session: Session) -> bool:
    """Whether to probe the holder. A holder that was given its address keeps it. So does one that answers no probes,
    unless it has the identity of the new peer."""
    if holder.inner.configuration is not None or holder.proved is None or session.proved is None:
        return False
    return holder.proved.probed or holder.proved.identity == session.proved.identity


def tell(session: Session, configuration: ModeConfiguration) -> None:
    """Emits, once, that the client has an address."""
    session.inner.told = True
    session.context.tell(Configured(session.id, session.user, str(configuration.address), configuration))


def groups(session: Session) -> frozenset[str]:
    """Those of the peer's user: what came with the login, and those of the gateway's host."""
    given = session.inner.configuration
    return session.grants.groups | given.groups if given is not None else session.grants.groups
