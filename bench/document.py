"""What the benchmarks write into the documents, each its own section, and the words for this machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PROJECT = Path(__file__).parents[1]
DOCUMENT = PROJECT / "docs" / "performance.md"
PLOTS = DOCUMENT.parent / "plots"
PEERS = ("strongswan-charon", "openvpn", "vpnc", "iperf3")
LABORATORY = DOCUMENT.with_name("laboratory.md")
RELIABILITY = DOCUMENT.with_name("reliability.md")
_SECTION = "<!-- {name}: written by `make {make}` -->\n{text}<!-- {name}: end -->\n"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document, between two marks of its own."""

    name: str
    title: str
    make: str = "bench"


def write(section: Section, text: str, place: Path = DOCUMENT) -> None:
    """Replaces what an earlier run wrote there; a new section stands last."""
    document = place.read_text()
    own = _SECTION.format(name=section.name, make=section.make, text=f"\n## {section.title}\n\n{text}\n")
    old = re.compile(
        re.escape(f"<!-- {section.name}: written") + ".*" + re.escape(f"<!-- {section.name}: end -->\n"), re.DOTALL
    )
    found = old.search(document)
    kept = document[: found.start()] + own + document[found.end() :] if found else document.rstrip() + "\n\n" + own
    place.write_text(kept)


def machine() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = Path("/proc/cpuinfo").read_text().count("processor\t:")
    packages = ", ".join(f"{name} {version(name)}" for name in PEERS)
    of = cpu.group(1) if cpu else platform.machine()
    return f"{cores} cores of {of}, Linux {platform.release()}; {packages}; Python {_python()}"


def _python() -> str:
    """Distributions compile it with a profile of its own work, which many a build from source lacks."""
    origin = "the distribution's" if sys.base_prefix == "/usr" else "another build than the distribution's"
    return f"{platform.python_version()} ({origin})"


def conditions(runs: str) -> str:
    """`runs`: how often and how long it was measured."""
    busy = f"load average over 15 minutes {os.getloadavg()[2]:.1f} (the benchmark alone makes about 2)"
    return f"{busy}; {runs}, {datetime.now(UTC):%Y-%m-%d}."


def version(package: str) -> str:
    if not shutil.which("dpkg-query"):
        return "of this host"
    asked = ("dpkg-query", "--show", "--showformat=${Version}", package)
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout or "of this host"
