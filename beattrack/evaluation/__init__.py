"""Scoring beats, downbeats and tempo: metrics of mir_eval, and what a listener notices."""
