"""The configurations that the documentation shows are the ones that work."""

import re
from pathlib import Path

from lab import lotor
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import Lotor

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
    internet.gateway.write("/etc/lotor/motd", lotor.MOTD)
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
    assert "Flying pigs LTD" in done.stdout
    assert ping(internet.client, INSIDE_HOST)
    assert "session" in gateway.call("status", "--json").stdout


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
