"""Credentials that somebody left in a file of the set, where every service would get them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.lint.findings import Finding

_KINDS = {
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40}",
    "an AWS access key": rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "a GitHub token": rb"\b(?:gh[opsru]_[A-Za-z0-9]{36}|github_pat_\w{40,})\b",
    "a GitLab token": rb"\bglpat-[\w-]{20,}",
    "a Google API key": rb"\bAIza[\w-]{35}\b",
    "a Slack token": rb"\bxox[abeoprs]-[A-Za-z0-9-]{20,}",
    "a Hugging Face token": rb"\bhf_[A-Za-z]{34}\b",
    "a PyPI token": rb"\bpypi-AgE[\w-]{50,}",
    "a JSON Web Token": rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    "a URL with a password": rb"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"<>{}$]+:"
    rb"(?![\s$<{%*]|\.\.\.|password@|secret@|xxx)[^\s/:@'\"<>{}$]+@[\w.-]+",
}
_ANY = re.compile(b"|".join(b"(%s)" % pattern for pattern in _KINDS.values()))
_NAMES = tuple(_KINDS)
_HINT = (
    "Take it out of the set (and renew it, since it is in the history): services read credentials"
    " from their environment or from mounted secrets."
)


def secrets_in(file: str, content: bytes) -> Iterator[Finding]:
    """A finding for each; the credential itself is not repeated."""
    for found in _ANY.finditer(content):
        line = content.count(b"\n", 0, found.start()) + 1
        kind = _NAMES[(found.lastindex or 1) - 1]
        yield Finding(file, line, "secret", f"this looks like {kind}", _HINT)
