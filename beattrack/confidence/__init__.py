"""How sure the beats of a recording are: probabilities that are calibrated on annotated music."""
