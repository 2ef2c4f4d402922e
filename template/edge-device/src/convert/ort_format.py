"""ONNX Runtime's own format: optimised once, here, for CPUs like this one; it loads faster."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort


def to_ort_format(source: Path, target: Path) -> None:
    """Raises ONNX Runtime's error for a model that the format cannot carry."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
