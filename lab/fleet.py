"""Two gateways of a fleet, each a host of its own; people outside, a database and a RADIUS server inside."""

from __future__ import annotations

from lab import freeradius, pki, postgresql
from lab import lotor as lab_lotor
from lab.hosts import Hosts
from lab.lotor import CONFIGURATION, Lotor
from lab.node import LabError, Node

GATEWAYS = ("192.0.2.51", "192.0.2.52")
NAMES = ("gw1", "gw2")
SERVERS = "203.0.113.10"
FIRST_PERSON = "198.51.100.20"
MOST_PEOPLE = 230
RADIUS_CONF = f"acct {SERVERS} {freeradius.SECRET}\n"
KEY_FILE = "/etc/lotor/fleet.key"
_PLAIN = {"pfs_group": "", "esp_frag": "", "banner": "", "my_identifier": "address", "dpd_delay": "5"}
_FLEET = """
store "{url}";
fleet_name "{name}";
lease_time {lease};
"""


class FleetLab(Hosts):
    """`lease` in seconds; both gateways are there, and none is started."""

    def __init__(self, people: int, lease: int = 30) -> None:
        if people > MOST_PEOPLE:
            raise LabError(f"the lab has addresses for {MOST_PEOPLE} people")
        super().__init__("lotor-fleet-")
        try:
            self.people, self.inside = self._node("people"), self._node("inside")
            self._hub(self.people, "192.0.2.1/24")
            self._hub(self.inside, f"{SERVERS}/24")
            for number in range(people):
                self.people.ip("address", "add", f"198.51.100.{20 + number}/32", "dev", "lo")
            hosts = [self._gateway(number) for number in range(len(NAMES))]
            self.postgresql = postgresql.Server(self.inside, SERVERS)
            self.radius = freeradius.Server(self.inside, SERVERS)
            self.gateways = [self._lotor(number, node, lease) for number, node in enumerate(hosts)]
        except BaseException:
            self.close()
            raise

    def _hub(self, node: Node, address: str) -> None:
        node.ip("link", "add", "lan", "type", "bridge")
        node.ip("address", "add", address, "dev", "lan")
        node.ip("link", "set", "lan", "up")

    def _gateway(self, number: int) -> Node:
        node = self._node(NAMES[number])
        ends = ((self.people, "eth0", f"{GATEWAYS[number]}/24"), (self.inside, "eth1", f"203.0.113.{number + 1}/24"))
        for hub, device, address in ends:
            hub.ip("link", "add", f"to{number}", "type", "veth", "peer", "name", device, "netns", str(node.pid))
            hub.ip("link", "set", f"to{number}", "master", "lan", "up")
            node.ip("address", "add", address, "dev", device)
            node.ip("link", "set", device, "up")
        node.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.1")
        node.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
        return node

    def _lotor(self, number: int, node: Node, lease: int) -> Lotor:
        certificates = self.directory / f"certificates-{number}"
        pki.gateway(pki.authority(), GATEWAYS[number]).save(certificates, "vpngw")
        source = "local; accounting radius; accounting_interval 0 sec"
        pool = {"network4": "10.99.98.1", "pool_size": "450"}
        made = lab_lotor.gateway(node, certificates, **_PLAIN, **pool, auth_source=source)
        fleet = _FLEET.format(url=self.postgresql.url, name=NAMES[number], lease=lease)
        made.configure(fleet + node.path(CONFIGURATION).read_text())
        node.path(CONFIGURATION).chmod(0o600)
        node.write(postgresql.AUTHORITY, self.postgresql.authority.certificate)
        node.write("/etc/radius.conf", RADIUS_CONF, 0o600)
        node.write("/etc/hosts", "127.0.0.1 localhost\n")
        return made
