"""The files in the folder of a training run: checkpoints, log, manifest, scores, model card."""
