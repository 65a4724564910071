"""Composition of pieces in a style, for the sources that generate music."""
