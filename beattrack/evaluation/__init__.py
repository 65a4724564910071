"""Scores of beats, downbeats and tempo: the metrics of mir_eval, and the errors that listeners notice."""
