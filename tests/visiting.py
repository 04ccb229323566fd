"""Two whole programs, gateway and client, in one event loop; the network and the host are recordings."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from lotor.control.messages import Connect, Disconnect
from lotor.control.service import Credential
from lotor.daemon.active_config import equip
from lotor.daemon.attended import far_ports
from lotor.daemon.choosing import Carrying
from lotor.daemon.reloading import Reload
from lotor.daemon.service import AdminService
from lotor.daemon.wiring import Wiring
from lotor.hosts.sockets import HostSockets
from lotor.ike.endpoint import Endpoint
from lotor.model.engines import Engine, EngineChoice
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.privsep.asking import Asker
from lotor.privsep.far_configurations import FarConfigurations
from lotor.privsep.far_files import FarFiles
from lotor.privsep.frames import pair
from lotor.privsep.living import ABOUT
from lotor.privsep.serving import Server
from lotor.runtime.present import Present
from lotor.runtime.randomness import SystemRandomness
from lotor.store import Store
from lotor.warden import loading
from lotor.warden.attendance import Attendance
from lotor.warden.warden import Hold, Warden
from scripted import RecordingCarrier, RecordingEngine, RecordingHost, RecordingRoutes

GATEWAY = IPv4Address("127.0.0.1")
PASSWORD = "correct-horse-battery"

GATEWAY_FILE = """
path certificate "{directory}";
listen {{ adminsock disabled; }}
remote anonymous {{
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    my_identifier asn1dn;
    proposal_check claim;
    generate_policy on;
    ike_frag on;
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14;
    }}
}}
mode_cfg {{
    network4 10.99.99.1; pool_size {pool}; auth_source local; users "{directory}/users"; dns4 10.0.12.1;
    banner "{directory}/motd"; auth_throttle 0;
}}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""
CLIENT_FILE = """
path certificate "{directory}";
path pre_shared_key "{directory}/psk.txt";
listen {{ adminsock disabled; }}
remote 127.0.0.1 {{
    exchange_mode aggressive;
    ca_type x509 "ca.crt";
    proposal_check obey;
    mode_cfg on;
    ike_frag on;
    {login}
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group 14;
    }}
}}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""


class Air:
    """The network: carries datagrams between the two programs."""

    def __init__(self):
        self.receivers = {}
        self.deaf = False

    def carry(self, sender, data, path):
        other = "client" if sender == "gateway" else "gateway"
        if not self.deaf and other in self.receivers:
            arrived = Path(path.remote, path.local, path.floated)
            asyncio.get_running_loop().call_soon(self.receivers[other], data, arrived)


class AirSocket:
    """Port 500 of one program."""

    def __init__(self, air, name, port):
        self.air, self.name = air, name
        self.local = Peer(IPv4Address("127.0.0.1"), port)

    def start(self, receive):
        self.air.receivers[self.name] = receive

    def close(self):
        pass

    def serves(self, path):
        return not path.floated

    def transmit(self, data, path):
        self.air.carry(self.name, data, path)


class AirCarrier(RecordingCarrier):
    def __init__(self, air, name):
        super().__init__()
        self.air, self.name = air, name

    def transmit(self, data, path):
        self.air.carry(self.name, data, path)


class Typing:
    """Somebody at the administrator's socket, root unless another `uid` is given."""

    credential = Credential(1, 0, 0)

    def __init__(self, password=PASSWORD):
        self.password, self.prompts, self.told = password, [], []

    async def prompt(self, wants, message):
        self.prompts.append(wants)
        return None if self.password is None else {field: Secret(self.password) for field in wants}

    async def tell(self, text):
        self.told.append(text)


ROOT = Typing()


class StillListeners:
    """Port 500 stays where it is."""

    async def prepare(self, active, opened):
        return []

    def replace(self, carriers, active):
        return []


@dataclass
class Device:
    """None that carries anything."""

    name: str
    fd: int
    framed = False

    def close(self):
        os.close(self.fd)


class Devices:
    """`ports.interface.Tunnels` of a host that has no other one."""

    async def open(self):
        return Device(RecordingEngine.name, os.open("/dev/null", os.O_RDWR))


class Near:
    """A program that is one process: it has the warden's own engines."""

    def __init__(self, warden):
        self.warden = self.configurations = warden
        self.make = equip

    async def start(self):
        return Present(self.make(self.warden.present()))

    def ports(self, present):
        del present
        return self.warden.privileged

    async def stop(self):
        pass


class Distant:
    """A program of two processes: it has the same ports at the other end of a line. `broken`: why that ended."""

    def __init__(self, warden):
        self.attendance = Attendance(warden)
        self.broken = []

    async def start(self):
        self.ends = pair()
        self.server = Server(self.ends[1], self.attendance.begin(), self.broken.append)
        self.asker = Asker(self.ends[0], self.broken.append)
        self.configurations = FarConfigurations(self.asker)
        self.make = partial(equip, files=FarFiles(self.asker))
        self.session_ids = (await self.asker.ask(ABOUT, None)).value.session_ids
        return Present(await asyncio.to_thread(self.make, await self.configurations.present()))

    def ports(self, present):
        return far_ports(self.asker, present, self.session_ids)

    async def stop(self):
        assert self.broken == []
        for each in (self.asker, self.server, *self.ends):
            each.close()
        await self.attendance.let_go()
        await self.attendance.close()


class World:
    """Gateway and client, assembled but for the host. `diary` is what the client's host was asked to do. `far`: each
    asks a warden for what needs rights, over a line. `lasting`: its store is a file."""

    def __init__(self, directory, *, pool=253, login="", capture=None, ipv6="", far=False, lasting=False):
        self.lasting = lasting
        self.capture, self.reach, self.reaches = capture, Distant if far else Near, {}
        self.directory, self.air, self.diary, self.wardens, self.devices = directory, Air(), [], {}, []
        gateway = GATEWAY_FILE.format(directory=directory, pool=pool)
        (directory / "gateway.conf").write_text(gateway.replace("dns4 10.0.12.1;", f"dns4 10.0.12.1; {ipv6}"))
        (directory / "client.conf").write_text(CLIENT_FILE.format(directory=directory, login=login))
        self.host = RecordingHost(self.diary)

    async def start(self):
        self.gateway, self.gateway_plane = await self.program("gateway")
        self.client, self.client_plane = await self.program("client")
        self.admin = self.admin_of("client", self.client)
        self.gateway_admin = self.admin_of("gateway", self.gateway)

    async def program(self, name):
        path = self.directory / f"{name}.conf"
        store = Store(self.directory / f"{name}.db" if self.lasting else None)
        hold = Hold(HostSockets(), Devices(), self.host, RecordingRoutes(), store=store)
        self.wardens[name] = warden = Warden(lambda: loading.load(path), loading.load(path), hold)
        await warden.start()
        self.reaches[name] = reach = self.reach(warden)
        present, plane = await reach.start(), RecordingEngine()
        privileged = reach.ports(present)
        self.devices.append(await privileged.tunnels.open())
        capture = self.capture if name == "gateway" else None
        core = Endpoint(present.now.policy, SystemRandomness(), disclose=capture is not None)
        wiring = Wiring(
            core,
            present,
            privileged,
            Carrying(plane, AirCarrier(self.air, name), plane, EngineChoice(Engine.USERSPACE, "engine auto")),
            isakmp=[AirSocket(self.air, name, 500 if name == "gateway" else 501)],
            broken=lambda why: None,
            capture=capture,
        )
        wiring.start()
        return wiring, plane

    def admin_of(self, name, wiring, reload=None):
        path = self.directory / f"{name}.conf"
        reach = self.reaches[name]
        reload = reload or Reload(reach.configurations, reach.make, StillListeners(), wiring.present)
        return AdminService(wiring, str(path), reload)

    async def vc(self, user="alice", typing=None, gateway="127.0.0.1"):
        return await asyncio.wait_for(self.admin.connect(Connect(gateway, user), typing or Typing()), 60)

    async def vd(self):
        return await self.admin.disconnect(Disconnect("127.0.0.1"), Typing())

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)
        await self.gateway.follower.settled()
        await self.gateway.configurations.settled()
        await self.client.follower.settled()

    async def stop(self):
        await self.client.stop()
        await self.settle()
        await self.gateway.stop()
        for each in self.reaches.values():
            await each.stop()
        for each in self.devices:
            each.close()
        for warden in self.wardens.values():
            await warden.stop()


def play(directory, story, **options):
    async def whole():
        world = World(directory, **options)
        await world.start()
        try:
            return await story(world)
        finally:
            await world.stop()

    return asyncio.run(whole())
