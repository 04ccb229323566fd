"""The table of ldapcfg: how an LDAP directory is reached, and which of its attributes mean what."""

from __future__ import annotations

from urllib.parse import urlsplit

from lotor.config.arguments import Argument, File, Number, Text
from lotor.config.choices import SWITCH, Choice, Keyword
from lotor.config.directive import Block, Directive, Use
from lotor.config.servers import Ldap, LdapServer
from lotor.config.words import Mistake, Words
from lotor.model.secret import Secret

PORTS = {"ldap": 389, "ldaps": 636}
MOST_SERVERS = 5
LONGEST_URI = 300
VERSION_2 = "it has no TLS and no words in UTF-8 (RFC 3494 made it historic): every directory takes version 3"


class ServerUri(Argument):
    """A server as a URI of scheme, host and maybe port."""

    def read(self, words: Words) -> LdapServer:
        token = words.quoted("a URI in quotes")
        try:
            found = urlsplit(token.text)
            scheme, host, port = found.scheme.lower(), found.hostname, found.port
        except ValueError:
            scheme, host, port = "", None, None
        rest = "" if not host else found.path.strip("/") + found.query + found.fragment + (found.username or "")
        if scheme not in PORTS or not host or rest or port == 0 or not _plain(token.text):
            wanted = 'it like "ldaps://ldap.example.net" or "ldap://192.0.2.1:389", without a path'
            raise Mistake(token.at, f"{token} does not do: {words.name} wants {wanted}")
        return LdapServer(host, port or PORTS[scheme], secure=scheme == "ldaps")

    def syntax(self) -> str:
        return '"ldap[s]://host[:port]"'


def _plain(text: str) -> bool:
    return len(text) <= LONGEST_URI and text.isascii() and text.isprintable() and not set(text) & set(" %,")


def _text(what: str) -> Text:
    return Text(f"{what} in quotes", shown=what.rpartition(" ")[2])


def _attribute() -> Text:
    wanted = "the name of an attribute in quotes, like uid"
    return Text(wanted, longest=128, pattern=r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+", shown="attribute")


LDAPCFG = Block(
    "ldapcfg",
    (
        Directive(
            "version",
            Keyword((Choice("3", 3), Choice("2", refused=VERSION_2))),
            "Version of the protocol.",
            default=3,
            default_text="3",
        ),
        Directive(
            "debug",
            Number(0, 65535),
            "With any number but 0 each question to the directory and what came of it is a line of the log, without "
            "passwords.",
            default=0,
            differs="racoon gives the number to its LDAP library.",
        ),
        Directive(
            "timeout",
            Number(1, 3600, "seconds"),
            "How long a connection and each answer may take. A whole login has 30 seconds.",
            default=5,
            differs="racoon waits as long as its LDAP library does, and does nothing else meanwhile.",
        ),
        Directive(
            "uri",
            ServerUri(),
            "A server as a URI, in place of host and port; ldaps has TLS from the beginning. Several lines (lotor "
            "only) are servers of the same directory: the first one that answers is asked.",
            default=(),
            default_text="the server of host and port",
            repeatable=True,
            most=MOST_SERVERS,
        ),
        Directive(
            "host",
            Text("a host in quotes", longest=253, pattern=r"[A-Za-z0-9_.:-]+", shown="host"),
            "The server.",
            default="localhost",
        ),
        Directive("port", Number(1, 65535), "Its port.", default=389),
        Directive("base", _text("a DN"), "Where users and groups are searched.", default_text="none"),
        Directive(
            "subtree",
            SWITCH,
            "Search everything below the base, not only right below it.",
            default=False,
            default_text="off",
        ),
        Directive("bind_dn", _text("a DN"), "Who searches.", default_text="nobody by name"),
        Directive(
            "bind_pw",
            Text("a password in quotes", make=Secret, shown="password"),
            "The password of bind_dn.",
            default_text="none",
            secret=True,
        ),
        Directive("attr_user", _attribute(), "Attribute of the login name.", default="cn"),
        Directive(
            "attr_addr", _attribute(), "Attribute of the address, with `conf_source ldap`.", default="racoon-address"
        ),
        Directive(
            "attr_mask",
            _attribute(),
            "Attribute of the network mask, with `conf_source ldap`.",
            default="racoon-netmask",
        ),
        Directive("attr_group", _attribute(), "Attribute of a group's name, with `group_source ldap`.", default="cn"),
        Directive(
            "attr_member",
            _attribute(),
            "Attribute of a group's members, with `group_source ldap`: their DNs. Two attributes are of another shape "
            "(lotor only): `memberUid` holds login names, and `memberOf` is searched in the user's own entry.",
            default="member",
        ),
        Directive(
            "tls", SWITCH, "Use StartTLS with servers that are no ldaps ones.", default=False, default_text="off"
        ),
        Directive(
            "ca_file",
            File(),
            "The certificate authorities of the servers, PEM.",
            default_text="those that this host trusts",
            use=Use.EXTENSION,
        ),
        Directive(
            "clear_text",
            SWITCH,
            "Send passwords to servers on other hosts without TLS. Anybody on the way reads them.",
            default=False,
            default_text="off",
            use=Use.EXTENSION,
        ),
    ),
    "An LDAP directory.",
    Ldap,
    field="ldap",
    secret=True,
    differs="racoon asks for groups in clear, whatever uri and tls say, and takes a login name as a part of a filter.",
)
