"""What goes wrong with the database, as sentences for whoever runs the gateway; never with the password."""

from __future__ import annotations


class RefusedError(OSError):
    """The database is there, and this gateway may not work with it until somebody changes something."""
