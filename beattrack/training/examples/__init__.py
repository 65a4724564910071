"""Training examples: crops of songs, augmented, with their targets."""
