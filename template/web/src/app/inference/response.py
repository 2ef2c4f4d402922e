"""Writes inference responses: a JSON object, behind which tensors may follow in binary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from src.app.http import Answer
from src.app.inference.metadata import NAME, VERSION
from src.app.inference.request import Inference
from src.app.inference.tensors import DATATYPES, to_binary, to_json
from src.ml.signature import Tensor


def write_inference(inference: Inference, tensors: Sequence[Tensor]) -> Answer:
    """The answer, whose ``tensors`` are those of ``inference.outputs``, in their order."""
    outputs: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for spec, binary, tensor in zip(inference.outputs, inference.binary, tensors, strict=True):
        output: dict[str, Any] = {
            "name": spec.name,
            "datatype": DATATYPES[spec.dtype],
            "shape": tensor.shape,
        }
        if binary:
            part = to_binary(spec, tensor)
            parts.append(part)
            output["parameters"] = {"binary_data_size": len(part)}
        else:
            output["data"] = to_json(tensor)
        outputs.append(output)
    response: dict[str, Any] = {"model_name": NAME, "model_version": VERSION}
    if inference.id is not None:
        response["id"] = inference.id
    response["outputs"] = outputs
    head = msgspec.json.encode(response)
    if not parts:
        return Answer(head)
    headers = (
        (b"content-type", b"application/octet-stream"),
        (b"inference-header-content-length", b"%d" % len(head)),
    )
    return Answer(b"".join((head, *parts)), headers=headers)
