"""The table of radiuscfg: how RADIUS servers are reached."""

from __future__ import annotations

from lotor.config.arguments import AddressOf, Maybe, Number, Several, Text
from lotor.config.choices import Choice, Keyword
from lotor.config.directive import Block, Directive, Use
from lotor.config.lexer import Kind
from lotor.config.radius_words import ServerWords
from lotor.config.settings import Address, DynamicClient, DynamicPlace, Radius
from lotor.model.secret import Secret

DYNAMIC_PORT = 3799
"""Of Disconnect- and CoA-Requests (RFC 5176 section 2.1)."""


def _no_host(address: Address) -> str:
    """Why nobody asks from there."""
    nowhere = address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255"
    return "is no address of one host" if nowhere else ""


RADIUSCFG = Block(
    "radiuscfg",
    (
        Directive(
            "auth",
            ServerWords(),
            "A server that judges logins: host, maybe a port, and the shared secret; or, over TLS (lotor only), tls, "
            "the authority of its certificate (ca), the certificate of this gateway with its key, and the name in the "
            "server's certificate, where that is not the host.",
            default=(),
            default_text="the servers of /etc/radius.conf",
            repeatable=True,
            most=5,
            secret=True,
        ),
        Directive(
            "acct",
            ServerWords(),
            "A server that keeps accounts, as with `auth`.",
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
        Directive(
            "dynamic_client",
            Several(
                (
                    AddressOf(None, _no_host),
                    Text("the shared secret in quotes", longest=128, make=Secret, shown="secret"),
                ),
                DynamicClient,
            ),
            "A server that may end and change sessions (Disconnect and CoA, RFC 5176): its address, the shared secret.",
            default=(),
            default_text="nobody",
            field="dynamic_clients",
            repeatable=True,
            most=10,
            use=Use.EXTENSION,
            secret=True,
        ),
        Directive(
            "dynamic_listen",
            Several((AddressOf(None), Maybe(Number(1024, 65535), DYNAMIC_PORT, Kind.WORD)), DynamicPlace),
            "Where such servers are heard: an address of this host, maybe a port.",
            default=(),
            default_text=f"all addresses, UDP port {DYNAMIC_PORT}",
            repeatable=True,
            most=8,
            use=Use.EXTENSION,
        ),
        Directive(
            "dynamic_authenticator",
            Keyword(
                (
                    Choice("required", value=True, meaning="a request without Message-Authenticator is dropped"),
                    Choice(
                        "optional",
                        value=False,
                        meaning="it is obeyed, for servers that are too old to send one",
                        weak="of such a request MD5 over the shared secret alone proves who sent it",
                    ),
                )
            ),
            "Whether such servers must sign what they ask for.",
            default=True,
            default_text="required",
            use=Use.EXTENSION,
        ),
    ),
    "RADIUS servers. Without `auth` lines here the gateway takes those of /etc/radius.conf, and so with `acct`.",
    Radius,
    field="radius",
    secret=True,
)
