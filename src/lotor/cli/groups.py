"""Groups of commands: found when they are called, told in whole sentences, and the nearest one for a wrong word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

import click
from click.exceptions import NoSuchCommand

LONGEST_SENTENCE = 500
"""Characters of a command's first sentence, which a list of commands shows whole."""

Rows = Iterable[tuple[str, click.Command]]


class Told(click.Group):
    """A group whose list of commands cuts no sentence short."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in self.sections(ctx).items():
            with formatter.section(title):
                formatter.write_dl([(word, each.get_short_help_str(LONGEST_SENTENCE)) for word, each in rows])

    def sections(self, ctx: click.Context) -> Mapping[str, Rows]:
        """The commands as the help lists them, below a title each."""
        return {"Commands": self.rows(ctx, self.list_commands(ctx))}

    def rows(self, ctx: click.Context, words: Iterable[str]) -> Rows:
        found = [(word, self.get_command(ctx, word.partition(", ")[0])) for word in words]
        return [(word, command) for word, command in found if command is not None]


class Lazy(Told):
    """Imports a command when it is called. `words` maps each word to `module:name`; `titles` says which are listed, and
    where: a command with two names goes by one of them. A row of `titles` may name a short form behind a comma."""

    def __init__(
        self, *arguments: object, words: Mapping[str, str], titles: Mapping[str, Sequence[str]], **options: object
    ) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # what click gives goes on to click
        self.words = words
        self.titles = titles

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [word for rows in self.titles.values() for row in rows for word in row.split(", ")]

    def sections(self, ctx: click.Context) -> Mapping[str, Rows]:
        return {title: self.rows(ctx, rows) for title, rows in self.titles.items()}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        place = self.words.get(cmd_name)
        if place is None:
            return None
        module, name = place.split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None


def told(root: click.Group, words: Iterable[str]) -> str:
    """The help of the command that `words` lead to. Raises `NoSuchCommand`."""
    context = click.Context(root, info_name=root.name, **root.context_settings)
    for word in words:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            known = group.list_commands(context) if isinstance(group, click.Group) else ()
            raise NoSuchCommand(word, possibilities=known, ctx=context)
        context = click.Context(found, info_name=word, parent=context)
    return context.get_help()
