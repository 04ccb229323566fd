"""The command line as data: each command with its words, sentences, options and arguments, from the parser itself.

Manual pages and completions are made of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from lotor.model.frozen import frozen


@frozen
class DescribedOption:
    """`value` is the placeholder of what follows, empty for a switch; `choices` where only some words may follow."""

    names: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...] = ()
    file: bool = False


@frozen
class DescribedCommand:
    """`words` lead to it, the program first; `names` are the words of the commands below it. `short` says in a sentence
    what it is, `paragraphs` say all. `usage` is what is typed behind the words. `file`: an argument is a file."""

    words: tuple[str, ...]
    short: str
    paragraphs: tuple[str, ...]
    usage: str
    options: tuple[DescribedOption, ...]
    names: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    file: bool = False

    @property
    def program(self) -> str:
        return self.words[0]


def described(root: click.Group, program: str) -> Iterator[DescribedCommand]:
    """A program and all commands below it, each before those below it."""
    yield from _described(click.Context(root, info_name=program, **root.context_settings), (program,))


def _described(context: click.Context, words: tuple[str, ...]) -> Iterator[DescribedCommand]:
    command = context.command
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    yield _one(context, words, tuple(names))
    for name in names:
        below = command.get_command(context, name) if isinstance(command, click.Group) else None
        if below is not None:
            yield from _described(click.Context(below, info_name=name, parent=context), (*words, name))


def _one(context: click.Context, words: tuple[str, ...], names: tuple[str, ...]) -> DescribedCommand:
    command = context.command
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    return DescribedCommand(
        words,
        command.get_short_help_str(500).rstrip("."),
        tuple(" ".join(part.split()) for part in (command.help or "").split("\n\n")),
        " ".join(command.collect_usage_pieces(context)).replace("[OPTIONS]", "[options]"),
        tuple(_option(each, context) for each in options),
        names,
        tuple(word for each in arguments for word in _choices(each)),
        any(isinstance(each.type, click.Path) for each in arguments),
    )


def _option(option: click.Option, context: click.Context) -> DescribedOption:
    switch = option.is_flag or option.count
    return DescribedOption(
        (*option.opts, *option.secondary_opts),
        "" if switch else option.make_metavar(context),
        option.help or "",
        _choices(option),
        isinstance(option.type, click.Path),
    )


def _choices(parameter: click.Parameter) -> tuple[str, ...]:
    return tuple(map(str, parameter.type.choices)) if isinstance(parameter.type, click.Choice) else ()
