"""Training music from symbolic sources: pieces with exact beats, performed and synthesised."""
