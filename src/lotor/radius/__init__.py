"""RADIUS: logins judged by servers of other hosts, and the way to those servers. Knows nothing of who hosts it."""

from lotor.radius.logins import RadiusLogins
from lotor.radius.numbers import Attribute, Code
from lotor.radius.packets import Reply, Request
from lotor.radius.servers import Answer, NoAnswerError, Servers

__all__ = ["Answer", "Attribute", "Code", "NoAnswerError", "RadiusLogins", "Reply", "Request", "Servers"]
