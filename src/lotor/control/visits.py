"""Where each `lotor connect` that runs without a daemon has its control socket, and who finds them there."""

from __future__ import annotations

from pathlib import Path

from lotor.control.client import Connection, Unreachable

STATE = Path("/run/lotor")
PATTERN = "connect-*.sock"


def socket_of(process: int, state: Path = STATE) -> Path:
    return state / PATTERN.replace("*", str(process))


def answering(state: Path = STATE) -> list[Path]:
    """The sockets at which a `lotor connect` answers this caller."""
    return [each for each in sorted(state.glob(PATTERN)) if _answers(each)]


def silent(state: Path = STATE) -> list[Path]:
    """Sockets that nobody listens on: their process was killed."""
    return [each for each in sorted(state.glob(PATTERN)) if not _answers(each)]


def _answers(path: Path) -> bool:
    try:
        with Connection(path):
            return True
    except Unreachable:
        return False
