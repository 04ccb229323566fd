"""A session of IKEv2: what its exchanges share, in addition to what every session has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lotor.ike.errors import Misplaced
from lotor.ike.session import Session
from lotor.ike.v2.sa import Abilities, IkeSa
from lotor.model.policy import RemotePolicy, V2Policy
from lotor.model.reason import Reason


@dataclass(slots=True, eq=False)
class V2Session(Session):
    """`sa`: None until IKE_SA_INIT is done. `abilities`: what the peer announced. `candidates`: the blocks that may
    serve a stranger. `refused`: why the login or the proof failed, kept until the peer knows it."""

    VERSION: ClassVar[int] = 2

    sa: IkeSa | None = None
    abilities: Abilities = field(default_factory=Abilities)
    candidates: tuple[RemotePolicy, ...] = ()
    refused: Reason | None = None

    @property
    def ike_sa(self) -> IkeSa:
        """What IKE_SA_INIT agreed on. `Misplaced` before that."""
        if self.sa is None:
            raise Misplaced("IKE_SA_INIT is not done")
        return self.sa

    @property
    def terms(self) -> V2Policy:
        """What the block says for IKEv2. `Misplaced` for a block that does not speak it."""
        if self.remote.v2 is None:
            raise Misplaced(f"{self.remote.name} does not speak IKEv2")
        return self.remote.v2
