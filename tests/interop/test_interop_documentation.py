"""The configurations that the documentation shows are the ones that work, and README's lines lead to them."""

import re
import shlex
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
    """The lines to type below a heading of README, split into words, without sudo and remarks."""
    text = (DOCS.parent / "README.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^    (.*)$", text, re.MULTILINE)
    return [shlex.split(line.removeprefix("sudo "), comments=True) for line in lines if "make setup" not in line]


def type_line(program, words, files):
    """One line of README on a node; `files`: what is written where an editor is called. Passwords are typed."""
    match words:
        case ["sudoedit", path]:
            program.node.write(path, files[path])
        case ["lotor", "daemon"]:
            program.running = program.node.start("lotor", *lotor.PROGRAM, "daemon", "-F")
            program.running.expect("lotor serves with")
        case ["lotor", "user", "add", *_] | ["lotor", "vc", *_]:
            with program.type(*words[1:]) as terminal:
                for _ in range(2 if words[1] == "user" else 1):
                    terminal.expect("assword: ")
                    terminal.screen = ""
                    terminal.type("a good password")
                assert terminal.end() == 0, terminal.screen
        case ["lotor", *rest]:
            done = program.call(*rest)
            assert done.code == 0, done
        case _:
            program.node.run(*words)


def test_newcomer_8_readme_as_it_is_typed(internet):
    """Both ends, line by line, with the files that README points to and nothing guessed."""
    gateway, client = Lotor(internet.gateway), Lotor(internet.client)
    file = "/etc/lotor/racoon.conf"
    for words in readme("A gateway in five minutes"):
        type_line(gateway, words, {file: shown("gateway.md")})
    internet.client.write("/etc/hosts", f"{GATEWAY} vpn.example.net\n")
    internet.client.write("/run/ca.crt", internet.gateway.path(f"{CERTIFICATES}/ca.crt").read_bytes())
    lines = readme("A client in five minutes")
    alone = next(words for words in lines if "--ca" in words)
    for words in lines:
        if words is not alone:
            type_line(
                client, ["/run/ca.crt" if word == "ca.crt" else word for word in words], {file: shown("client.md")}
            )
        if words[:2] == ["lotor", "vc"]:
            assert ping(internet.client, INSIDE_HOST)
    assert client.sessions() == []


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
