"""What the daemon makes of its own values for its engines."""

from __future__ import annotations

from dataclasses import replace

from lotor.model.policy import ChildPolicy, Policy, RemotePolicy
from lotor.ports.esp import Capabilities


def carried(policy: Policy, capabilities: Capabilities) -> Policy:
    """The policy without what this engine cannot do."""
    remotes = tuple(_remote(each, capabilities) for each in policy.remotes)
    return replace(policy, remotes=remotes, child=_child(policy.child, capabilities))


def _remote(remote: RemotePolicy, capabilities: Capabilities) -> RemotePolicy:
    rules = tuple(replace(each, child=_child(each.child, capabilities)) for each in remote.children)
    return replace(remote, children=rules)


def _child(child: ChildPolicy, capabilities: Capabilities) -> ChildPolicy:
    """Where nothing is left of it, it stays as it is: nobody uses it, since one that is used is refused before."""
    compression = tuple(each for each in child.compression if each in capabilities.compressions)
    suites = tuple(each for each in child.suites if each not in capabilities.lacking)
    return replace(child, compression=compression, suites=suites or child.suites)
