"""Manual pages and completions: made of the parser as it is, without a fault that a formatter or a shell would find."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lotor.cli import completions, manuals, reference, roff
from lotor.cli.main import COMMANDS, RACOONCTL

ROOT = Path(__file__).parents[2]
MAN, COMPLETION = ROOT / "packaging" / "man", ROOT / "packaging" / "completion"
MADE = [
    (MAN, manuals.manuals(), "python -m lotor.cli.manuals packaging/man"),
    (COMPLETION, completions.completions(), "python -m lotor.cli.completions packaging/completion"),
]


@pytest.mark.parametrize(("directory", "made", "command"), MADE, ids=["man", "completion"])
def test_what_is_generated_is_current(directory, made, command):
    there = {path.name: path.read_text() for path in directory.iterdir()}
    assert there == dict(made), f"run {command}"


def test_the_reference_of_commands_is_current():
    there = (ROOT / "docs" / "commands.md").read_text()
    assert there == reference.reference(), "run python -m lotor.cli.reference > docs/commands.md"


def test_every_command_has_a_page():
    named = {name.removesuffix(".8").removeprefix("lotor-") for name in MADE[0][1]}
    places = {COMMANDS[word] for word in named if word in COMMANDS}
    assert places == set(COMMANDS.values()) - {COMMANDS["help"], COMMANDS["version"]}


@pytest.mark.parametrize("page", sorted(MADE[0][1]))
def test_mandoc_finds_nothing_in_a_page(page):
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", MAN / page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    shown = subprocess.run(["mandoc", "-Tutf8", MAN / page], capture_output=True, text=True, check=True).stdout
    assert "S\bSE\bEE\bE A\bAL\bLS\bSO\bO" in shown
    assert "\\" not in shown.replace("\\DOMAIN", "")


def test_pages_of_commands_tell_options_and_subcommands():
    text = MADE[0][1]["lotor-init.8"]
    assert "\\fB\\-\\-dry\\-run\\fR" in text
    assert '.SS "init gateway [options] [NAMES]...' in text
    assert "\\fBPATH" not in text
    assert '.SS "vpn\\-connect [options] GATEWAY (vc)"' in MADE[0][1]["racoonctl.8"]
    assert '.SS "dpd_delay"' in MADE[0][1]["racoon.conf.5"]


@pytest.mark.parametrize(
    ("markdown", "lines"),
    [
        ("# Title\n\n<!-- x -->\n\nA `word-s` and *two*\nlines.", [".PP", "A \\fBword\\-s\\fR and \\fItwo\\fR lines."]),
        ("## A [b](c.md) `d`", ['.SH "A [B](C.MD) D"']),
        ("- one\n  more\n- two", [".IP \\(bu 2", "one more", ".IP \\(bu 2", "two"]),
        ("    .x 'y\\z", [".PP", ".RS 4", ".nf", "\\&.x \\(aqy\\ez", ".fi", ".RE"]),
        (".begins with a dot, see [it](x.md)", [".PP", "\\&.begins with a dot, see it"]),
        ('### say "yes"', ['.SS "say \\(dqyes\\(dq"']),
    ],
)
def test_our_markdown_as_macros(markdown, lines):
    assert list(roff.pages(markdown)) == lines


CASES = [
    ("lotor conn", {"connect"}),
    ("lotor user l", {"lock", "list"}),
    ("lotor init gateway --dry", {"--dry-run"}),
    ("lotor pki gateway --key ec2", {"ec256"}),
    ("lotor -x pki show --he", {"--help"}),
    ("racoonctl show-s", {"show-sa", "show-schedule"}),
    ("racoonctl show-sa isa", {"isakmp"}),
    ("lotor connect --user connect --passw", {"--password-stdin"}),
]
BASH = """
load() { source "$1"; }
load "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_lotor "$1"
printf "%s\\n" "${COMPREPLY[@]}"
"""
ZSH = """
_describe() { print -l -- ${(P)2} }
_files() { print -l -- FILES }
fpath=(${1:h}); shift; words=("$@"); CURRENT=$#
autoload -Uz _lotor
_lotor "$@" > /dev/null
_lotor "$@"
"""


# bash-completion sources a script within a function; zsh loads one by its name, and calls it again without loading it.


def ran(*argv: str, directory: Path | None = None) -> list[str]:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=directory, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.split("\n")


@pytest.mark.parametrize(("line", "words"), CASES)
def test_bash_completes(line, words):
    assert set(filter(None, ran("bash", "-c", BASH, "x", str(COMPLETION / line.split()[0]), *line.split()))) == words


@pytest.mark.parametrize(("line", "words"), CASES)
def test_zsh_completes(line, words):
    shown = ran("zsh", "-f", "-c", ZSH, "x", str(COMPLETION / "_lotor"), *line.split())
    offered = {each.replace("\\:", "").partition(":")[0] for each in shown}
    assert {each for each in offered if each.startswith(line.split()[-1])} == words


@pytest.mark.parametrize(("line", "words"), CASES)
def test_fish_completes(line, words, tmp_path):
    script = "".join(f"source {COMPLETION / name}.fish; " for name in ("lotor", "racoonctl")) + f"complete -C '{line}'"
    shown = ran("fish", "--no-config", "-c", script, directory=tmp_path)
    assert {each.partition("\t")[0] for each in shown if each} == words


def test_files_are_completed_where_a_file_is_wanted(tmp_path):
    (tmp_path / "racoon.conf").write_text("")
    bash = ("bash", "-c", "compopt() { :; }; " + BASH, "x", str(COMPLETION / "lotor"))
    assert ran(*bash, "lotor", "check", "rac", directory=tmp_path)[0] == "racoon.conf"
    assert ran(*bash, "lotor", "daemon", "-f", "rac", directory=tmp_path)[0] == "racoon.conf"
    zsh = ("zsh", "-f", "-c", ZSH, "x", str(COMPLETION / "_lotor"))
    assert ran(*zsh, "lotor", "check", "rac")[0] == "FILES"
    fish = f"source {COMPLETION / 'lotor.fish'}; complete -C 'lotor check rac'"
    assert ran("fish", "--no-config", "-c", fish, directory=tmp_path)[0].startswith("racoon.conf")


def test_completion_knows_every_word_of_both_programs():
    scripts = MADE[1][1]
    (lotor,) = (each for each in scripts["lotor"].splitlines() if each.startswith("_lotor_words['lotor']="))
    (racoonctl,) = (each for each in scripts["racoonctl"].splitlines() if each.startswith("_lotor_words['racoonctl']="))
    assert set(lotor.split("'")[3].split()) == set(COMMANDS) - {"vc", "vd"}
    assert set(racoonctl.split("'")[3].split()) == set(RACOONCTL)


def test_each_page_is_in_the_wheel():
    """The wheel has a link to each of them, and the package takes what the wheel has."""
    pages = {page.name for page in (ROOT / "packaging" / "man").iterdir()}
    share = ROOT / "packaging" / "wheel.data" / "data" / "share" / "man"
    assert pages
    assert {page.name for page in share.rglob("*.?") if page.exists()} == pages
