"""What metadata.json says: type, structure and a sample, of the data and of the prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

METADATA_PATH = Path(__file__).with_name("metadata.json")
METADATA: dict[str, Any] = json.loads(METADATA_PATH.read_bytes())
