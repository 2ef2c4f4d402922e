"""``infergen inspect``: what an ONNX model says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from builder.cli.options import JSON, PATH
from builder.errors import UsageError
from builder.model.facts import Described, ModelFacts, TensorFacts

_SHOWN = 100

_BATCHING = {
    "rows": "several items in one run; each item's answer stays the same to the bit",
    "single": "one item a run",
    "none": "the model has no axis of items; one item is one whole run",
}

_EXECUTION = {
    "inline": "inline, in the event loop",
    "threads": "in threads, beside the event loop",
}


@click.command("inspect")
@click.argument("model", type=PATH)
@click.option("--labels", type=PATH, metavar="FILE", help="Labels: JSON, or text with one a line.")
@JSON
@click.option("--vars", "as_variables", is_flag=True, help="Print a variables file to start from.")
def command(model: Path, labels: Path | None, as_json: bool, as_variables: bool) -> None:
    """Show a model's inputs, outputs, a sample that runs, and the answer to it.

    The model is run in a process of its own; nothing is written.
    """
    if as_json and as_variables:
        raise UsageError("--json and --vars print different documents; choose one")
    from builder.model.facts_json import facts_to_json  # noqa: PLC0415
    from builder.model.inspect import inspect_model  # noqa: PLC0415 - once the usage is right
    from builder.model.labels import read_labels  # noqa: PLC0415
    from builder.model.request import Request  # noqa: PLC0415

    given_labels = None if labels is None else read_labels(labels)
    facts = inspect_model(Request(model=model, labels=given_labels))
    if as_json:
        click.echo(json.dumps(facts_to_json(facts), indent=2))
    elif as_variables:
        click.echo(_variables_file(facts, labels), nl=False)
    else:
        for title, text in _rows(facts):
            click.echo(f"{title:16}{text}")


def _variables_file(facts: ModelFacts, labels: Path | None) -> str:
    import yaml  # noqa: PLC0415

    from builder.variables import from_facts  # noqa: PLC0415

    values = from_facts(facts)
    if labels is not None:
        values["label_file_name"] = labels.name
    elif facts.labels is None:
        values["label_file_name"] = None
    text: str = yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return text


def _rows(facts: ModelFacts) -> list[tuple[str, str]]:
    opsets = ", ".join(f"{domain or 'ai.onnx'} {number}" for domain, number in facts.opsets.items())
    rows = [
        ("model", f"{facts.file_name}, {facts.size:,} bytes, sha256 {facts.sha256[:12]}…"),
        ("format", f"IR version {facts.ir_version}, opset {opsets}"),
        ("producer", facts.producer or "not said"),
        ("parameters", f"{facts.parameters:,}"),
    ]
    rows += [("external data", name) for name in facts.external_data]
    rows += [("input", _tensor(tensor)) for tensor in facts.inputs]
    rows += [("output", _tensor(tensor)) for tensor in facts.outputs]
    if facts.constants:
        rows.append(("constants", f"{len(facts.constants)} inputs keep the model's own values"))
    rows += [
        ("batching", _BATCHING[facts.batching]),
        ("data", _described(facts.data)),
        ("prediction", _described(facts.prediction)),
        ("answered by", ", ".join(facts.prediction_outputs)),
        ("labels", "none" if facts.labels is None else _short(", ".join(facts.labels))),
        ("one run", f"{facts.measured.milliseconds:g} ms, on one thread of this machine"),
    ]
    if facts.measured.batch_milliseconds is not None:
        many = f"{facts.measured.max_batch} items in {facts.measured.batch_milliseconds:g} ms"
        rows.append(("largest batch", many))
    rows += [
        ("execution", _EXECUTION[facts.measured.execution]),
        ("loaded", f"{facts.measured.loaded_mebibytes:g} MiB"),
    ]
    return rows


def _tensor(tensor: TensorFacts) -> str:
    if tensor.shape is None:
        shape = "any shape"
    else:
        shape = f"({', '.join('?' if size is None else str(size) for size in tensor.shape)})"
    extra = " optional" if tensor.optional else ""
    if tensor.classes is not None:
        extra += f" sequence of maps, classes {_short(json.dumps(list(tensor.classes)))}"
    return f"{tensor.name}  {tensor.dtype} {shape}{extra}"


def _described(described: Described) -> str:
    kind: Any = described.dtype
    if isinstance(kind, dict):
        return _short(json.dumps(described.sample))
    return f"{kind} {described.structure}, such as {_short(json.dumps(described.sample))}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
