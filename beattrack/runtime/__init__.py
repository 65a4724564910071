"""Utilities for all packages: checks of settings, files, records, worker processes, progress."""
