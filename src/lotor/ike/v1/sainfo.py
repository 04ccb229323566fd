"""Which `sainfo` of the configuration protects the traffic between two networks."""

from __future__ import annotations

from lotor.ike import insides
from lotor.ike.children import Selectors
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1.session import V1Session
from lotor.model.policy import ChildPolicy
from lotor.model.reasons.protocol import NoSainfo
from lotor.wire.v1.numbers import NotifyType


def demanded(session: V1Session, networks: Selectors) -> ChildPolicy:
    """For what a peer asks. Raises `PolicyRefusal` where every block is for other networks."""
    found = _fitting(session, networks)
    if found is None:
        raise PolicyRefusal(NoSainfo(str(networks.local), str(networks.remote)), NotifyType.INVALID_ID_INFORMATION)
    return found


def wanted(session: V1Session, networks: Selectors) -> ChildPolicy:
    """For what this end begins. What is agreed already is renewed, also where no block fits any more."""
    return _fitting(session, networks) or session.context.policy.child


def _fitting(session: V1Session, networks: Selectors) -> ChildPolicy | None:
    rules = session.remote.children
    if not rules:
        return session.context.policy.child
    groups = insides.groups(session)
    return next((each.child for each in rules if each.fits(networks.local, networks.remote, groups)), None)
