"""What the kernel tells of a process to root: its status, and what is in its memory."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

CHUNK = 1 << 24
STOPS_WITHIN = 30.0


def facts(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}


def alive(pid: int) -> bool:
    """Not one that nobody has reaped yet. Its first thread may be over while another one still holds its files, devices
    and sockets: then it lives."""
    with contextlib.suppress(OSError):
        over = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return not over or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    return False


def await_stopped(pid: int) -> None:
    """After SIGSTOP: until each thread stands still. One that was just woken runs on for a moment on a busy machine."""
    end = time.monotonic() + STOPS_WITHIN
    while not all(map(_stands, Path(f"/proc/{pid}/task").glob("*/stat"))):
        assert time.monotonic() < end, f"process {pid} does not stop"
        time.sleep(0.01)


def _stands(stat: Path) -> bool:
    """One that ended meanwhile moves no more either."""
    with contextlib.suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[0] == "T"
    return True


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
