"""What the store carries out, as a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
Transaction: TypeAlias = "Callable[[sqlite3.Connection], T]"
"""Called in the thread of the store, between BEGIN and COMMIT: all of it is done, or nothing. It may be called a second
time, on a new file, where the file proves to be broken."""
