"""``python -m src.jobs.sbom FILE IMAGE``: completes the list of components that ``make sbom`` made.

A CycloneDX document of the requirements gets the service itself, and the files in models/.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from src.configurations import ROOT


def main(arguments: list[str]) -> int:
    """Write the document anew; the exit code."""
    if len(arguments) != 2:
        print("usage: python -m src.jobs.sbom FILE IMAGE", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    path.write_text(
        json.dumps(completed(json.loads(path.read_text()), arguments[1]), indent=2) + "\n"
    )
    print(f"{path}: what is in {arguments[1]}")
    return 0


def completed(document: dict[str, Any], image: str) -> dict[str, Any]:
    """The document, about this image and with its models."""
    name, _, version = image.rpartition(":")
    models = [_model(path) for path in sorted((ROOT / "models").iterdir()) if path.is_file()]
    components = [*document["components"], *models]
    subject = {"type": "container", "bom-ref": image, "name": name, "version": version}
    needed = {"ref": image, "dependsOn": sorted(component["bom-ref"] for component in components)}
    others = [{"ref": component["bom-ref"]} for component in components]
    return {
        **document,
        "metadata": {**document.get("metadata", {}), "component": subject},
        "components": components,
        "dependencies": [needed, *others],
    }


def _model(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "type": "machine-learning-model" if path.suffix == ".onnx" else "data",
        "bom-ref": f"models/{path.name}",
        "name": path.name,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
