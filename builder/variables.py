"""From a variables file, ``--set`` and what the model says to the variables that templates see.

Order, later wins: schema defaults, model facts, variables file, ``--set``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema as schemas
from builder import yamlfile
from builder.errors import UsageError, VariablesError
from builder.mistakes import mistakes
from builder.model.files import service_model_file
from builder.schema import Schema
from builder.yamlfile import Document, KeyPath

if TYPE_CHECKING:
    from builder.model.facts import ModelFacts

DESCRIBED = (
    "data_type",
    "data_structure",
    "data_sample",
    "prediction_type",
    "prediction_structure",
    "prediction_sample",
)
"""The classic variables that describe what goes in and what comes out."""

_BEHIND_SAMPLES = frozenset(
    {"data_sample", "preprocess", "image", "postprocess", "prediction_output"}
)
_MIB = 1024 * 1024
USUAL_BODY_BYTES = 16 * _MIB
MOST_BODY_BYTES = 1024 * _MIB
_BYTES_PER_NUMBER = 32
_USUAL_ITEMS = 4
_COMPARED = ("data_type", "data_structure", "prediction_type", "prediction_structure")


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller gave, before defaults and model facts; ``options`` are the values that came
    from the command line, by path."""

    values: Mapping[str, Any]
    document: Document
    options: Mapping[KeyPath, str]

    def where(self, path: KeyPath) -> str:
        """Where the value at this path was given: an option of the command line, or file:line."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.options:
                return self.options[path[:length]]
        return self.document.where(path)

    def spelling(self, path: KeyPath) -> str | None:
        """How the file spells the scalar at this path, unless an option replaced it."""
        return None if path in self.options else self.document.spelling(path)

    def with_option(self, name: str, value: Any, option: str) -> Given:
        """The same with one more value from the command line, which wins over the file's."""
        return replace(
            self,
            values={**self.values, name: value},
            options={**self.options, (name,): option},
        )


def read_given(
    schema: Schema | None,
    file: Path | None,
    assignments: Sequence[str],
    defaults: Sequence[Path] = (),
) -> Given:
    """Read the variables file, laid over ``defaults`` if it has any, and lay ``--set`` over it.

    Raises YamlError for a file, UsageError for an assignment that has no ``=``.
    """
    document = Document("the command line", {}) if file is None else yamlfile.read_mapping(file)
    if defaults:
        from builder.defaults import lay_over  # noqa: PLC0415 - only fleets have any

        document = lay_over(schema, defaults, document)
    return assign(schema, Given(dict(document.value), document, {}), assignments)


def assign(schema: Schema | None, given: Given, assignments: Sequence[str]) -> Given:
    """The same with ``--set`` laid over it. Raises UsageError as ``read_given`` does."""
    values: dict[str, Any] = dict(given.values)
    options = dict(given.options)
    for assignment in assignments:
        path, value = _read_assignment(schema, assignment)
        values = _assign(values, path, value, assignment)
        options[path] = f"--set {schemas.dotted(path)}"
    return replace(given, values=values, options=options)


def _read_assignment(schema: Schema | None, assignment: str) -> tuple[KeyPath, Any]:
    key, equals, text = assignment.partition("=")
    path: KeyPath = tuple(key.split("."))
    if not equals or not all(path):
        raise UsageError(f"--set {assignment}: expected key=value, such as port=8080")
    if schema is None:
        return path, yamlfile.parse(text, f"--set {key}").value
    return path, schemas.typed(schema, path, text)


def _assign(values: dict[str, Any], path: KeyPath, value: Any, assignment: str) -> dict[str, Any]:
    key, rest = str(path[0]), path[1:]
    if not rest:
        return {**values, key: value}
    below = values.get(key, {})
    if not isinstance(below, dict):
        raise UsageError(f"--set {assignment}: {key} is no mapping, so nothing can be set in it")
    return {**values, key: _assign(below, rest, value, assignment)}


def check(schema: Schema, given: Given) -> None:
    """Raises VariablesError with every mistake in what was given; missing ones are none yet."""
    found = mistakes(schema, given.values, given.where, given.spelling, complete=False)
    if found:
        raise VariablesError(found)


def facts_complete(given: Given) -> bool:
    """Whether a variables file says all that the model would, so that nobody need ask the model.

    It does not if an option changes what the file's samples were made with.
    """
    stated = all(name in given.values for name in (*DESCRIBED, "model", "label_file_name"))
    return stated and _BEHIND_SAMPLES.isdisjoint(path[0] for path in given.options)


def from_facts(facts: ModelFacts) -> dict[str, Any]:
    """The variables that a model fills."""
    # Most runs ask no model.
    from builder.model.facts_json import measured_to_json, tensor_to_json  # noqa: PLC0415

    values: dict[str, Any] = {
        "model_file_name": service_model_file(facts.file_name),
        "data_type": facts.data.dtype,
        "data_structure": facts.data.structure,
        "data_sample": facts.data.sample,
        "prediction_type": facts.prediction.dtype,
        "prediction_structure": facts.prediction.structure,
        "prediction_sample": facts.prediction.sample,
        "model": {
            "sha256": facts.sha256,
            "size": facts.size,
            "external_data": list(facts.external_data),
            "locales": list(facts.locales),
            "inputs": [tensor_to_json(tensor) for tensor in facts.inputs],
            "outputs": [tensor_to_json(tensor) for tensor in facts.outputs],
            "batching": facts.batching,
            "prediction_outputs": list(facts.prediction_outputs),
            "measured": measured_to_json(facts.measured),
        },
    }
    shapes = [tensor.shape for tensor in facts.inputs]
    if (needed := _body_bytes(shapes, image=facts.image is not None)) > USUAL_BODY_BYTES:
        values["max_body_bytes"] = needed
    if facts.image is not None:
        image = facts.image
        values["image"] = {
            "width": image.width,
            "height": image.height,
            "channels": image.channels,
            "layout": image.layout,
        }
    return values


def recorded_facts(recorded: Mapping[str, Any]) -> dict[str, Any] | None:
    """What ``from_facts`` said when these variables were made; None if they have no such facts."""
    model = recorded.get("model")
    if not isinstance(model, dict) or any(name not in recorded for name in DESCRIBED):
        return None
    names = (*DESCRIBED, "model_file_name", "model")
    values = {name: recorded[name] for name in names if name in recorded}
    shapes = [tensor["shape"] for tensor in model["inputs"]]
    is_image = recorded.get("preprocess") == "image"
    if (needed := _body_bytes(shapes, image=is_image)) > USUAL_BODY_BYTES:
        values["max_body_bytes"] = needed
    if is_image:
        image = recorded["image"]
        values["image"] = {name: image[name] for name in ("width", "height", "channels", "layout")}
    return values


def _body_bytes(shapes: Iterable[Sequence[Any] | None], *, image: bool) -> int:
    """How long a request with a few items may become as JSON, in whole MiB."""
    if image:
        return 0
    numbers = sum(
        math.prod(size for size in shape or () if isinstance(size, int)) for shape in shapes
    )
    bytes_needed = numbers * _BYTES_PER_NUMBER * _USUAL_ITEMS
    return min(-(-bytes_needed // _MIB) * _MIB, MOST_BODY_BYTES)


def compare_with_model(given: Given, facts: ModelFacts) -> None:
    """Raises VariablesError, showing both, where the file and the model disagree."""
    found = []
    said = from_facts(facts)
    for name in _COMPARED:
        if name in given.values and not _agrees(given.values[name], said[name]):
            found.append(
                f"{given.where((name,))}: {name} is {given.values[name]}, but the model"
                f" {facts.file_name} says {said[name]}; correct it, or leave it out"
            )
    if found:
        raise VariablesError(found)


def _agrees(written: Any, said: Any) -> bool:
    if isinstance(written, Mapping) or isinstance(said, Mapping):
        return (
            isinstance(written, Mapping)
            and isinstance(said, Mapping)
            and written.keys() == said.keys()
            and all(_agrees(written[key], said[key]) for key in said)
        )
    ours, theirs = _dimensions(str(written)), _dimensions(str(said))
    if ours is None or theirs is None:
        return str(written) == str(said)
    return len(ours) == len(theirs) and all(
        a == b or not a.isdecimal() or not b.isdecimal() for a, b in zip(ours, theirs, strict=True)
    )


def _dimensions(structure: str) -> list[str] | None:
    """The parts of ``(1,4)``; None if the text is no structure."""
    match = re.fullmatch(r"\s*\((.*)\)\s*", structure, flags=re.DOTALL)
    if match is None:
        return None
    return [part.strip() for part in match[1].split(",") if part.strip()]


def complete(schema: Schema, given: Given, said: Mapping[str, Any] | None) -> dict[str, Any]:
    """All variables, checked against the schema. Raises VariablesError.

    With what a model ``said``, its real answer wins over a ``prediction_sample`` in the file.
    """
    values = schemas.overlay(schema, schemas.defaults(schema), said or {})
    values = schemas.overlay(schema, values, given.values)
    if said is not None:
        values["prediction_sample"] = said["prediction_sample"]
        values["model"] = said["model"]
        if "image" in said:
            values["image"] = {**values["image"], **said["image"]}
    found = mistakes(schema, values, given.where, given.spelling, complete=True)
    if found:
        raise VariablesError(found)
    return _fill_names(values)


def _fill_names(values: dict[str, Any]) -> dict[str, Any]:
    """Names that are made from the service's own, where a set has them and the caller gave none."""
    for variable in ("title", "namespace"):
        if values.get(variable) == "":
            values[variable] = made_from_name(variable, str(values["name"]))
    return values


def made_from_name(variable: str, name: str) -> str:
    """The ``title`` or ``namespace`` that a service of this name has unless another is given."""
    from builder.render.quoting import dns_label  # noqa: PLC0415 - brings markupsafe

    if variable == "namespace":
        return dns_label(name)
    return re.sub(r"[_-]+", " ", name).strip().capitalize()
