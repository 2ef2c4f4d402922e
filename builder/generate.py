"""One service from a request, in memory: template set → variables → model → plan → render → record.

Every command that makes or remakes a service goes through ``generate``; writing is the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import schema as schemas
from builder import variables as vars_
from builder.errors import ModelError, UsageError, VariablesError
from builder.model import files
from builder.model.facts import ModelFacts
from builder.model.labels import read_labels
from builder.model.request import ImageSettings
from builder.model.request import Request as InspectRequest
from builder.output import EXECUTABLE_MODE, Output, OutputFile
from builder.paths import check_name
from builder.plan import make_plan
from builder.record import Record, make_record, record_files
from builder.schema import Schema
from builder.template_set import TEMPLATES, TemplateSet, open_template_set
from builder.variables import Given


@dataclass(frozen=True, slots=True)
class Request:
    """What to generate, as the caller said it. None means: not said."""

    name: str
    templates: Path
    path_map: Path | None = None
    variables_file: Path | None = None
    model: Path | None = None
    labels: Path | None = None
    variant: str | None = None
    assignments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generated:
    """A service that is ready to be written; ``outputs`` include its record."""

    template_set: TemplateSet
    variant: str | None
    variables: Mapping[str, Any]
    outputs: tuple[Output, ...]
    record: Record


@dataclass(frozen=True, slots=True)
class _ModelFiles:
    """The model and labels of a service; ``facts`` are None if the variables said it all."""

    path: Path
    labels: tuple[str, ...] | None
    label_file_name: str | None
    facts: ModelFacts | None


def generate(request: Request) -> Generated:
    """Render and verify everything; nothing is written. Raises an InfergenError."""
    check_name(request.name)
    template_set = open_template_set(request.templates, request.path_map)
    schema_file = template_set.schema_file
    schema = None if schema_file is None else schemas.read_schema(schema_file)
    given = _read_given(request, template_set, schema)
    if schema is not None:
        vars_.check(schema, given)
    model = _find_model(request, template_set, given, schema)
    variables = _variables(given, schema, model)
    variant = None if template_set.plain else variables.get("variant") or template_set.usual_variant
    layers = () if variant is None else template_set.layers(variant)
    attachments = () if model is None else _attachments(model, variables)
    plan = make_plan(template_set, layers, attachments)
    outputs = (*plan.copies, *_render(template_set, plan.renderings, variables))
    record = make_record(
        set_name=template_set.name,
        set_version=template_set.version,
        set_digest=template_set.digest,
        variant=variant,
        variables=variables if schema is None else schemas.without_secrets(schema, variables),
        outputs=outputs,
    )
    outputs += record_files(record, outputs)
    return Generated(template_set, variant, variables, outputs, record)


def _read_given(request: Request, template_set: TemplateSet, schema: Schema | None) -> Given:
    file = request.variables_file
    if file is None and request.model is None:
        file = template_set.default_variables
        if file is None:
            raise UsageError(
                f"{template_set.root}: the set has no variables of its own; give --vars FILE or"
                " --model FILE"
            )
    given = vars_.read_given(schema, file, request.assignments)
    if not (template_set.plain and "name" in given.values):
        given = given.with_option("name", request.name, "--name")
    if request.variant is not None:
        if template_set.plain:
            raise UsageError(f"--variant {request.variant}: {template_set.name} has no variants")
        given = given.with_option("variant", request.variant, "--variant")
    return given


def _find_model(
    request: Request, template_set: TemplateSet, given: Given, schema: Schema | None
) -> _ModelFiles | None:
    """The model that was named, asked for its facts unless the variables state them all."""
    path = request.model
    beside = (request.variables_file or template_set.default_variables or Path()).parent
    if path is None:
        name = given.values.get("model_file_name")
        if schema is None or "model_file_name" not in schema.root.get("required", ()):
            return None
        if not name:
            raise VariablesError(
                [f"{given.document.source}: model_file_name is missing; give it, or --model FILE"]
            )
        where = given.where(("model_file_name",))
        path = files.find_file(str(name), beside=beside, where=where, option="--model")
    label_file = request.labels
    label_name = given.values.get("label_file_name")
    if label_file is None and label_name and not template_set.plain:
        where = given.where(("label_file_name",))
        label_file = files.find_file(str(label_name), beside=beside, where=where, option="--labels")
    labels = None if label_file is None else read_labels(label_file)
    _check_stated_model(given, path)
    if request.labels is not None or not vars_.facts_complete(given.values):
        facts = _inspect(path, labels, given, schema)
        vars_.compare_with_model(given, facts)
        labels = facts.labels
    else:
        facts = None
        _check_label_count(given, labels)
    name = None if labels is None else str(label_name or (label_file and label_file.name) or "")
    return _ModelFiles(
        path=path,
        labels=labels,
        label_file_name=None
        if name is None
        else files.service_label_file(name) or files.DEFAULT_LABELS,
        facts=facts,
    )


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
    """Without the model, the sample's prediction tells how many labels there are to be."""
    scores = given.values["prediction_sample"]
    if labels is not None and not (isinstance(scores, list) and len(scores) == len(labels)):
        count = len(scores) if isinstance(scores, list) else "no list of"
        raise ModelError(
            f"{given.where(('label_file_name',))}: {len(labels)} labels, but prediction_sample has"
            f" {count} scores; one score for each label is needed"
        )


def _inspect(
    path: Path, labels: tuple[str, ...] | None, given: Given, schema: Schema | None
) -> ModelFacts:
    from builder.model.inspect import inspect_model  # noqa: PLC0415 - starts a process; if need be

    values = given.values
    if schema is not None:
        values = schemas.overlay(schema, schemas.defaults(schema), values)
    return inspect_model(
        InspectRequest(
            model=path,
            data_sample=values.get("data_sample"),
            image=ImageSettings(**_image(values)) if values.get("preprocess") == "image" else None,
            postprocess=values.get("postprocess", "none"),
            prediction_output=values.get("prediction_output"),
            labels=labels,
        )
    )


def _image(values: Mapping[str, Any]) -> dict[str, Any]:
    image = {name: value for name, value in values["image"].items() if name != "channels"}
    return {**image, "mean": tuple(image["mean"]), "std": tuple(image["std"])}


def _variables(given: Given, schema: Schema | None, model: _ModelFiles | None) -> dict[str, Any]:
    if model is not None and model.label_file_name is not None:
        option = "--labels" if model.facts is not None else given.where(("label_file_name",))
        given = given.with_option("label_file_name", model.label_file_name, option)
    facts = None if model is None else model.facts
    if schema is not None:
        return vars_.complete(schema, given, facts)
    return {**({} if facts is None else vars_.from_facts(facts)), **given.values}


def _attachments(model: _ModelFiles, variables: Mapping[str, Any]) -> tuple[OutputFile, ...]:
    outputs = files.model_outputs(
        model.path,
        file_name=variables["model_file_name"],
        external_data=variables["model"].get("external_data", ()),
    )
    if model.labels is None or model.label_file_name is None:
        return outputs
    return (*outputs, files.label_output(model.labels, file_name=model.label_file_name))


def _render(
    template_set: TemplateSet, renderings: Any, variables: Mapping[str, Any]
) -> tuple[OutputFile, ...]:
    from builder.render import Renderer  # noqa: PLC0415 - brings jinja2
    from builder.sandbox import layered_environment, plain_environment  # noqa: PLC0415
    from builder.verify import verify  # noqa: PLC0415

    make_environment = plain_environment if template_set.plain else layered_environment
    renderer = Renderer(make_environment(template_set.templates))
    outputs = []
    for rendering in renderings:
        content = renderer.render(rendering.template, variables, destination=rendering.path)
        if not template_set.plain and not content.strip():
            continue
        verify(rendering.path, content, template=f"{TEMPLATES}/{rendering.template}")
        mode = EXECUTABLE_MODE if content.startswith(b"#!") else rendering.mode
        outputs.append(OutputFile(rendering.path, mode, content))
    return tuple(outputs)
