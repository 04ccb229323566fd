"""Policies of other programs that lead packets out by ESP: which of them an SA pair of lotor's is to serve. Pure.

A script of racoon's writes such a policy, between the outer addresses of the connection and for its inner ones. The
kernel finds an SA for it by addresses and reqid, so that lotor's SA takes the reqid that the policy names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lotor.hosts.xfrm.entries import OWN_REQIDS, Policy, PolicyId, Sa
from lotor.hosts.xfrm.pair import Pair
from lotor.model.network import Address, lies_in

MOST = 4096
"""Policies. Where another IKE program has more of them, none is served: nobody knows which SA the others find."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy finds an SA by between two addresses: `reqid`, and the number of an xfrm interface, 0 for none."""

    reqid: int
    interface: int

    def of(self, sa: Sa) -> Sa:
        """The same SA for such a policy: no IPComp goes before."""
        led = self.reqid not in OWN_REQIDS
        return replace(sa, reqid=self.reqid, interface=self.interface, led=led, tunnel=True)


class Others:
    """At most `MOST`."""

    def __init__(self) -> None:
        self._all: dict[PolicyId, Policy] = {}
        self._between: dict[tuple[Address, Address], dict[PolicyId, Policy]] = {}
        self.too_many = False
        """Since `clear`."""

    def put(self, policy: Policy) -> bool:
        """Whether SA pairs may have to leave by other terms than before."""
        if self._all.get(policy.selector) == policy:
            return False
        self.drop(policy.selector)
        if len(self._all) >= MOST:
            before, self.too_many = self.too_many, True
            return not before
        self._all[policy.selector] = policy
        self._between.setdefault(outside(policy), {})[policy.selector] = policy
        return True

    def drop(self, selector: PolicyId) -> Policy | None:
        """The one that was there."""
        policy = self._all.pop(selector, None)
        if policy is None:
            return None
        beside = self._between[outside(policy)]
        del beside[selector]
        if not beside:
            del self._between[outside(policy)]
        return policy

    def clear(self) -> None:
        self._all.clear()
        self._between.clear()
        self.too_many = False

    def terms(self, pair: Pair) -> Terms | None:
        """By what it has to leave; None where no policy leads to it, and to nobody else by the same terms: the kernel
        would give it the packets of another client behind the same NAT. Of several it has one already, or takes the
        newest."""
        sa = pair.outbound.sa
        there = self._between.get((sa.source.address, sa.destination.address), {}).values()
        others = {terms_of(each) for each in there if not is_for(each, pair)}
        found = [terms_of(each) for each in there if terms_of(each) not in others]
        has = terms_of(sa)
        return None if self.too_many or not found else has if has in found else found[-1]


def is_for(policy: Policy, pair: Pair) -> bool:
    """Whether it leads nothing to the pair that the pair may not carry. A reqid of lotor's is that of another pair, or
    was."""
    inside = ((local, remote) for local, remote in pair.ends if local.version == policy.source.version)
    fits = any(lies_in(policy.source, local) and lies_in(policy.destination, remote) for local, remote in inside)
    return fits and policy.reqid not in OWN_REQIDS


def terms_of(entry: Policy | Sa) -> Terms:
    """By what a policy finds its SA, or an SA is found."""
    return Terms(entry.reqid, entry.interface)


def outside(policy: Policy) -> tuple[Address, Address]:
    """The outer addresses, from and to, that its packets go between."""
    return policy.tunnel_source, policy.tunnel_destination
