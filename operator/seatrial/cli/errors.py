"""The error of the commands: CommandError, and nothing below it."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot do what it is asked for.

    Every argument is one sentence: what is wrong, why, and what the user can do.
    """
