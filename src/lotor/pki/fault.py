"""The one error of this room."""

from __future__ import annotations


class PkiError(Exception):
    """The text is a whole sentence for the administrator."""
