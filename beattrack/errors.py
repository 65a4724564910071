"""Errors for users, whose messages are single sentences that the command line prints unchanged."""


class BeattrackError(Exception):
    """Base class of the errors of beattrack."""


class AudioError(BeattrackError):
    """The audio cannot be opened, decoded or used."""


class ModelError(BeattrackError):
    """The model file is missing, damaged or not a model of beattrack."""


class ActivationError(BeattrackError):
    """The activations have a wrong shape, type or file format."""


class SettingsError(BeattrackError, ValueError):
    """A setting has a wrong type, is out of range or contradicts another."""


class MissingExtraError(BeattrackError, ImportError):
    """An optional package is not installed; the message says how to install it.

    Args:
        package: package that is missing.
        extra: extra of beattrack that installs it.
        purpose: what needs it.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self._arguments = (package, extra, purpose)
        super().__init__(
            f"{purpose} needs the package {package!r}; install it with `pip install 'beattrack[{extra}]'` "
            f"(or `uv sync --extra {extra}` in a checkout)"
        )

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled between processes; by default, they are restored from their message alone.
        return (type(self), self._arguments)
