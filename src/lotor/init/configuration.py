"""The text of racoon.conf for a new gateway or client: modern algorithms, and a comment where a person may want to
change something."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from textwrap import indent

from lotor.config.load import SYSTEM_DIRECTORY
from lotor.config.tables.general import DEFAULT_SOCKET
from lotor.init.answers import Client, ClientWishes, GatewayWishes
from lotor.init.network import block
from lotor.model.network import Address, Network

CONFIGURATION = f"{SYSTEM_DIRECTORY}/racoon.conf"
CERTIFICATES = f"{SYSTEM_DIRECTORY}/certs"
SHARED_KEYS = f"{SYSTEM_DIRECTORY}/psk.txt"
SOCKET = DEFAULT_SOCKET.path
STEP = " " * 8

_HEAD = """\
# Made by: lotor init {what}
# It is yours now: change it, then run lotor check and lotor reload. Every line
# is explained in racoon.conf(5).
"""
_GATEWAY = """\

path certificate "{certificates}";
{keys}
listen {{
        adminsock "{socket}" "root" "root" 0600;     # who may use lotor status
}}

remote anonymous {{                       # clients, from wherever they come
        ike_version both;                # IKEv2, and IKEv1 for those that know no better
        eap mschapv2, gtc;               # IKEv2: name and password, in these ways
        exchange_mode aggressive;
        certificate_type x509 "vpngw.crt" "vpngw.key";
        my_identifier asn1dn;
        proposal_check claim;
        nat_traversal force;             # works through every NAT
        ike_frag on;                     # for routers that drop large datagrams
        dpd_delay 20;                    # a client that is gone loses its address
{proposals}}}

mode_cfg {{                               # what clients get, and who may log in
        network4 {first};             # the first address of a client
        pool_size {size};
        auth_source local;               # lotor user add NAME; or: system
{given}}}
{network}
sainfo anonymous {{                       # how their traffic is encrypted
        lifetime time 1 hour;
        encryption_algorithm aes_gcm_16 256, aes 256;
        authentication_algorithm {integrity};
        compression_algorithm deflate;
}}
"""
_PROPOSAL = """\
proposal {{
        encryption_algorithm aes 256;
        hash_algorithm {hash};
        authentication_method {method};
        dh_group {group};
}}
"""
_CLIENT = """\

path certificate "{certificates}";
{keys}
listen {{
        adminsock "{socket}" "root" "{group}" {mode};     # who may connect
}}

remote {remote} {{                       # {gateway}
        ike_version both;                # IKEv2 first, IKEv1 where the gateway knows no better
        exchange_mode aggressive;
        ca_type x509 "ca.crt";           # its certificate has to be of this authority
{login}        proposal_check obey;
        mode_cfg on;
        nat_traversal force;             # works through every NAT
        ike_frag on;                     # for routers that drop large datagrams
        dpd_delay 20;                    # a gateway that is gone is noticed
        proposal {{
                encryption_algorithm aes 256;
                hash_algorithm sha256;
                authentication_method hybrid_rsa_client;
                dh_group modp2048;
        }}
}}

sainfo anonymous {{                       # how the traffic is encrypted
        lifetime time 1 hour;
        encryption_algorithm aes_gcm_16 256, aes 256;
        authentication_algorithm hmac_sha256;
        compression_algorithm deflate;
}}
"""
_APPLE = "save_passwd on;                  # Apple's clients may keep the password"


def gateway_text(wishes: GatewayWishes, *, nft: bool = True) -> str:
    """/etc/lotor/racoon.conf of a gateway. `nft`: that program is on the host."""
    clients, key = wishes.clients, wishes.shared_key
    return _HEAD.format(what=wishes.what()) + _GATEWAY.format(
        certificates=CERTIFICATES,
        keys=f'path pre_shared_key "{SHARED_KEYS}";\n' if key else "",
        socket=SOCKET,
        proposals="".join(_proposals(clients, shared_key=key)),
        first=wishes.pool.network_address + 1,
        size=wishes.pool.num_addresses - 2,
        given="".join(f"{STEP}{line}\n" for line in _given(wishes)),
        network=block(masquerade=wishes.masquerade, nft=nft),
        integrity="hmac_sha256, hmac_sha1" if {Client.VPNC, Client.WINDOWS} & clients else "hmac_sha256",
    )


def client_text(wishes: ClientWishes, remote: str) -> str:
    """/etc/lotor/racoon.conf of a client; `remote` is an address, or `anonymous` for a gateway with a name."""
    return _HEAD.format(what=wishes.what()) + _CLIENT.format(
        certificates=CERTIFICATES,
        keys=f'path pre_shared_key "{SHARED_KEYS}";\n' if wishes.password else "",
        socket=SOCKET,
        group=wishes.group,
        mode="0600" if wishes.group == "root" else "0660",
        remote=remote,
        gateway=f"lotor connect {wishes.gateway}",
        login=f'{STEP}xauth_login "{wishes.user}";\n' if wishes.user else "",
    )


def _proposals(clients: frozenset[Client], *, shared_key: bool) -> Iterable[str]:
    """The modern one first; what a kind of client cannot do without comes after it, and `lotor check` warns of it."""
    methods = ["hybrid_rsa_server", *(["xauth_psk_server"] if shared_key else [])]
    kinds = [("sha256", "modp2048", "")]
    if Client.VPNC in clients:
        kinds.append(("sha1", "modp2048", "# vpnc knows no SHA-2\n"))
    if Client.ANDROID in clients:
        kinds.append(("sha256", "modp1024", "# Android up to 11 knows no larger group\n"))
    for (digest, group, remark), method in product(kinds, methods):
        yield indent(remark + _PROPOSAL.format(hash=digest, group=group, method=method), STEP)


def _given(wishes: GatewayWishes) -> Iterable[str]:
    for version in (4, 6):
        if servers := [each for each in wishes.servers if each.version == version]:
            yield f"dns{version} {_listed(servers)};"
    if wishes.reach:
        yield "# only these networks go through the tunnel; without this line everything"
        yield f"split_network include {_listed(wishes.reach)};"
    else:
        yield "# everything goes through the tunnel; for some networks only:"
        yield "# split_network include 192.168.1.0/24;"
    if Client.APPLE in wishes.clients:
        yield _APPLE


def _listed(values: Iterable[Address | Network]) -> str:
    return ", ".join(map(str, values))
