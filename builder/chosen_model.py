"""Which model a service serves: finds it with its labels, and asks it what variables leave open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema as schemas
from builder import variables as vars_
from builder.errors import ModelError, VariablesError
from builder.model import files
from builder.model.labels import read_labels
from builder.output import OutputFile
from builder.schema import Schema
from builder.variables import Given

if TYPE_CHECKING:
    from builder.model.facts import ModelFacts
    from builder.model.request import ImageSettings, Request

Inspect = Callable[["Request"], "ModelFacts"]
"""Asks a model for its facts."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A service's model; ``said`` are the variables it fills, None where they are stated all.

    ``labels`` and ``label_file_name`` (their name in the service) are None for a model that is no
    classifier.
    """

    path: Path
    labels: tuple[str, ...] | None
    label_file_name: str | None
    said: Mapping[str, Any] | None
    label_file: Path | None = None

    def sources(self, variables: Mapping[str, Any]) -> tuple[Path, ...]:
        """The files that were read, the model first, once the variables are complete."""
        weights = (self.path.parent / name for name in variables["model"].get("external_data", ()))
        return (self.path, *([self.label_file] if self.label_file else []), *weights)


@dataclass(frozen=True, slots=True)
class Places:
    """Where files that variables name are looked for, in this order, and the options that name them
    otherwise, if any do."""

    folders: tuple[Path, ...]
    model_option: str = "--model FILE"
    labels_option: str = "--labels FILE"


def choose_model(
    schema: Schema | None,
    given: Given,
    *,
    model: Path | None,
    labels: Path | None,
    places: Places,
    recorded: Mapping[str, Any],
    facts_hold: bool,
    inspect: Inspect | None = None,
) -> ChosenModel | None:
    """The model that an option or the variables name, None if the set asks for none.

    Files that the variables name are looked for in ``places``. ``recorded`` are the variables that
    the service was last made with, empty for a new one; if the ``facts_hold`` that they have of the
    model, it is not asked again. ``inspect`` is asked for the facts rather than the model itself.
    Raises ModelError or VariablesError.
    """
    if model is None:
        if schema is None or "model_file_name" not in schema.root.get("required", ()):
            return None
        model = _named_file(given, "model_file_name", places.folders, places.model_option)
        if model is None:
            option = places.model_option if places.model_option == "--model FILE" else ""
            remedy = f"give it, or {option}" if option else "give it"
            raise VariablesError([f"{given.document.source}: model_file_name is missing; {remedy}"])
    new_labels = labels is not None
    if labels is None and schema is not None:
        labels = _named_file(given, "label_file_name", places.folders, places.labels_option)
    known_labels = None if labels is None else read_labels(labels)
    _check_stated_model(given, model)
    said: Mapping[str, Any] | None = vars_.recorded_facts(recorded) if facts_hold else None
    if said is None and (new_labels or not vars_.facts_complete(given)):
        asked = _request(model, known_labels, given, schema)
        facts = keep_figures((inspect or _run)(asked), recorded)
        vars_.compare_with_model(given, facts)
        known_labels, said = facts.labels, vars_.from_facts(facts)
    elif said is None:
        _check_label_count(given, known_labels)
    name = given.values.get("label_file_name") or (labels.name if labels else "")
    return ChosenModel(
        path=model,
        labels=known_labels,
        label_file_name=None if known_labels is None else files.service_label_file(str(name)),
        said=said,
        label_file=labels,
    )


def keep_figures(facts: ModelFacts, recorded: Mapping[str, Any]) -> ModelFacts:
    """The facts with the figures that the service has already, if it is of this model and sample.

    What a model takes differs from run to run, yet a service whose input did not change is to stay
    as it is. Two services that are made of one model apart may differ in their figures.
    """
    from builder.model.facts_json import measured_from_json  # noqa: PLC0415 - most ask no model

    said, model = vars_.from_facts(facts), recorded.get("model")
    if not isinstance(model, dict) or said["data_sample"] != recorded.get("data_sample"):
        return facts
    measured = measured_from_json(model.get("measured"))
    if measured is None or {**said["model"], "measured": model["measured"]} != model:
        return facts
    return replace(facts, measured=measured)


def model_files(model: ChosenModel, variables: Mapping[str, Any]) -> tuple[OutputFile, ...]:
    """The model, the files it keeps its weights in, and its labels, as files of the service."""
    outputs = files.model_outputs(
        model.path,
        file_name=variables["model_file_name"],
        external_data=variables["model"].get("external_data", ()),
    )
    if model.labels is None or model.label_file_name is None:
        return outputs
    return (*outputs, files.label_output(model.labels, file_name=model.label_file_name))


def _named_file(given: Given, variable: str, places: Sequence[Path], option: str) -> Path | None:
    name = given.values.get(variable)
    if not name:
        return None
    return files.find_file(str(name), places=places, where=given.where((variable,)), option=option)


def _check_stated_model(given: Given, path: Path) -> None:
    """Facts in a variables file are of one model; raises ModelError if this is another."""
    stated = given.values.get("model")
    if stated is None:
        return
    found, _ = files.digest_and_size(path, stated.get("external_data", ()))
    if stated["sha256"] != found:
        where = given.where(("model", "sha256"))
        raise ModelError(
            f"{where}: these facts are of another model: here {stated['sha256'][:12]}…, but {path}"
            f" has {found[:12]}…; leave `model` out, or renew it by `infergen inspect MODEL --vars`"
        )


def _check_label_count(given: Given, labels: tuple[str, ...] | None) -> None:
    """Without asking the model, the sample's prediction tells how many labels there are to be."""
    scores = given.values["prediction_sample"]
    if labels is not None and not (isinstance(scores, list) and len(scores) == len(labels)):
        count = len(scores) if isinstance(scores, list) else "no list of"
        raise ModelError(
            f"{given.where(('label_file_name',))}: {len(labels)} labels, but prediction_sample has"
            f" {count} scores; one score for each label is needed"
        )


def _run(request: Request) -> ModelFacts:
    from builder.model.inspect import inspect_model  # noqa: PLC0415 - only if need be

    return inspect_model(request)


def _request(
    path: Path, labels: tuple[str, ...] | None, given: Given, schema: Schema | None
) -> Request:
    from builder.model.request import Request  # noqa: PLC0415 - only if need be

    values = given.values
    if schema is not None:
        values = schemas.overlay(schema, schemas.defaults(schema), values)
    return Request(
        model=path,
        data_sample=values.get("data_sample"),
        image=_image(values) if values.get("preprocess") == "image" else None,
        postprocess=values.get("postprocess", "none"),
        prediction_output=values.get("prediction_output"),
        labels=labels,
    )


def _image(values: Mapping[str, Any]) -> ImageSettings:
    from builder.model.request import ImageSettings  # noqa: PLC0415

    image = {name: value for name, value in values["image"].items() if name != "channels"}
    return ImageSettings(**{**image, "mean": tuple(image["mean"]), "std": tuple(image["std"])})
