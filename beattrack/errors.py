"""The errors a user can act on: each message is one sentence, printed as it stands by the command line."""


class BeattrackError(Exception):
    """Base of all errors that beattrack raises on purpose."""


class AudioError(BeattrackError):
    """The audio cannot be opened, decoded or used."""


class ModelError(BeattrackError):
    """The model file is missing, damaged or not one of ours."""


class ActivationError(BeattrackError):
    """The activations have the wrong shape, values or file format."""


class SettingsError(BeattrackError, ValueError):
    """A setting is out of its range or contradicts another."""


class MissingExtraError(BeattrackError, ImportError):
    """An optional package is needed; the message names the command that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self._arguments = (package, extra, purpose)
        super().__init__(
            f"{purpose} needs the package {package!r}: install it with `pip install 'beattrack[{extra}]'` "
            f"(or `uv sync --extra {extra}` in a checkout)"
        )

    def __reduce__(self) -> tuple[object, ...]:
        # Errors pass between processes; by default they are made again from their message alone.
        return (type(self), self._arguments)
