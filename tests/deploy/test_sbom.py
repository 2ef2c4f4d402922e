"""`make sbom` lists the locked requirements and the model, by the CycloneDX schema."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.deploy.variants import Generate


@pytest.mark.parametrize("variant", ["moved_svc", "shapes"])
def test_the_document_is_complete(service_of: Generate, tmp_path: Path, variant: str) -> None:
    service = tmp_path / "service"
    shutil.copytree(service_of(variant), service)
    done = subprocess.run(
        ["make", "sbom", f"BIN={Path(sys.executable).parent}", "INSTALLED="],
        cwd=service, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = (service / "sbom.json").read_text()
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    document = json.loads(text)
    libraries = {
        f"{one['name']}=={one['version']}"
        for one in document["components"]
        if one["type"] == "library"
    }
    pinned = re.findall(r"^([a-z][^\s;]+)", (service / "requirements.txt").read_text(), re.M)
    assert libraries == set(pinned)
    (model,) = [one for one in document["components"] if one["type"] == "machine-learning-model"]
    content = (service / "models" / model["name"]).read_bytes()
    assert model["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]
    image = re.search(r"^IMAGE \?= (\S+)$", (service / "makefile").read_text(), re.M)
    assert image
    assert document["metadata"]["component"]["bom-ref"] == image[1]


def test_the_schema_rejects_a_broken_document() -> None:
    broken = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "x"}]}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None
