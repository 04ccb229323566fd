"""The name of a file as a configuration has it."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from lotor.config.problem import NOWHERE, Location
from lotor.model.frozen import frozen


@frozen
class FileName:
    """A file that the configuration names: `name` as written, `path` absolute or under the right prefix."""

    name: str
    path: Path
    at: Location = field(default=NOWHERE, compare=False, repr=False)
