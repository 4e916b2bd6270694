"""One module a subcommand of `sigap`; each has a click command named `command`."""
