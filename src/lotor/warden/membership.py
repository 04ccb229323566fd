"""What this gateway is in its fleet: its name, its seat, which lies on its disk, and this run of the program."""

from __future__ import annotations

import os
import re
import secrets
import socket
from pathlib import Path

from lotor.config.settings import Settings
from lotor.model.member import Member

SEAT = re.compile(r"[0-9a-f]{32}")
LONGEST_NAME = 63


def member_of(settings: Settings) -> Member | None:
    """None where the gateway stands alone. The seat is made where there is none. Raises `OSError`."""
    if settings.fleet is None or settings.store is None:
        return None
    name = settings.fleet_name or own_name()
    return Member(name, seat_in(seat_file(settings.store.path)), secrets.token_hex(16), settings.lease_time)


def own_name() -> str:
    """The name of the host, of letters that any fleet_name may have."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("-._")[:LONGEST_NAME] or "gateway"


def seat_file(store: Path) -> Path:
    """Beside the store: whoever copies neither is another gateway."""
    return store.with_name(f"{store.name}.seat")


def seat_in(file: Path) -> str:
    """The seat that the file holds, which is made in one go: a program that is killed leaves none or a whole one.
    Raises `OSError` with a whole sentence."""
    try:
        return _read(file) or _made(file)
    except OSError as error:
        text = f"{file}, by which a fleet knows this gateway, cannot be written: {error.strerror or error}"
        raise OSError(error.errno, text) from error


def _read(file: Path) -> str:
    """Empty where there is none. What is no seat is an error: nobody guesses whose file it was."""
    try:
        with file.open("rb") as stream:
            text = stream.read(64).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    if not SEAT.fullmatch(text):
        raise OSError(None, "it holds no seat: remove it")
    return text


def _made(file: Path) -> str:
    seat, fresh = secrets.token_hex(16), file.with_name(f"{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{seat}\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    return seat
