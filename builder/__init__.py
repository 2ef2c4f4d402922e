"""infergen: from variables and an ONNX model to a running inference service."""

__version__ = "0.1.0"
