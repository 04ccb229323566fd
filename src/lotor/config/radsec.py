"""RADIUS over TLS: the files that a configuration names for it, and what OpenSSL makes of them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lotor.config.directories import host_authorities
from lotor.config.file_name import FileName
from lotor.config.problem import Problem
from lotor.config.servers import Radius, RadiusServer, RadiusTls
from lotor.files.private import FileError, read_private, read_public, read_trusted
from lotor.model.secret import Secret

MOST_OCTETS = 40_960
"""Of all files together: they cross in one message, beside the other settings of back ends."""


class TlsFilesError(OSError):
    """The files are not what they should be; `file` is the one to look at."""

    def __init__(self, text: str, file: FileName | None) -> None:
        super().__init__(text)
        self.file = file


def with_files(radius: Radius, servers: Iterable[RadiusServer]) -> tuple[Radius, tuple[Problem, ...]]:
    """With what the files hold that these servers need, and what is wrong with them."""
    found: dict[Path, Secret] = {}
    problems: list[Problem] = []
    used = _used(servers)
    for tls in used:  # keys first: a file that is also named as something else is private all the same
        problems += _read(found, tls.key, read_private)
    for tls in used:
        problems += [*_read(found, tls.authority, read_trusted), *_read(found, tls.certificate, read_public)]
    if not problems:
        problems += [each for tls in used for each in _trial(tls, found)]
    if _octets(found) > MOST_OCTETS:
        text = f"the files of RADIUS over TLS have more than {MOST_OCTETS} octets together: name smaller ones"
        problems.append(Problem.at(radius.places.head, text))
    return replace(radius, files=found), tuple(dict.fromkeys(problems))


def with_rest(radius: Radius) -> Radius:
    """With what can be read for servers of accounts that nobody asks: sessions that began for them may be under way.
    What is wrong with their files is told when they are asked."""
    found, used = dict(radius.files), _used(radius.acct)
    for read, files in (
        (read_private, [each.key for each in used]),
        (read_trusted, [each.authority for each in used]),
        (read_public, [each.certificate for each in used]),
    ):
        for file in files:
            _read(found, file, read)
    return replace(radius, files=found) if _octets(found) <= MOST_OCTETS else radius


def files_for(servers: Iterable[RadiusServer], files: Mapping[Path, Secret]) -> dict[Path, Secret]:
    """Those of them that these servers need."""
    named = (each for tls in _used(servers) for each in (tls.authority, tls.certificate, tls.key))
    return {each.path: files[each.path] for each in named if each is not None and each.path in files}


def context_of(tls: RadiusTls, files: Mapping[Path, Secret]) -> ssl.SSLContext:
    """For a client that compares names. Raises `TlsFilesError`."""
    context = _own(tls, files)
    if tls.authority is None:
        try:
            context.load_verify_locations(cafile=host_authorities())
        except OSError as fault:
            raise TlsFilesError(f"the authorities that this host trusts cannot be used: {fault}", None) from None
    return context


def _own(tls: RadiusTls, files: Mapping[Path, Secret]) -> ssl.SSLContext:
    """As far as the configuration names files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.authority is not None:
        _trust(context, tls.authority, files)
    if tls.certificate is not None and tls.key is not None:
        _prove(context, tls.certificate, tls.key, files)
    return context


def _trust(context: ssl.SSLContext, authority: FileName, files: Mapping[Path, Secret]) -> None:
    try:
        context.load_verify_locations(cadata=files[authority.path].reveal().decode("ascii", "replace"))
    except KeyError:
        raise _unread(authority) from None
    except (OSError, ValueError):
        raise TlsFilesError(f"{authority.path} holds no certificates in PEM that could be read", authority) from None


def _prove(context: ssl.SSLContext, certificate: FileName, key: FileName, files: Mapping[Path, Secret]) -> None:
    """OpenSSL takes names of files alone: those of two pipes, since the process has no files."""
    try:
        with _piped(files[certificate.path]) as chain, _piped(files[key.path]) as private:
            context.load_cert_chain(chain, private, password=lambda: b"")
    except KeyError:
        raise _unread(key) from None
    except OSError:  # of a pipe OpenSSL tells nothing but that it cannot seek
        text = f"{certificate.path} and {key.path} are no certificate and its own key in PEM, without a passphrase"
        raise TlsFilesError(text, key) from None


def _unread(file: FileName) -> TlsFilesError:
    return TlsFilesError(f"{file.path}, or a file beside it, was not read when the configuration was", file)


@contextmanager
def _piped(content: Secret) -> Iterator[str]:
    reads, writes = os.pipe()
    try:
        try:
            os.set_blocking(writes, False)
            if os.write(writes, content.reveal()) != len(content):
                raise OSError("it has no room in a pipe")
        finally:
            os.close(writes)
        yield f"/proc/self/fd/{reads}"
    finally:
        os.close(reads)


def _used(servers: Iterable[RadiusServer]) -> list[RadiusTls]:
    return [each.tls for each in servers if each.tls is not None]


def _octets(files: Mapping[Path, Secret]) -> int:
    return sum(map(len, files.values()))


def _read(found: dict[Path, Secret], file: FileName | None, read: Callable[[Path], bytes]) -> list[Problem]:
    if file is None or file.path in found:
        return []
    try:
        found[file.path] = Secret(read(file.path))
    except FileError as fault:
        return [Problem.at(file.at, str(fault))]
    return []


def _trial(tls: RadiusTls, files: Mapping[Path, Secret]) -> list[Problem]:
    try:
        _own(tls, files)
    except TlsFilesError as fault:
        return [Problem.at(fault.file.at, str(fault))] if fault.file is not None else []
    return []
