"""Logins and sessions by the host's PAM: each in a process of its own, so that a module which hangs or breaks costs one
login."""

from lotor.auth.pam.logins import PamLogins
from lotor.auth.pam.sessions import PamSessions, SessionError

__all__ = ["PamLogins", "PamSessions", "SessionError"]
