"""Composing: pieces in a style, for the sources that make up music."""
