"""Who meets lotor with ESP of the kernel in the tests, and the test that proves it; part of docs/interop.md."""

from __future__ import annotations

INTRODUCTION = """
# ESP of the kernel

The same peers where lotor has the kernel carry ESP ([kernel](kernel.md)), in User Mode
Linux 6.1, which has ESP and IPComp, and dummy devices in the place of xfrm interfaces
([those](kernel.md#how-it-was-tried) were tried with lotor at both ends). Pings whichever
end begins, and mostly a TCP transfer; libreswan pings. The tables above have a column
for it.

"""
_KERNEL = "kernel::test_"
_NAT = f"{_KERNEL}a_gateway_of_old_and_new_clients_behind_a_nat"
_OWN = f"{_KERNEL}peers_with_esp_of_their_kernels"
_SMALL = f"{_KERNEL}a_gateway_whose_path_takes_small_datagrams_alone"
_CLIENT = f"{_KERNEL}a_client"
_KILLED = f"{_KERNEL}a_process_is_killed"
_IPV6 = "kernel_roads::test_by_ipv6_with_both_versions_inside"
_MANY = "kernel_roads::test_many_people_behind_one_address"
_LIVES = "kernel_lives::test_lives_of_octets_and_of_time"
_PERSON = "kernel_person::test_at_a_terminal"
ROWS = (
    ("vpnc at lotor, IKEv1 and UDP; the router forgets its mappings", _NAT),
    ("strongSwan (ESP in user space) at lotor, IKEv2 and UDP; keys renewed, no packet lost", _NAT),
    ("strongSwan (ESP of its kernel) at lotor; keys renewed by lotor, no packet lost", _OWN),
    ("libreswan (ESP of its kernel) at lotor; extended sequence numbers", _OWN),
    ("lotor (user space) at lotor (kernel), IKEv1, native ESP, IPComp, `esp_frag`; no packet lost", _SMALL),
    ("lotor (kernel) at lotor (user space), IKEv2 and UDP; keys renewed, no packet lost", _CLIENT),
    ("lotor and strongSwan (user space) at lotor, IPv6 outside, native ESP and UDP, both inside, `esp_frag`", _IPV6),
    ("strongSwan at lotor, IPv6 outside: two SA pairs, narrowed, and another address (MOBIKE)", _IPV6),
    ("lotor twice, strongSwan and vpnc at lotor, behind one address, two by two with one private address", _MANY),
    ("lotor by IKEv1 and IKEv2 at lotor: volume and time of SA pairs are over, renewed in time and too late", _LIVES),
    ("lotor (kernel, one process) at lotor (user space): `lotor connect` at a terminal, Ctrl-C", _PERSON),
    ("`kill -9` of the daemon and of the warden: nothing of lotor's is left, SAs of others are", _KILLED),
)

_SUITES = "kernel_tables::test_every_suite_is_installed_listed_and_removed"
COLUMN = "ESP of lotor's kernel"
"""Of every table: the peers of the other columns, or one of them, where the kernel of a lotor carries ESP."""
OLD_METHODS = {("hybrid_rsa", "aggressive"): _NAT}
OLD = {
    "AES-GCM, groups over curves": _OWN,
    "3DES": _SUITES,
    "Camellia; Blowfish, CAST-128": _SUITES,
    "PFS": _SMALL,
    "no PFS": _NAT,
    "configuration pulled": _NAT,
    "router that drops fragments": _SMALL,
    "gateway killed: DPD finds it dead": _KILLED,
    "IPv6 inside, beside IPv4": _IPV6,
    "IPv6 outside, both inside": _IPV6,
    "client deletes": _MANY,
    "phase 2 renewed by the client, no packet lost": _SMALL,
    "router that forgets its mappings": _NAT,
}
NEIGHBOURS = {("lotor and lotor", "equal", "the same"): _MANY, ("strongSwan and vpnc", "their own", "the same"): _MANY}
METHODS_V2 = {"EAP-MSCHAPv2": _CLIENT, "EAP-GTC": _LIVES, "shared key": _OWN}
NEW = {
    "keys renewed by the client": _CLIENT,
    "keys renewed by the gateway": _OWN,
    "extended sequence numbers (ESN)": _OWN,
    "no extended sequence numbers": _OWN,
    "another address (MOBIKE)": _IPV6,
    "router that forgets its mappings": _MANY,
    "two devices behind one address": _MANY,
    "gateway killed": _KILLED,
    "IPv6 beside IPv4, only inside networks": _IPV6,
    "IKEv1 beside it": _NAT,
}
"""By the names of the rows; what is not here is of IKE alone, and the same with both engines, or was not tried."""


def named_kernel() -> frozenset[str]:
    """Every test that the page names here."""
    columns = (OLD_METHODS, OLD, NEIGHBOURS, METHODS_V2, NEW)
    cells = (test for each in columns for test in each.values())
    return frozenset([*(test for _, test in ROWS), *cells])
