"""What every lab is: hosts that are there until it is closed, and a directory for their files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Self

from lab.node import LabError, Node


class Hosts:
    """Use as a context manager. With LOTOR_LAB_KEEP in the environment the directory stays."""

    def __init__(self, prefix: str) -> None:
        if os.geteuid():
            raise LabError("the lab makes network namespaces: run it as root (sudo)")
        self.directory = Path(tempfile.mkdtemp(prefix=prefix))
        self._nodes: list[Node] = []

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(self._nodes)

    def close(self) -> None:
        for node in reversed(self._nodes):
            node.close()
        if not os.environ.get("LOTOR_LAB_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _node(self, name: str) -> Node:
        node = Node(name, self.directory)
        self._nodes.append(node)
        return node
