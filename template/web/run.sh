#!/usr/bin/env bash
# Serve the model. HOST, PORT, WORKERS and the settings in README.md are taken from the environment.
# Runs in .venv or in any Python that has what requirements.in asks for, and makes .venv if need be.
set -euo pipefail
cd "$(dirname "$0")"
export ORT_DISABLE_TELEMETRY=1

has_requirements() {
  "$1" - 2>/dev/null <<'END'
import re
import sys
from importlib.metadata import version
from pathlib import Path

for line in Path("requirements.in").read_text().splitlines():
    pin = re.match(r"([\w.-]+)(?:\[.*\])?==([\w.]+)", line)
    if pin and version(pin[1]) != pin[2]:
        sys.exit(1)
END
}

base=${PYTHON:-python3}
python=$base
if [[ -z ${PYTHON:-} && -x .venv/bin/python ]]; then
  python=.venv/bin/python
fi
if ! has_requirements "$python"; then
  if ! "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "run.sh: needs Python 3.11 or newer; name one: PYTHON=/path/to/python ./run.sh" >&2
    exit 1
  fi
  echo "run.sh: installing requirements.txt into .venv" >&2
  if [[ ! -x .venv/bin/pip ]]; then
    "$base" -m venv .venv
  fi
  python=.venv/bin/python
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
fi

exec "$python" -m src.serve
