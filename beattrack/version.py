"""The version of this package, alone in a module so that every other can import it."""

__version__ = "0.1.0"
