"""Training of the network: crops and augmentation, targets, losses, weight averaging, and the run itself."""
