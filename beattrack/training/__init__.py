"""What training needs beyond the network: crops and augmentation, targets, losses, averaging of weights."""
