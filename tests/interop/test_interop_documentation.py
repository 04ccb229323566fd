"""The configurations that the documentation shows are the ones that work, and README's lines lead to them."""

import os
import re
import signal
from pathlib import Path

import pytest

from lab import lotor
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import Lotor
from lab.node import only_child
from lab.terminal import Terminal

DOCS = Path(__file__).parents[2] / "docs"
CERTIFICATES = "/etc/lotor/certs"


def shown(document):
    """The first racoon.conf of a document."""
    return re.search(r"^```racoon\n(.*?)^```", (DOCS / document).read_text(), re.DOTALL | re.MULTILINE).group(1)


def test_the_documented_gateway_and_client_work(internet):
    gateway, client = Lotor(internet.gateway), Lotor(internet.client)
    for words in (("ca", "Example VPN CA"), ("gateway", "vpn.example.net", GATEWAY)):
        made = gateway.call("pki", words[0], "-d", CERTIFICATES, *words[1:])
        assert made.code == 0, made
    internet.client.write(f"{CERTIFICATES}/ca.crt", internet.gateway.path(f"{CERTIFICATES}/ca.crt").read_bytes())
    gateway.configure(shown("gateway.md"))
    client.configure(shown("client.md"))
    for program in (gateway, client):
        checked = program.call("check", lotor.CONFIGURATION)
        assert checked.code == 0, checked
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.start()
    client.start()
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert ping(internet.client, INSIDE_HOST)
    assert "session" in gateway.call("status", "--json").stdout


def readme(heading):
    """The lines to type below a heading of README, as they stand there."""
    text = (DOCS.parent / "README.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^    (.*)$", text, re.MULTILINE)


class Newcomer:
    """A person at a host as it comes, who types README's lines into a shell and is at home in the directory `home`.
    `pages`: what is written where an editor opens a file; passwords are typed where they are asked for. Lines without
    sudo are typed without being root."""

    PASSWORD = "a good password"
    USER = "newcomer"
    UID = "4711"
    SHELL = f"""
        sudo() {{ "$@"; }}
        sudoedit() {{ cat /run/page >"$1"; }}
        make() {{ test "$*" = setup; }}  # .venv, which runs this test, is what it makes
        USER={USER}
        set -e
    """
    NOBODY = (
        *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--no-new-privs"),
        # The checkout of the tests may lie where this person cannot read it; it opens no socket and writes nothing.
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
    )

    def __init__(self, node, page):
        self.node, self.home = node, "/run/home"
        node.write("/run/page", page)
        # A directory of its own in place of the machine's, where the first line puts the programs.
        keep = "mkdir /run/bin && cp -a /usr/local/bin/. /run/bin && rm -f /run/bin/lotor /run/bin/racoonctl"
        node.run("sh", "-ec", f"mkdir {self.home}; {keep}; mount --bind /run/bin /usr/local/bin")
        node.run("sh", "-ec", f"useradd --no-create-home --uid {self.UID} {self.USER}")

    def type(self, line, at=None):
        """One line in a terminal, to its end or, for one that stays, until Ctrl-C; there and at the end of a line that
        connects `at` is looked at."""
        root = "sudo" in line
        place = DOCS.parent if "$PWD" in line else self.home
        words = ("sh", "-c", f"{self.SHELL}\ncd {place}\n{line}")
        with Terminal(self.node, *(() if root else self.NOBODY), *words) as terminal:
            stays = "lotor connect" in line
            if " user add " in line:
                self.password(terminal, again=True)
            elif stays or "lotor vc" in line:
                self.password(terminal)
            if stays:
                terminal.expect("Ctrl-C ends it")
                at()
                os.kill(only_child(only_child(terminal.process.pid)), signal.SIGINT)
            assert terminal.end() == 0, f"{line}: {terminal.screen}"
        if "lotor vc" in line:
            at()

    def password(self, terminal, *, again=False):
        for _ in range(2 if again else 1):
            terminal.expect("assword: ")
            terminal.screen = ""
            terminal.type(self.PASSWORD)


def test_newcomer_8_readme_as_it_is_typed(internet):
    """Both ends, line by line, with the files that README points to: nothing is guessed, and nothing made ready but
    the host, its network and what the page tells to bring along."""
    internet.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    gateway, client = (
        Newcomer(node, shown(page)) for node, page in ((internet.gateway, "gateway.md"), (internet.client, "client.md"))
    )
    for line in (*readme("From source"), *readme("A gateway by hand")):
        gateway.type(line)
    brought = internet.gateway.path(f"{CERTIFICATES}/ca.crt").read_bytes()
    internet.client.write(f"{client.home}/ca.crt", brought)
    arrived = []

    def reach():
        arrived.append(ping(internet.client, INSIDE_HOST))

    typed = (*readme("From source"), *readme("A client by hand"))
    for line in typed:
        client.type(line, reach)
    assert arrived == [True, True]
    assert Lotor(internet.client).sessions() == []


def test_newcomer_8_each_line_of_readme_is_needed(internet):
    """The test above makes nothing ready: without the lines that prepare, the first that builds on them fails."""
    node = internet.client
    newcomer = Newcomer(node, shown("client.md"))
    with pytest.raises(AssertionError, match=r"lotor: (command )?not found"):
        newcomer.type("sudo lotor check /etc/lotor/racoon.conf")
    for line in readme("From source"):
        newcomer.type(line)
    with pytest.raises(AssertionError, match=r"/etc/lotor"):
        newcomer.type("sudoedit /etc/lotor/racoon.conf")
    assert not node.path("/etc/lotor").exists()


def test_documents_lead_to_documents():
    """Every relative link of the documentation has something at its end."""
    root = DOCS.parent
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in (*root.glob("*.md"), *root.glob("docs/**/*.md"))
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
