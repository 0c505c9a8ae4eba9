"""The error of an export."""

from zoo.commands.endings import CommandError


class ExportError(CommandError):
    """A model does not pass the checks of an export: nothing was published."""
