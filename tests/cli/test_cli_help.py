"""The help: one name for a command, whole sentences, 80 columns; and a wrong word leads to the right one."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from lotor.cli.main import COMMANDS, RACOONCTL, TITLES, lotor, racoonctl_group


def commands(group: click.Group, *words: str):
    """Every command with the words that lead to it."""
    yield words, group
    for word in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), word)
        assert command is not None, word
        if isinstance(command, click.Group):
            yield from commands(command, *words, word)
        else:
            yield (*words, word), command


EVERY = dict(commands(lotor))


def said(*words: str) -> str:
    done = CliRunner().invoke(lotor, words)
    assert done.exit_code == 0, done
    return done.output


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_of_each_command_is_whole_and_fits(words):
    text = said("help", *words)
    assert text == said(*words, "--help")
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.split("\n", 2)[2]


def test_a_command_goes_by_one_name_in_the_list():
    listed = [word for words in TITLES.values() for word in words]
    assert len(listed) == len(set(listed))
    assert set(COMMANDS) - set(listed) == {"vc", "vd"}
    places = [COMMANDS[word] for word in listed]
    assert len(places) == len(set(places))
    assert "Let the user NAME in no more; sessions that are up stay up without" in said("user", "--help")


def test_racoonctls_words_are_with_racoonctl():
    text = said("racoonctl", "--help")
    assert "vpn-connect, vc " in text
    assert not [word for word in RACOONCTL if f"  {word}  " in said("--help") and word not in COMMANDS]
    assert set(racoonctl_group.list_commands(click.Context(racoonctl_group))) == set(RACOONCTL)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("conect",), "Did you mean one of: 'connect'"),
        (("user", "ad"), "Did you mean 'add'?"),
        (("help", "chek"), "Did you mean 'check'?"),
        (("racoonctl", "vpn-conect"), "'vpn-connect'"),
        (("status", "--jsn"), "Did you mean '--json'?"),
        (("init", "gatway"), "Did you mean 'gateway'?"),
    ],
)
def test_newcomer_22_a_wrong_word_leads_to_the_right_one(words, near):
    done = CliRunner().invoke(lotor, words)
    assert done.exit_code == 2
    assert near in done.output


def test_a_word_that_is_like_nothing_leads_nowhere():
    done = CliRunner().invoke(lotor, ["help", "user", "add", "xyzzy"])
    assert (done.exit_code, done.output.strip().splitlines()[-1]) == (2, "Error: No such command 'xyzzy'.")
