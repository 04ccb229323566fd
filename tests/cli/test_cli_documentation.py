"""What README and docs tell people to type exists: words and options of both programs, one place for certificates."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from lotor.cli.main import COMMANDS, RACOONCTL, RACOONCTL_WORDS, lotor, racoonctl_group

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```.*?^```|^    [^\n]*$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
CALL = re.compile(
    r"(?:^ *(?:\$ )?|&& )(?:sudo )?(lotor|racoonctl) ((?:[a-z][a-z-]*|-[-a-zA-Z]+)(?: [^#`|&;\n]*)?)", re.MULTILINE
)
GROUPS = {"lotor": lotor, "racoonctl": racoonctl_group}


def typed(page):
    """The calls of a page: program and words, from its blocks and from what stands in backticks."""
    text = page.read_text()
    code = [*BLOCK.findall(text), *SPAN.findall(BLOCK.sub("", text))]
    return [(program, words.split()) for each in code for program, words in CALL.findall(each)]


def command_of(program, words):
    """The command that is meant, and what is typed behind it; `KeyError` for a word that does not exist."""
    command, rest = GROUPS[program], list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            raise KeyError(f"{program} {' '.join(words)}")
        command, rest = found, rest[1:]
    return command, rest


CALLING = [page for page in PAGES if typed(page)]


@pytest.mark.parametrize("page", CALLING, ids=lambda page: page.name)
def test_newcomer_12_every_documented_word_exists(page):
    calls = typed(page)
    assert calls
    for program, words in calls:
        command, rest = command_of(program, words)
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"-h", "--help"}
        wrong = [word for word in rest if re.fullmatch(r"--?[a-zA-Z][-a-zA-Z]*", word) and word not in known]
        assert not wrong, f"{page.name}: {program} {' '.join(words)}"


def test_newcomer_12_the_test_finds_what_is_typed():
    """README's lines are among what is looked at, and a word that does not exist would be found."""
    words = {(program, each[0]) for page in PAGES for program, each in typed(page)}
    assert {("lotor", "pki"), ("lotor", "vc"), ("lotor", "events"), ("racoonctl", "vc")} <= words
    with pytest.raises(KeyError):
        command_of("lotor", ["show-event"])
    assert command_of("racoonctl", ["show-event"])[1] == []


def test_newcomer_12_gateways_page_lists_racoonctls_words():
    text = (ROOT / "docs" / "gateway.md").read_text()
    listed = re.search(r"racoonctl's words.*?\n\n", text, re.DOTALL).group(0)
    words = re.findall(r"`([a-z]+-?[a-z]*)`", listed)
    assert len(words) >= len(RACOONCTL_WORDS) - 2
    for word in words:
        assert word in RACOONCTL or word in COMMANDS or word in {"racoonctl", "isakmp"}, word
    for long, _, _ in RACOONCTL_WORDS:
        assert long in listed or long in ("vpn-connect", "vpn-disconnect")


def test_newcomer_12_readme_links_every_program():
    """The line that puts programs on the path names all that the package has."""
    (link,) = re.findall(r"ln -s .*/usr/local/bin/?$", (ROOT / "README.md").read_text(), re.MULTILINE)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(re.findall(r"\.venv/bin/(\w+)", link)) == set(scripts)


def test_newcomer_8_one_directory_for_certificates():
    for page in (*PAGES, ROOT / "demo" / "story.py"):
        text = page.read_text()
        assert "/etc/openssl/certs" not in text, page.name
        for directory in re.findall(r'(?:-d |path certificate ")(/[\w/]+)', text):
            assert directory == "/etc/lotor/certs", page.name
