"""How a gateway and a client are set up with each program that is compared, on a Debian that has nothing: the shortest
way that its own documentation has, line by line as a person types it. Data only.

The aim is the same for all: somebody logs in with a name and a password, and reaches a host inside that knows no way
back to the clients; also after a restart of the gateway's host.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.debian import HOME
from lab.internet import GATEWAY, INSIDE_NETWORK

NAME = "vpn.example.net"
USER, PASSWORD = "alice", "a-good-password"


@dataclass(frozen=True, slots=True)
class Line:
    """What is typed at a root's prompt. `packages`: it is apt-get install of these instead. `stdin` is what the command
    asks for. `writes`: it is an editor, and the text is left in this file. `steps`: 0 where a booted host does it by
    itself, and these roots do not. `stays`: the program stays in the foreground, and says this when it is ready."""

    text: str = ""
    packages: tuple[str, ...] = ()
    stdin: str = ""
    writes: str = ""
    steps: int = 1
    stays: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """`brings`: the file that the client gets from the gateway, and where to; carrying it is a step of the client.
    `by_hand`: who does what `DUTIES` name."""

    name: str
    gateway: tuple[Line, ...]
    client: tuple[Line, ...]
    brings: tuple[str, str]
    by_hand: tuple[str, ...]


DUTIES = ("forwarding and address translation", "certificates", "start at boot", "taking it back")

_FORWARD = (
    Line("echo net.ipv4.ip_forward=1 >/etc/sysctl.d/90-vpn.conf && sysctl -p /etc/sysctl.d/90-vpn.conf"),
    Line(
        "cat >>/etc/nftables.conf && nft -f /etc/nftables.conf",
        stdin="table ip vpn {\n  chain leave {\n    type nat hook postrouting priority 100;\n"
        "    ip saddr 10.99.99.0/24 ip daddr != 10.99.99.0/24 masquerade\n  }\n}\n",
    ),
    Line("# systemctl enable nftables"),
)
"""What all but lotor leave to a person. A line that begins with # is typed on a booted host; nothing runs here."""

LOTOR = Recipe(
    "lotor",
    gateway=(
        Line(packages=("./lotor.deb",)),
        Line(
            f"lotor init gateway {NAME} {GATEWAY} --reach {INSIDE_NETWORK} --dns none --user {USER} --password-stdin",
            stdin=f"{PASSWORD}\n",
        ),
        Line("lotor daemon", steps=0),
    ),
    client=(
        Line(packages=("./lotor.deb",)),
        Line(f"lotor connect --ca ca.crt -u {USER} --password-stdin {NAME}", stdin=PASSWORD, stays="Ctrl-C ends"),
    ),
    brings=("/etc/lotor/certs/ca.crt", f"{HOME}/ca.crt"),
    by_hand=("`lotor init`", "`lotor init`", "`lotor init`", "`lotor init undo`"),
)

OPENVPN = Recipe(
    "OpenVPN",
    gateway=(
        Line(packages=("openvpn", "easy-rsa")),
        Line("make-cadir /etc/openvpn/easy-rsa"),
        Line("cd /etc/openvpn/easy-rsa && ./easyrsa init-pki"),
        Line("cd /etc/openvpn/easy-rsa && ./easyrsa --batch build-ca nopass"),
        Line(f"cd /etc/openvpn/easy-rsa && ./easyrsa --batch build-server-full {NAME} nopass"),
        Line(
            writes="/etc/openvpn/server/server.conf",
            stdin="port 1194\nproto udp\ndev tun\ntopology subnet\n"
            "ca /etc/openvpn/easy-rsa/pki/ca.crt\n"
            f"cert /etc/openvpn/easy-rsa/pki/issued/{NAME}.crt\n"
            f"key /etc/openvpn/easy-rsa/pki/private/{NAME}.key\ndh none\n"
            'server 10.99.99.0 255.255.255.0\npush "route 203.0.113.0 255.255.255.0"\nkeepalive 10 60\n'
            "persist-key\npersist-tun\nverify-client-cert none\nusername-as-common-name\n"
            "plugin /usr/lib/x86_64-linux-gnu/openvpn/plugins/openvpn-plugin-auth-pam.so login\n",
        ),
        Line(f"useradd --no-create-home {USER}"),
        Line(f"passwd {USER}", stdin=f"{PASSWORD}\n{PASSWORD}\n"),
        *_FORWARD,
        Line("# systemctl enable --now openvpn-server@server"),
        Line(
            "openvpn --cd /etc/openvpn/server --config server.conf --verb 3",
            steps=0,
            stays="Initialization Sequence Completed",
        ),
    ),
    client=(
        Line(packages=("openvpn",)),
        Line(
            writes=f"{HOME}/client.ovpn",
            stdin=f"client\ndev tun\nproto udp\nremote {NAME} 1194\nnobind\npersist-key\npersist-tun\n"
            "remote-cert-tls server\nca ca.crt\nauth-user-pass /run/login\n",
        ),
        Line("cat >/run/login", stdin=f"{USER}\n{PASSWORD}\n", steps=0),
        Line("openvpn --config client.ovpn", stays="Initialization Sequence Completed"),
    ),
    brings=("/etc/openvpn/easy-rsa/pki/ca.crt", f"{HOME}/ca.crt"),
    by_hand=("by hand", "four commands of easy-rsa", "`systemctl enable`", "by hand"),
)

_OCSERV = "/etc/ocserv/ocserv.conf"
OCSERV = Recipe(
    "ocserv, openconnect",
    gateway=(
        Line(packages=("ocserv",)),
        Line(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 "
            f"-keyout /etc/ocserv/key.pem -out /etc/ocserv/cert.pem -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
        ),
        Line(
            f"sed -i -E '/^(auth|ipv4-network|route|dns) =/d' {_OCSERV} && cat >>{_OCSERV}",
            stdin='auth = "plain[passwd=/etc/ocserv/ocpasswd]"\nserver-cert = /etc/ocserv/cert.pem\n'
            "server-key = /etc/ocserv/key.pem\nipv4-network = 10.99.99.0\nroute = 203.0.113.0/255.255.255.0\n",
        ),
        Line(f"ocpasswd -c /etc/ocserv/ocpasswd {USER}", stdin=f"{PASSWORD}\n{PASSWORD}\n"),
        *_FORWARD,
        Line("# systemctl restart ocserv"),
        Line("ocserv -f -c /etc/ocserv/ocserv.conf", steps=0, stays="initialized"),
    ),
    client=(
        Line(packages=("openconnect",)),
        Line(
            f"openconnect --cafile cert.pem --user {USER} --passwd-on-stdin {NAME}",
            stdin=PASSWORD,
            stays="Configured",
        ),
    ),
    brings=("/etc/ocserv/cert.pem", f"{HOME}/cert.pem"),
    by_hand=("by hand", "one command of openssl, self-signed", "by the package", "by hand"),
)

_CHARON = ("charon-systemd", "strongswan-swanctl", "libcharon-extauth-plugins")
_IN_USER_SPACE = (
    Line(
        writes="/etc/strongswan.d/lab.conf",
        stdin="charon-systemd {\n plugins {\n  kernel-libipsec {\n   load = yes\n   allow_peer_ts = yes\n  }\n"
        "  kernel-netlink {\n   fwmark = !0x42\n  }\n  socket-default {\n   fwmark = 0x42\n  }\n }\n}\n",
        steps=0,
    ),
    Line(packages=("libcharon-extra-plugins",), steps=0),
)
"""The kernel of the lab may have no IPsec: what this takes does not count."""
_STARTED = Line(
    "setsid charon-systemd </dev/null >/dev/null 2>&1 & until swanctl --load-all --noprompt; do sleep 0.1; done",
    steps=0,
)
"""As its unit does it."""
_PKI = "/etc/swanctl"

STRONGSWAN = Recipe(
    "strongSwan",
    gateway=(
        Line(packages=(*_CHARON, "strongswan-pki")),
        Line(f"pki --gen --outform pem >{_PKI}/private/ca.pem"),
        Line(f"pki --self --ca --in {_PKI}/private/ca.pem --dn CN=VPN --outform pem >{_PKI}/x509ca/ca.pem"),
        Line(f"pki --gen --outform pem >{_PKI}/private/gateway.pem"),
        Line(
            f"pki --issue --cacert {_PKI}/x509ca/ca.pem --cakey {_PKI}/private/ca.pem --type priv "
            f"--in {_PKI}/private/gateway.pem --dn CN={NAME} --san {NAME} --flag serverAuth --outform pem "
            f">{_PKI}/x509/gateway.pem"
        ),
        Line(
            writes=f"{_PKI}/conf.d/ra.conf",
            stdin="connections {\n  ra {\n    version = 2\n    encap = yes\n    pools = inner\n    send_cert = always\n"
            f"    local {{\n      certs = gateway.pem\n      id = {NAME}\n    }}\n"
            "    remote {\n      auth = eap-mschapv2\n      eap_id = %any\n    }\n"
            f"    children {{\n      net {{\n        local_ts = {INSIDE_NETWORK}\n      }}\n    }}\n  }}\n}}\n"
            "pools {\n  inner {\n    addrs = 10.99.99.0/24\n  }\n}\n"
            f'secrets {{\n  eap-{USER} {{\n    id = {USER}\n    secret = "{PASSWORD}"\n  }}\n}}\n',
        ),
        *_FORWARD,
        Line("# systemctl restart strongswan"),
        *_IN_USER_SPACE,
        _STARTED,
    ),
    client=(
        Line(packages=_CHARON),
        Line(
            writes=f"{_PKI}/conf.d/ra.conf",
            stdin=f"connections {{\n  ra {{\n    version = 2\n    encap = yes\n    remote_addrs = {NAME}\n"
            f"    vips = 0.0.0.0\n    local {{\n      auth = eap-mschapv2\n      eap_id = {USER}\n    }}\n"
            f"    remote {{\n      id = {NAME}\n      cacerts = ca.pem\n    }}\n"
            f"    children {{\n      net {{\n        remote_ts = {INSIDE_NETWORK}\n      }}\n    }}\n  }}\n}}\n"
            f'secrets {{\n  eap-{USER} {{\n    id = {USER}\n    secret = "{PASSWORD}"\n  }}\n}}\n',
        ),
        Line("# systemctl restart strongswan"),
        *_IN_USER_SPACE,
        _STARTED,
        Line("swanctl --initiate --child net"),
    ),
    brings=(f"{_PKI}/x509ca/ca.pem", f"{_PKI}/x509ca/ca.pem"),
    by_hand=("by hand", "four commands of pki", "by the package", "by hand"),
)
RECIPES = (LOTOR, OPENVPN, OCSERV, STRONGSWAN)
