"""The network: its settings, its layers in torch, the ONNX export, and inference.

`settings`, `model_settings`, `input_level` and `inference` do not import torch. The other modules are for
training and `--device cuda`.
"""
