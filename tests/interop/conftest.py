"""What the tests with real peers share: a lab of their own each, and certificates made once."""

import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import pki
from lab.dialling import serve
from lab.internet import GATEWAY, GATEWAY6, Internet
from lab.lotor import Lotor
from lab.uml import MACHINES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)
            item.add_marker(pytest.mark.root)


@pytest.fixture(scope="session")
def authority() -> pki.Issued:
    return pki.authority()


@pytest.fixture(scope="session")
def certificates(authority: pki.Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.crt, and vpngw.crt with vpngw.key for the gateway's addresses and gw.example.org."""
    directory = tmp_path_factory.mktemp("pki")
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, GATEWAY6, "gw.example.org").save(directory, "vpngw")
    return directory


@pytest.fixture(scope="session")
def alice(authority: pki.Issued) -> pki.Issued:
    return pki.user(authority, "alice")


@pytest.fixture
def alices(alice: pki.Issued, certificates: Path, tmp_path: Path) -> Path:
    """The same files, and a certificate of alice beside them, in a directory of the test's own."""
    directory = shutil.copytree(certificates, tmp_path / "alices")
    alice.save(directory, "user")
    return directory


@pytest.fixture
def uml() -> None:
    """For tests of peers that need a kernel of their own."""
    if platform.machine() not in MACHINES:
        pytest.skip(f"Debian has no User Mode Linux for {platform.machine()}")


@pytest.fixture
def internet() -> Iterator[Internet]:
    yield from lab(Internet(clients=2))


@pytest.fixture
def direct_internet() -> Iterator[Internet]:
    """No NAT: the router only routes."""
    yield from lab(Internet(nat=False))


@pytest.fixture
def both_internet() -> Iterator[Internet]:
    """IPv4 behind a NAT, and IPv6 without one."""
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this kernel has no IPv6")
    yield from lab(Internet(clients=2, ipv6=True))


@pytest.fixture
def twin_internet() -> Iterator[Internet]:
    """Two clients with the same private address, each behind a NAT router that is behind a NAT router."""
    yield from lab(Internet(clients=2, homes=2))


@pytest.fixture
def homes_internet() -> Iterator[Internet]:
    """Two such homes with two clients each: 0 and 2 are at the first, 1 and 3 have the same addresses at the other."""
    yield from lab(Internet(clients=4, homes=2))


@pytest.fixture
def broken_internet() -> Iterator[Internet]:
    """The router drops every IP fragment and every UDP datagram over 576 octets."""
    yield from lab(Internet(broken=576))


@pytest.fixture
def gateway(internet: Internet, certificates: Path) -> Lotor:
    """The HOW-TO's gateway, running, with user alice."""
    return serve(internet, certificates)


def lab(net: Internet) -> Iterator[Internet]:
    """pytest shows what is printed here when the test failed: the end of every log."""
    with net:
        yield net
        for program in (each for node in net.nodes for each in node.programs):
            sys.stdout.write(f"--- {program.name}\n{program.text()[-6000:]}\n")
