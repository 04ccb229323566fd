"""What a process without rights needs to know of a configuration that another one loaded: nothing in it is secret.

The warden makes it (`warden/loading`), and it crosses to the daemon in the codec's form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from lotor.config.check import Checked
from lotor.config.problem import LONGEST_LINE, Location
from lotor.config.settings import Places, RemoteSettings, Settings
from lotor.model.algorithms import EspSuite
from lotor.model.frozen import frozen
from lotor.model.judgement import Credential

T = TypeVar("T")


@frozen
class Provision:
    """`settings` and `keyids` of a configuration without problems. `settings` are `bare`. `credentials`: the public
    part of the keys of each block, by its name. `banner`: the octets of its file, `group_banners` those of groups with
    one of their own. `takes_ipv6`: whether a TUN device may have IPv6 addresses on this host. `warnings` are ready to
    be read. `lacking`: suites that it names and the kernel lacks, where the kernel carried ESP as it was read."""

    settings: Settings
    keyids: Mapping[Path, bytes]
    credentials: Mapping[str, Credential]
    banner: bytes = b""
    group_banners: Mapping[str, bytes] = field(default_factory=dict)
    takes_ipv6: bool = True
    warnings: tuple[str, ...] = ()
    lacking: frozenset[EspSuite] = frozenset()

    @property
    def checked(self) -> Checked:
        return Checked(self.settings, (), self.settings.remotes, self.keyids)


def bare(settings: Settings) -> Settings:
    """Without the servers that know of logins and of the fleet, their passwords, the host's network, and what other
    lines of the files say. Where something stands remains; at the head of a `remote` block, its line does too: there a
    fault of its authorities is told."""
    remotes = tuple(replace(_bare(each), places=Places(_shown(each))) for each in settings.remotes)
    without = replace(settings, network=None, radius=None, ldap=None, fleet=None, remotes=(), reservations=())
    return replace(_bare(without), remotes=remotes)


def bare_of(value: T) -> T:
    """A part of the settings without lines of the files, its passwords included."""
    return _bare(value)


def lines_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Warnings that may cross."""
    return tuple(map(_text, texts))


def _bare(value: T) -> T:
    """The same without lines of the files, and with texts that any process can write."""
    return _of(value)  # type: ignore[no-any-return]  # part by part the type stays


def _of(value: Any) -> Any:
    match value:
        case Places():
            return Places(_of(value.head))
        case Location():
            return Location(_text(value.path), value.line, value.column)
        case str():
            return _text(value)
        case tuple():
            return tuple(map(_of, value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: _of(getattr(value, each.name)) for each in fields(value)})
        case _:
            return value


def _shown(remote: RemoteSettings) -> Location:
    """The head of a block. A long line stays behind: a file may be one line, and have a thousand blocks."""
    head = remote.places.head
    line = head.source_line if len(head.source_line) <= LONGEST_LINE else ""
    return Location(_text(head.path), head.line, head.column, _text(line))


def _text(text: str) -> str:
    """Octets that are no UTF-8, which names of files and comments may have, become question marks."""
    return text.encode("utf-8", "replace").decode()
