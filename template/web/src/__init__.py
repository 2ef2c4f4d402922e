"""Turns ONNX Runtime's telemetry off before any module of this package can import it."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
