"""Authorities and revocation lists for a daemon: the files that the configurations in force name as such, no others.

What leaves of a file are its certificates, or its revocation lists, whoever may read it: of a link to a key, or of a
file with a key beside the certificate, a daemon gets no octet of the key.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lotor.config.settings import Settings
from lotor.files.public import LOCAL_FILES, Content, Kind, Stamp, Unreadable, fits, listed, names
from lotor.model.text import clean
from lotor.ports.public_files import PublicFiles
from lotor.privsep.configuring import (
    INLINE,
    LONGEST_PATH,
    PAGE,
    PUBLIC_FILE,
    PUBLIC_FILES,
    Contents,
    Page,
    Sealed,
    Wanted,
)
from lotor.privsep.frames import close
from lotor.privsep.sealed import seal
from lotor.privsep.serving import Denied, Handler, Reply

MOST_KEPT = 32
"""Files that are too large for an answer: each is kept in memory once, for as long as it does not change."""
BLOCKS = {
    Kind.CERTIFICATES: re.compile(rb"-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*(?:-----END \1-----)?"),
    Kind.LISTS: re.compile(rb"-----BEGIN (X509 CRL)-----[^-]*(?:-----END \1-----)?"),
}
SEQUENCE, BIT_STRING = 0x30, 0x03
INDEFINITE, LENGTH_OCTETS = 0x80, 4
SIGNED = [SEQUENCE, SEQUENCE, BIT_STRING]
"""What a certificate and a list are made of (RFC 5280 §4.1, §5.1), and no form of a private key or a password is."""


class Handouts:
    """`settings` are the configurations in force: the present one and, during a reload, the next. Files are read one
    after the other, in a thread."""

    def __init__(self, settings: Callable[[], Iterable[Settings]], files: PublicFiles = LOCAL_FILES) -> None:
        self._settings = settings
        self._files = files
        self._thread = ThreadPoolExecutor(1, "lotor-files")
        self._kept: dict[tuple[Path, Kind], _Kept] = {}

    def close(self) -> None:
        """Waits for the file that is being read."""
        self._thread.shutdown(cancel_futures=True)
        close(each.descriptor for each in self._kept.values())
        self._kept.clear()

    async def read(self, wanted: Wanted) -> Reply:
        if not self._is_named(wanted.path, wanted.kind):
            raise Denied(f"no configuration names {wanted.path} for its {wanted.kind.value}")
        return await self._beside(lambda: self._read(wanted))

    async def listing(self, contents: Contents) -> Reply:
        if contents.directory not in self._directories():
            raise Denied(f"no configuration has its certificates in {contents.directory}")
        return await self._beside(lambda: _page(contents))

    async def _beside(self, action: Callable[[], Reply]) -> Reply:
        """Runs in a thread. A result that nobody waits for any more is closed."""
        work = self._thread.submit(action)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            work.add_done_callback(_close)
            raise

    def _is_named(self, path: Path, kind: Kind) -> bool:
        """Whether the configuration has exactly this name: one with `..` is another."""
        named = any(path in _named(settings, kind) for settings in self._settings())
        return named or (fits(path.name, kind) and path.parent in self._directories())

    def _directories(self) -> set[Path]:
        return {each.paths.certificate.path for each in self._settings() if each.paths.certificate}

    def _read(self, wanted: Wanted) -> Reply:
        kept = self._kept.get((wanted.path, wanted.kind))
        found = self._files.read(wanted.path, wanted.kind, kept.stamp if kept else wanted.known)
        match found:
            case Content(stamp=stamp, octets=octets):
                return self._reply(wanted, stamp, public_part(octets, wanted.kind))
            case Unreadable(why=why, stamp=stamp):
                return Reply(Unreadable(clean(why, longest=2 * LONGEST_PATH), stamp))
        if kept is None or kept.stamp == wanted.known:
            return Reply(None)
        return Reply(Sealed(kept.stamp), (os.dup(kept.descriptor),))

    def _reply(self, wanted: Wanted, stamp: Stamp, octets: bytes) -> Reply:
        if len(octets) <= INLINE:
            return Reply(Content(stamp, octets))
        kept = _Kept(stamp, seal(octets))
        self._forget((wanted.path, wanted.kind))
        if len(self._kept) >= MOST_KEPT:
            self._forget(next(iter(self._kept)))
        self._kept[wanted.path, wanted.kind] = kept
        return Reply(Sealed(stamp), (os.dup(kept.descriptor),))

    def _forget(self, file: tuple[Path, Kind]) -> None:
        if (kept := self._kept.pop(file, None)) is not None:
            os.close(kept.descriptor)


def rows(handouts: Handouts) -> dict[int, Handler]:
    """Handlers by the number of the verb."""
    return {PUBLIC_FILE.number: handouts.read, PUBLIC_FILES.number: handouts.listing}


def public_part(octets: bytes, kind: Kind) -> bytes:
    """The blocks of PEM that are of the kind, also broken ones, so that the parser reports what is wrong; or the
    whole of a file in DER that is signed as certificates and lists are. Nothing of any other file."""
    if b"-----BEGIN" in octets:
        return b"\n".join(match.group() for match in BLOCKS[kind].finditer(octets))
    return octets if _is_signed(octets) else b""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: Stamp
    descriptor: int


def _named(settings: Settings, kind: Kind) -> Iterator[Path]:
    for remote in settings.remotes:
        files = remote.crl if kind is Kind.LISTS else (remote.ca, remote.peers_certfile)
        yield from (each.path for each in files if each)


def _page(contents: Contents) -> Reply:
    after = os.fsdecode(contents.after)
    left = [name for name in names(contents.directory, contents.kind) if name > after]
    files = tuple((os.fsencode(name), listed(contents.directory, name).stamp) for name in left[:PAGE])
    return Reply(Page(files, len(left) > PAGE))


def _close(work: Future[Reply]) -> None:
    if not work.cancelled() and work.exception() is None:
        close(work.result().descriptors)


def _is_signed(octets: bytes) -> bool:
    """Of ASN.1 only what stands around: the parser is another process."""
    (tag, begin), *others = islice(_elements(octets, 0), 2)
    inside = islice(_elements(octets, begin), len(SIGNED) + 1)
    return tag == SEQUENCE and not others and [each for each, _ in inside] == SIGNED


def _elements(octets: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Tags of the elements from `at` on, and where their contents begin (X.690 §8.1); last one of tag 0 where there is
    none that fits."""
    while len(octets) > at + 1:
        size = octets[at + 1]
        more = size & 0x7F if size & 0x80 else 0
        begin = at + 2 + more
        end = begin + (int.from_bytes(octets[at + 2 : begin], "big") if more else size)
        if size == INDEFINITE or more > LENGTH_OCTETS or end > len(octets):
            break
        yield octets[at], begin
        at = end
    if at < len(octets) or not octets:
        yield 0, len(octets)
