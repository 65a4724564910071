"""Sounding: a performance, soundfonts, synthesisers, drum kits, a voice, effects."""
