"""A configuration with mistakes in its text: the readable parts are checked too, so that one run reports every problem.

A block with a mistake in it is left out, and so is whatever another block could have said about it: every problem that
is reported here remains when the mistakes are corrected.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from lotor.config.blocks import Statement
from lotor.config.check import check_blocks
from lotor.config.files import NamedFiles
from lotor.config.inherit import Heir
from lotor.config.interpret import Body
from lotor.config.methods import side_of
from lotor.config.problem import Location, Problem
from lotor.config.settings import RemoteSettings
from lotor.config.words import Reading
from lotor.model.frozen import frozen
from lotor.model.policy import Side


@frozen
class Draft:
    """What was read: the body of the file, its `remote` blocks, and all problems so far."""

    body: Body
    heirs: Sequence[Heir]
    statements: Sequence[Statement]
    reading: Reading

    def beside(self) -> list[Problem]:
        """What is wrong beside the mistakes of the text: with blocks that could be read, and with files. Where mistakes
        go untold nobody knows which blocks have none."""
        if self.reading.full:
            return []
        sound = self._sound()
        remotes = tuple(each.settings() for each in self.heirs if all(map(sound.whole, (each.body, *each.line))))
        sainfos = [each.whole() for each in self._blocks("sainfos") if sound.whole(each)]
        found = [*check_blocks(remotes, sainfos), *self.reading.reservations, *self._files(remotes)]
        known = {(each.path, each.line, each.column) for each in self.reading.problems}
        return [each for each in dict.fromkeys(found) if (each.path, each.line, each.column) not in known]

    def _sound(self) -> Sound:
        heads = [each.words[0].at for each in self.statements if each.words]
        return Sound(heads, [Location(each.path, each.line, each.column) for each in self.reading.problems])

    def _blocks(self, name: str) -> tuple[Body, ...]:
        found = self.body.values.get(name, ())
        return found if isinstance(found, tuple) else (found,)

    def _clients_only(self, remotes: tuple[RemoteSettings, ...]) -> bool:
        """Whether every block could be read, and is a client's."""
        return len(remotes) == len(self.heirs) and all(side_of(each) is Side.CLIENT for each in remotes)

    def _files(self, remotes: tuple[RemoteSettings, ...]) -> Iterator[Problem]:
        """Where a `path` line could not be read, nobody knows where the files are."""
        if self.reading.lost:
            return
        files = NamedFiles()
        for heir in self.heirs:
            yield from files.of_remote(heir.body.values)
        yield from self._keys(files)
        for mode_cfg in () if self._clients_only(remotes) else self._blocks("mode_cfg"):
            for each in (mode_cfg, *mode_cfg.values.get("groups", ())):
                if each.values.get("banner"):
                    yield from files.readable(each.values["banner"])

    def _keys(self, files: NamedFiles) -> Iterator[Problem]:
        needed = any("xauth_login" in each.body.values or _by_key(each.body) for each in self.heirs)
        if needed and "path_pre_shared_key" in self.body.values:
            yield from files.readable(self.body.values["path_pre_shared_key"])
        if any("ppk" in each.body.values for each in self.heirs) and "path_ppk" in self.body.values:
            yield from files.readable(self.body.values["path_ppk"])


class Sound:
    """The blocks without mistakes. `heads`: where the statements of the file itself begin."""

    def __init__(self, heads: Sequence[Location], wrong: Sequence[Location]) -> None:
        self._heads: dict[str, list[tuple[int, int]]] = {}
        for head in heads:
            self._heads.setdefault(head.path, []).append((head.line, head.column))
        for places in self._heads.values():
            places.sort()
        self._wrong = {self._statement(each) for each in wrong}

    def whole(self, body: Body) -> bool:
        return self._statement(body.head) not in self._wrong

    def _statement(self, at: Location) -> tuple[str, int]:
        """The statement of its file in which a place lies."""
        return at.path, bisect_right(self._heads.get(at.path, []), (at.line, at.column))


def _by_key(remote: Body) -> bool:
    methods = [each.values.get("authentication_method") for each in remote.values.get("proposals", ())]
    return any(each.value and each.value.method.pre_shared_key for each in methods if each is not None)
