"""The tables of radiuscfg and ldapcfg: how the back ends of other hosts are reached."""

from __future__ import annotations

from lotor.config.arguments import Maybe, Number, Several, Text
from lotor.config.choices import SWITCH, Choice, Keyword
from lotor.config.directive import Block, Directive, Use
from lotor.config.lexer import Kind
from lotor.config.settings import Ldap, Radius, RadiusServer
from lotor.model.secret import Secret

_SERVER = Several(
    (
        Text("a host name in quotes", longest=253, shown="host"),
        Maybe(Number(1, 65535), None, Kind.WORD),
        Text("the shared secret in quotes", longest=128, make=Secret, shown="secret"),
    ),
    RadiusServer,
)

RADIUSCFG = Block(
    "radiuscfg",
    (
        Directive(
            "auth",
            _SERVER,
            "A server that judges logins: host, maybe a port, shared secret.",
            default=(),
            default_text="the servers of /etc/radius.conf",
            repeatable=True,
            most=5,
            secret=True,
        ),
        Directive(
            "acct",
            _SERVER,
            "A server that keeps accounts.",
            default=(),
            default_text="the servers of /etc/radius.conf",
            repeatable=True,
            most=5,
            secret=True,
        ),
        Directive("timeout", Number(1, 60, "seconds"), "How long an answer may take.", default=3),
        Directive("retries", Number(1, 20), "How often a server is asked.", default=3),
        Directive(
            "message_authenticator",
            Keyword(
                (
                    Choice(
                        "required", value=True, meaning="without Message-Authenticator an answer to a login is none"
                    ),
                    Choice(
                        "optional",
                        value=False,
                        meaning="it is taken, for servers that are too old to send one",
                        weak="whoever sits between gateway and server can turn a refusal into a yes (CVE-2024-3596)",
                    ),
                )
            ),
            "Whether servers must sign what they answer to a login.",
            default=True,
            default_text="required",
            use=Use.EXTENSION,
        ),
        Directive(
            "nas_identifier",
            Text("a name in quotes", longest=64, shown="name"),
            "What the servers know this gateway by (NAS-Identifier).",
            default="",
            default_text="the name of the host",
            use=Use.EXTENSION,
        ),
    ),
    "RADIUS servers. Without `auth` lines here the gateway takes those of /etc/radius.conf, and so with `acct`.",
    Radius,
    field="radius",
    secret=True,
    use=Use.LATER,
    note="RADIUS is not available yet",
)


def _text(what: str) -> Text:
    return Text(f"{what} in quotes", shown=what.rpartition(" ")[2])


LDAPCFG = Block(
    "ldapcfg",
    (
        Directive(
            "version",
            Keyword((Choice("3", 3), Choice("2", 2))),
            "Version of the protocol.",
            default=3,
            default_text="3",
        ),
        Directive("debug", Number(0, 65535), "Debug level of the library.", default=0),
        Directive("timeout", Number(1, 3600, "seconds"), "How long an answer may take.", default_text="the library's"),
        Directive("uri", _text("a URI"), "The server as a URI, in place of host and port.", default_text="none"),
        Directive("host", _text("a host"), "The server.", default="localhost"),
        Directive("port", Number(1, 65535), "Its port.", default=389),
        Directive("base", _text("a DN"), "Where users are searched.", default_text="none"),
        Directive("subtree", SWITCH, "Search below the base too.", default=False, default_text="off"),
        Directive("bind_dn", _text("a DN"), "Who searches.", default_text="nobody by name"),
        Directive(
            "bind_pw",
            Text("a password in quotes", make=Secret, shown="password"),
            "The password of bind_dn.",
            default_text="none",
            secret=True,
        ),
        Directive("attr_user", _text("an attribute"), "Attribute of the login.", default="cn"),
        Directive("attr_addr", _text("an attribute"), "Attribute of the address.", default="racoon-address"),
        Directive("attr_mask", _text("an attribute"), "Attribute of the network mask.", default="racoon-netmask"),
        Directive("attr_group", _text("an attribute"), "Attribute of a group's name.", default="cn"),
        Directive("attr_member", _text("an attribute"), "Attribute of a group's members.", default="member"),
        Directive("tls", SWITCH, "Use StartTLS.", default=False, default_text="off"),
    ),
    "An LDAP directory.",
    Ldap,
    field="ldap",
    secret=True,
    use=Use.LATER,
    note="LDAP is not available yet",
)
