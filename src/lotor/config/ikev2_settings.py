"""What a `remote` block says of IKEv2, beside the words that it shares with IKEv1."""

from __future__ import annotations

from dataclasses import field

from lotor.config.problem import NOWHERE, Location
from lotor.model.algorithms import Ike2Suite
from lotor.model.frozen import frozen


@frozen
class Ike2Proposal:
    """One `ike2_proposal`. `suite` None: those of the default, or none where a word of the line is `refused`."""

    suite: Ike2Suite | None
    refused: bool = field(default=False, repr=False)
    at: Location = field(default=NOWHERE, compare=False, repr=False)
