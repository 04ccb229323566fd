"""A FreeRADIUS with a configuration of its own: one directory, started in the foreground, on loopback or on a node."""

from __future__ import annotations

import re

from lab import pki
from lab.node import Node, Running

SECRET = "MyDirtySecret"
CODE = "123456"
USERS = """\
alice   Cleartext-Password := "alicepass"
        Reply-Message := "Welcome, %{User-Name}"
bob     Cleartext-Password := "bobpass"
        Framed-IP-Address := 10.99.99.77,
        Framed-IP-Netmask := 255.255.255.0,
        Class := 0x30783431,
        Session-Timeout := 3600,
        Filter-Id := "guests",
        Framed-Route := "203.0.113.0/24 0.0.0.0 1",
        MS-Primary-DNS-Server := 10.0.12.1,
        Cisco-AVPair += "ipsec:default-domain=example.net",
        Reply-Message := "Welcome, %{User-Name}"
carol   Cleartext-Password := "carolpass"
erin    Cleartext-Password := "erinpass"
        Framed-IP-Address := 10.99.99.76
pool    Cleartext-Password := "poolpass"
        Framed-IP-Address := 255.255.255.254
DEFAULT Auth-Type := Reject
        Reply-Message := "Nobody knows you here."
"""
_SITE = """\
raddbdir = {directory}
logdir = {directory}
run_dir = {directory}
libdir = /usr/lib/freeradius
pidfile = {directory}/pid
max_request_time = 30
cleanup_delay = 1
max_requests = 4096
hostname_lookups = no
proxy_requests = no
log {{
    destination = stdout
    auth = yes
}}
security {{
    reject_delay = 0
    status_server = no
    allow_core_dumps = no
}}
thread pool {{
    start_servers = 2
    max_servers = 4
    min_spare_servers = 1
    max_spare_servers = 2
}}
client everybody {{
    ipaddr = 0.0.0.0/0
    secret = "{secret}"
    require_message_authenticator = yes
}}
modules {{
    pap {{
    }}
    files {{
        usersfile = {directory}/users
        acctusersfile = {directory}/nobody
        preproxy_usersfile = {directory}/nobody
    }}
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
    always noop {{
        rcode = noop
    }}
    detail {{
        filename = {directory}/accounts
    }}
    detail asked {{
        filename = {directory}/asked
    }}
}}
server default {{
    listen {{
        type = auth
        ipaddr = {address}
        port = {port}
    }}
    listen {{
        type = acct
        ipaddr = {address}
        port = {acct}
    }}
    authorize {{
        asked
        if (&State) {{
            update control {{
                &Auth-Type := Second
            }}
        }}
        else {{
            files
            pap
        }}
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
            if (ok && &User-Name == "carol") {{
                update reply {{
                    &Reply-Message := "Code of your token?"
                    &State := 0x307834310073746174652d6f662d6361726f6c
                }}
                update control {{
                    &Response-Packet-Type := Access-Challenge
                }}
            }}
        }}
        Auth-Type Second {{
            if (&State == 0x307834310073746174652d6f662d6361726f6c && &User-Password == "{code}") {{
                update reply {{
                    &Framed-IP-Address := 10.99.99.75
                }}
                ok
            }}
            else {{
                update reply {{
                    &Reply-Message := "Wrong code."
                }}
                reject
            }}
        }}
    }}
    preacct {{
        ok
    }}
    accounting {{
        detail
        ok
    }}
    post-auth {{
        {signed}
        Post-Auth-Type Challenge {{
            {signed}
        }}
        Post-Auth-Type Reject {{
            {signed}
        }}
    }}
}}
"""
_EAP = """\
mschap {{
    }}
    eap {{
        default_eap_type = mschapv2
        timer_expire = 60
        ignore_unknown_eap_types = no
        max_sessions = 4096
        tls-config common {{
            private_key_file = {directory}/server.key
            certificate_file = {directory}/server.crt
            ca_file = {directory}/ca.crt
            cipher_list = "DEFAULT"
            tls_min_version = "1.2"
            tls_max_version = "1.2"
            fragment_size = 500
        }}
        tls {{
            tls = common
        }}
        ttls {{
            tls = common
            default_eap_type = mschapv2
            copy_request_to_tunnel = no
            use_tunneled_reply = yes
            virtual_server = default
        }}
        peap {{
            tls = common
            default_eap_type = mschapv2
            copy_request_to_tunnel = no
            use_tunneled_reply = yes
            virtual_server = default
        }}
        gtc {{
            auth_type = PAP
        }}
        mschapv2 {{
            send_error = yes
        }}
    }}"""
_EAP_AUTHORIZE = """\
asked
        eap {
            ok = return
        }
        if (&EAP-Message) {
            files
        }
        elsif (&State) {"""
_EAP_AUTHENTICATE = """\
authenticate {
        eap
        Auth-Type MS-CHAP {
            mschap
        }"""
"""A server that speaks EAP with clients, too; inside of TTLS it is the same one."""
_TLS = """\
listen {{
    type = auth+acct
    proto = tcp
    ipaddr = {address}
    port = {port}
    virtual_server = default
    clients = radsec
    limit {{
        max_connections = 16
        idle_timeout = 30
    }}
    tls {{
        private_key_file = {directory}/server.key
        certificate_file = {directory}/server.crt
        ca_file = {directory}/ca.crt
        cipher_list = "DEFAULT"
        tls_min_version = "1.2"
        tls_max_version = "1.3"
        require_client_cert = yes
    }}
}}
clients radsec {{
    client everybody {{
        ipaddr = 0.0.0.0/0
        proto = tls
        secret = radsec
    }}
}}
"""
_SIGNED = "update reply {\n            &Message-Authenticator := 0x00\n        }"
"""Asks releases before 3.2.5 to sign their answers; newer ones do."""


_PAIR = re.compile(r'^\t([\w-]+) = "?(.*?)"?$', re.MULTILINE)


def files(directory: str, address: str, port: int, acct: int, *, signed: bool = True) -> dict[str, str]:
    """The configuration by the names of its files; `signed` False: a server that knows nothing of CVE-2024-3596."""
    told = _SIGNED if signed else "noop"
    site = _SITE.format(
        directory=directory, address=address, port=port, acct=acct, secret=SECRET, code=CODE, signed=told
    )
    return {"radiusd.conf": site, "users": USERS, "nobody": ""}


def with_eap(files: dict[str, str], directory: str) -> dict[str, str]:
    """The files of a server that speaks EAP, too, and offers MSCHAPv2 first. It calls itself radius.example.net;
    alice has a certificate of its authority."""
    authority = pki.authority("RADIUS CA")
    own, alice = pki.gateway(authority, "radius.example.net"), pki.user(authority, "alice")
    site = files["radiusd.conf"].replace("modules {", "modules {\n    " + _EAP.format(directory=directory))
    site = site.replace("asked\n        if (&State) {", _EAP_AUTHORIZE).replace("authenticate {", _EAP_AUTHENTICATE)
    proofs = {
        "ca.crt": authority.certificate,
        "server.crt": own.certificate,
        "server.key": own.key,
        "alice.crt": alice.certificate,
        "alice.key": alice.key,
    }
    return files | {"radiusd.conf": site} | {name: octets.decode() for name, octets in proofs.items()}


def tls(directory: str, address: str, port: int) -> str:
    """What is added to `radiusd.conf` for RADIUS over TLS; server.crt, server.key and ca.crt are expected beside it.
    Clients have to show a certificate."""
    return _TLS.format(directory=directory, address=address, port=port)


def command(directory: str) -> tuple[str, ...]:
    """In the foreground, log on standard output. It says `Ready to process requests`."""
    return ("freeradius", "-f", "-l", "stdout", "-d", directory, "-n", "radiusd")


class Server:
    """One on a node, at an address of it, with the usual ports. `records`: its detail file, as dictionaries. `eap`:
    whether it speaks EAP, too."""

    DIRECTORY = "/run/radius"

    def __init__(self, node: Node, address: str, users: str = USERS, *, eap: bool = False) -> None:
        self.node = node
        wanted = {**files(self.DIRECTORY, address, 1812, 1813), "users": users}
        for name, content in (with_eap(wanted, self.DIRECTORY) if eap else wanted).items():
            node.write(f"{self.DIRECTORY}/{name}", content, 0o600)
        self.running = self.start()

    def start(self) -> Running:
        self.running = self.node.start("radius", *command(self.DIRECTORY))
        self.running.expect("Ready to process")
        return self.running

    def records(self) -> list[dict[str, str]]:
        file = self.node.path(f"{self.DIRECTORY}/accounts")
        text = file.read_text() if file.exists() else ""
        return [dict(_PAIR.findall(each)) for each in text.split("\n\n") if each]

    def of(self, user: str, *kinds: str) -> list[dict[str, str]]:
        """Of those, the ones of a user and of the named kinds (Start, Interim-Update, Stop)."""
        return [each for each in self.records() if each.get("User-Name") == user and each["Acct-Status-Type"] in kinds]
