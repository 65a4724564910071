"""Decoders: from activations to beats and downbeats."""
