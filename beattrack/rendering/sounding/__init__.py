"""From pieces to audio: performance, soundfonts, synthesisers, drum kits, voice, effects."""
