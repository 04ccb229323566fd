"""What the daemon makes of its own values for its engines."""

from __future__ import annotations

from dataclasses import replace

from lotor.model.policy import Policy
from lotor.ports.esp import Capabilities


def carried(policy: Policy, capabilities: Capabilities) -> Policy:
    """The policy without what this engine cannot do."""
    compression = tuple(each for each in policy.child.compression if each in capabilities.compressions)
    return replace(policy, child=replace(policy.child, compression=compression))
