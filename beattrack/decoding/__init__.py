"""Decoders, which compute beats and downbeats from activations."""
