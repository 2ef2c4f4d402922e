"""Names that Python's packaging takes, made from names that people chose."""

from __future__ import annotations

import keyword
import re
import sys

_TAKEN = frozenset({"cv2", "msgspec", "numpy", "onnx", "onnxruntime", "picamera2", "pil", "tuf"})
"""Packages that a generated one may import."""
_VERSION = r"\d{1,9}(\.\d{1,9})*((a|b|rc)\d{1,9})?(\.post\d{1,9})?(\.dev\d{1,9})?"


def python_package(value: object) -> str:
    """The name of a package to import: ``iris-svc`` → ``iris_svc``. Not quoted.

    A name that Python or a library has taken gets ``_model`` behind it.
    """
    name = re.sub(r"[^a-z0-9]+", "_", str(value).lower()).strip("_")
    if not name or name[0].isdigit():
        name = f"model_{name}".rstrip("_")
    taken = keyword.iskeyword(name) or name in _TAKEN or name in sys.stdlib_module_names
    return f"{name}_model" if taken else name


def python_version(value: object) -> str:
    """A version by PEP 440: itself, or behind ``0+`` what it consists of. Not quoted."""
    text = str(value).lower()
    if re.fullmatch(_VERSION, text):
        return text
    return "0+" + ".".join(re.findall(r"[a-z0-9]+", text))
