"""The reason for which an SA pair ends, by the cause that its engine tells."""

from __future__ import annotations

from collections.abc import Mapping

from lotor.model.reason import Reason
from lotor.model.reasons import ends
from lotor.ports.esp import Ending

REASONS: Mapping[Ending, Reason] = {
    Ending.LIFETIME: ends.ChildExpired(),
    Ending.TAKEN_AWAY: ends.ChildTakenAway(),
    Ending.LEFT_BEHIND: ends.ChildLeftBehind(),
}
