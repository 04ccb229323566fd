"""Whether the kernel can carry ESP where the configuration wants it to: its modules, and who keeps them out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.reading import text_of
from lotor.doctor.subject import Subject
from lotor.doctor.tun import MODULES, module_in
from lotor.hosts.xfrm.offload import hindrance
from lotor.model.engines import EngineWish, Wanted
from lotor.model.frozen import frozen

LOADED = Path("/proc/modules")
RULES = tuple(Path(f"/{place}/modprobe.d") for place in ("etc", "run", "usr/local/lib", "usr/lib", "lib"))
"""Where modprobe looks (modprobe.d(5)), the first one first: a file hides others of its name behind it."""
NEEDED = ("xfrm_user", "esp4")
INTERFACE = "xfrm_interface"
OFFLOADING = "esp4_offload"
OF_INTEREST = (*NEEDED, INTERFACE, OFFLOADING)
NOTHING = {"/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true", "/sbin/nologin", ":"}
USERSPACE = "engine userspace;   # in racoon.conf"


@frozen
class Block:
    """A line that keeps a module from being loaded."""

    module: str
    file: Path
    line: int
    text: str


@frozen
class Esp:
    """`loaded`, or can be: `available`; None where the modules of this kernel are not here, as in a container.
    `hindrance`: why the device of `esp_offload` takes nothing, empty where it does."""

    wanted: Wanted
    loaded: frozenset[str]
    available: frozenset[str] | None
    blocked: tuple[Block, ...]
    hindrance: str = ""


def look(subject: Subject) -> Esp:
    wanted = subject.settings.engine if subject.settings else Wanted()
    directory = MODULES / os.uname().release
    there = frozenset(each for each in OF_INTEREST if module_in(directory, each)) if directory.is_dir() else None
    hindered = hindrance(wanted.offload) if wanted.asks_kernel and wanted.offload else ""
    return Esp(wanted, loaded_in(text_of(LOADED)), there, tuple(blocked_by(RULES)), hindered)


def loaded_in(modules: str) -> frozenset[str]:
    """Of /proc/modules: a name begins each line."""
    return frozenset(line.split()[0] for line in modules.splitlines() if line) & set(OF_INTEREST)


def blocked_by(directories: Iterable[Path]) -> Iterator[Block]:
    """By `blacklist`, which counts where the kernel asks for a module, or by `install` of what does nothing."""
    files: dict[str, Path] = {}
    for file in chain.from_iterable(sorted(each.glob("*.conf")) for each in directories):
        files.setdefault(file.name, file)
    for file in files.values():
        for number, line in enumerate(text_of(file).splitlines(), 1):
            match line.split():
                case ["blacklist", name, *_]:
                    pass
                case ["install", name, program, *_] if program in NOTHING:
                    pass
                case _:
                    continue
            module = name.replace("-", "_")
            if module in OF_INTEREST:
                yield Block(module, file, number, " ".join(line.split()))


def judge(esp: Esp) -> Iterator[Finding]:
    """Nothing where nobody asks for the kernel's engine."""
    if not esp.wanted.asks_kernel:
        return
    found = list(_lacking(esp))
    yield from found
    if not found and esp.available is None and not esp.loaded.issuperset(NEEDED):
        yield unknown("the modules of this kernel are not here: whether it has ESP shows when lotor starts")
    elif not found:
        yield ok("the kernel has ESP (esp4)")
        yield from _interface(esp)
        yield from _offload(esp)


def _lacking(esp: Esp) -> Iterator[Finding]:
    grave, then = (
        (wrong, "lotor does not start")
        if esp.wanted.wish is EngineWish.KERNEL
        else (warn, "lotor carries ESP in user space instead")
    )
    for module in NEEDED:
        if module in esp.loaded:
            continue
        if block := _block_of(esp, module):
            text = f"{block.file}:{block.line} keeps {module} from being loaded ({block.text}): {then}"
            yield grave(text, *_unblocked(block), f"{USERSPACE}, if it is kept out on purpose")
        elif esp.available is not None and module not in esp.available:
            yield grave(f"this kernel has no module {module}, nor ESP without one: {then}", USERSPACE)


def _offload(esp: Esp) -> Iterator[Finding]:
    device, then = esp.wanted.offload, "the kernel does the cryptography itself"
    if esp.hindrance:
        yield warn(f"esp_offload {device}: {esp.hindrance}; {then}")
    elif device and esp.available is not None and OFFLOADING not in esp.available:
        yield warn(f"esp_offload {device}: this kernel has no module {OFFLOADING}; {then}")
    elif device:
        yield ok(f"{device} does cryptography of ESP (esp-hw-offload): of native ESP, with the suites that it takes")


def _interface(esp: Esp) -> Iterator[Finding]:
    then = "policies lead packets into the tunnels, which see all packets of this host (docs/kernel.md)"
    if INTERFACE in esp.loaded:
        return
    if block := _block_of(esp, INTERFACE):
        yield warn(f"{block.file}:{block.line} keeps {INTERFACE} from being loaded: {then}", *_unblocked(block))
    elif esp.available is not None and INTERFACE not in esp.available:
        yield warn(f"this kernel has no xfrm interfaces: {then}")


def _block_of(esp: Esp, module: str) -> Block | None:
    return next((each for each in esp.blocked if each.module == module), None)


def _unblocked(block: Block) -> tuple[str, str]:
    return f"sed -i '{block.line}s/^/# /' {shlex.quote(str(block.file))}", f"modprobe {block.module}"
