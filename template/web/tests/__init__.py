"""Tests of the service against its real model."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
