"""Inspects one model; runs in a process of its own, since a kernel may kill it.

Reads a request from stdin and writes lines of JSON: ``{"attempt": [key, text]}`` before anything
that might kill the process, at the end ``{"facts": …}`` or ``{"error": message}``.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from builder.errors import ModelError
from builder.model.batching import find_batching, holds_several
from builder.model.classes import categories, named_classes
from builder.model.clues import Clues
from builder.model.describe import describe_data, describe_prediction
from builder.model.external import external_files
from builder.model.facts import Described, ImageFacts, Json, ModelFacts, TensorFacts
from builder.model.facts_json import facts_to_json
from builder.model.files import digest_and_size
from builder.model.given import given_sample
from builder.model.graph import Graph, custom_operators, locales, parameter_count, read_graph
from builder.model.image import image_candidates, image_input
from builder.model.measure import measure
from builder.model.ports import arrays, check_together, input_facts, output_facts, with_classes
from builder.model.prediction import choose
from builder.model.request import ImageSettings, Request
from builder.model.search import Sample, find_sample
from builder.model.session import Announce, RunError, Session, open_session
from builder.model.tensors import Array, encode
from builder.model.transform import image_tensor, read_image, sample_pixels, write_png


def inspect_here(request: Request, announce: Announce, crashed: Mapping[str, str]) -> ModelFacts:
    """Inspect the model in this process. Raises ModelError."""
    graph = read_graph(request.model)
    external = external_files(request.model, graph.proto)
    custom = custom_operators(graph.proto)

    def opened() -> Session:
        return open_session(request.model, announce, crashed, custom)

    session = opened()
    inputs = input_facts(graph, session)
    outputs = output_facts(graph, session)
    check_together(graph.path, inputs, outputs)
    image, data, sample = _sample(request, graph, session, inputs)
    outputs = with_classes(request.model, outputs, sample.answer)

    def run(feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        return arrays(outputs, session.run(feeds))

    answer = arrays(outputs, sample.answer)
    if (
        request.data_sample is not None
        and (several := holds_several(run, inputs, sample.feeds)) > 1
    ):
        raise ModelError(f"data_sample holds {several} items; give one, with a first axis of 1.")
    verified = find_batching(run, inputs, sample.feeds)
    session.close()
    batching = verified.batching
    choice = choose(
        outputs,
        answer,
        batching,
        request.prediction_output,
        request.labels,
        named_classes(graph.proto),
    )
    prediction = describe_prediction(outputs, answer, choice.outputs, request.postprocess, batching)
    sha256, size = digest_and_size(request.model, external)
    return ModelFacts(
        file_name=request.model.name,
        sha256=sha256,
        size=size,
        external_data=external,
        locales=locales(graph.proto),
        ir_version=graph.proto.ir_version,
        opsets={entry.domain or "ai.onnx": entry.version for entry in graph.proto.opset_import},
        producer=f"{graph.proto.producer_name} {graph.proto.producer_version}".strip(),
        parameters=parameter_count(graph.proto),
        inputs=inputs,
        outputs=outputs,
        constants=graph.constants,
        batching=batching,
        data=data or describe_data(inputs, sample.feeds, sample.spelled, batching),
        prediction=prediction,
        prediction_outputs=choice.outputs,
        labels=choice.labels,
        sample_inputs=dict(sample.spelled),
        sample_outputs={name: encode(array) for name, array in answer.items()},
        image=image,
        measured=measure(opened, sample.feeds, verified),
    )


def _sample(
    request: Request, graph: Graph, session: Session, inputs: tuple[TensorFacts, ...]
) -> tuple[ImageFacts | None, Described | None, Sample]:
    """The sample, and for an image how it became a tensor and how a request carries it."""
    if request.image is not None:
        return _image_sample(session, inputs, request.image, request.data_sample)
    if request.data_sample is not None:
        return None, None, given_sample(session, inputs, request.data_sample)
    clues, known = Clues(graph.proto), categories(graph.proto)
    try:
        return None, None, find_sample(session, inputs, clues, known, request.timeout / 4)
    except ModelError as error:
        raise ModelError(f"{request.model}: {error}") from None


def _image_sample(
    session: Session, inputs: tuple[TensorFacts, ...], settings: ImageSettings, data: Json | None
) -> tuple[ImageFacts, Described, Sample]:
    value = image_input(inputs)
    failure = ""
    for image in image_candidates(value, settings):
        pixels = sample_pixels(image) if data is None else read_image(data, image)
        feeds = {value.name: image_tensor(pixels, image, value.dtype)}
        try:
            answer = session.run(feeds)
        except RunError as error:
            failure = failure or str(error)
            continue
        carried = data or base64.b64encode(write_png(pixels)).decode("ascii")
        spelled = {value.name: encode(feeds[value.name])}
        return image, Described("image", "base64", carried), Sample(feeds, spelled, answer)
    raise ModelError(
        f"the model does not run on an image: {failure} "
        "Set image.width, image.height and image.layout to what it was trained on."
    )


def read_request(message: Mapping[str, Any]) -> Request:
    """The request that ``builder.model.inspect`` wrote."""
    values = dict(message)
    image = values["image"]
    if image is not None:
        image = {key: tuple(v) if isinstance(v, list) else v for key, v in image.items()}
    labels = values["labels"]
    return replace(
        Request(**{**values, "model": Path(values["model"])}),
        image=ImageSettings(**image) if image is not None else None,
        labels=tuple(labels) if labels is not None else None,
    )


def main(lifeline: int) -> None:
    """Answer the one request on stdin; end at once when the pipe ``lifeline`` closes."""
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    # Should memory run out, this process is the one to go.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    # What a library prints must not get between the lines of the answer.
    lines = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    message = json.load(sys.stdin)

    def announce(key: str, text: str) -> None:
        _write(lines, {"attempt": [key, text]})

    try:
        facts = inspect_here(read_request(message["request"]), announce, message["crashed"])
        _write(lines, {"facts": facts_to_json(facts)})
    except ModelError as error:
        _write(lines, {"error": str(error)})
    except OSError as error:
        _write(lines, {"error": f"{message['request']['model']}: cannot be read: {error}"})
    except MemoryError:
        _write(lines, {"error": f"{message['request']['model']}: needs more memory than there is."})


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


def _write(lines: IO[str], value: object) -> None:
    lines.write(json.dumps(value) + "\n")
    lines.flush()
