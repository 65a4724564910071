"""The network in torch: convolutional front-end, temporal convolutional network, heads, and its ONNX export.

Only `settings` can be imported without torch; the other modules belong to training and `--device cuda`.
"""
