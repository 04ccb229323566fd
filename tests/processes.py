"""What the kernel tells of a process to root: its status, and what is in its memory."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

CHUNK = 1 << 24


def facts(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}


def alive(pid: int) -> bool:
    """Not one that nobody has reaped yet."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def found_in(pid: int, wanted: list[bytes]) -> set[bytes]:
    """Of these octets, which are anywhere in the memory that the process may read."""
    pattern = re.compile(b"|".join(map(re.escape, wanted)))
    found = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in areas(pid):
            octets = read(memory, start, end)
            found |= set(pattern.findall(octets))
    return found


def areas(pid: int) -> list[tuple[int, int]]:
    lines = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    wanted = [line[0].split("-") for line in lines if "r" in line[1] and line[-1] not in {"[vvar]", "[vsyscall]"}]
    return [(int(start, 16), int(end, 16)) for start, end in wanted]


def read(memory, start: int, end: int) -> bytes:
    """As far as there is something behind the addresses."""
    octets = bytearray()
    memory.seek(start)
    while start + len(octets) < end:
        try:
            more = memory.read(min(CHUNK, end - start - len(octets)))
        except OSError:
            break
        if not more:
            break
        octets += more
    return bytes(octets)
