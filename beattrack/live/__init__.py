"""Live tracking: sound devices, pipes and files as streams; beats as lines, OSC, MIDI clock and clicks."""
