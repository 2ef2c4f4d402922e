"""``python -m src.jobs.record_sample``: records the present answer to the sample.

For after a change of transformers.py, since the service only starts if the sample is answered as
src/ml/metadata.json has it.
"""

from __future__ import annotations

import json
import os
import sys

from src.app.service import answer_to_sample, load_model
from src.configurations import read_settings
from src.ml.errors import ModelError
from src.ml.metadata import METADATA, METADATA_PATH


def main() -> int:
    try:
        prediction = answer_to_sample(load_model(read_settings(os.environ)))
    except (ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    document = {**METADATA, "prediction_sample": prediction}
    METADATA_PATH.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"{METADATA_PATH}: prediction_sample is {str(prediction)[:200]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
