"""A command of commands that says which there are."""

import click


class NamingGroup(click.Group):
    """A group that answers a wrong name with the right ones."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click has it, but for a name that is none."""
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            raise click.UsageError(f"no command {args[0]!r}; allowed: {', '.join(names)}", ctx)
        return super().resolve_command(ctx, args)
