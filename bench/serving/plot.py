"""Bars of requests a second as an SVG that reads in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.serving.contestants import GENERATED
from bench.serving.report import Measured

_WIDTH, _LABELS, _ROW, _TOP = 760, 224, 22, 34
_SCALE = 450
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .other { fill: #8c959f; }
  .ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .other { fill: #6e7681; }
    .ours { fill: #4493f8; }
  }
"""
_SHOWN = {"iris": 64, "cnn": 16}
_TITLES = {
    "iris": "Iris (4 numbers): requests/s",
    "cnn": "CNN of 10 MB (3 by 224 by 224 numbers): requests/s",
}


def svg(measured: Sequence[Measured]) -> str:
    """One panel a model."""
    parts, top = [], 0
    for it in measured:
        connections = _SHOWN[it.workload]
        if connections not in it.connections:
            connections = it.connections[-1]
        title = f"{_TITLES[it.workload]} over {connections} connections"
        bars = {name: it.typical(name).levels[connections].rate for name in it.samples}
        if it.alone:
            bars["ONNX Runtime alone, no server"] = it.alone_rate
        parts.append(_panel(title, bars, top))
        top += _TOP + _ROW * len(bars) + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}"'
        f' width="{_WIDTH}" height="{top}" role="img">\n'
        f"<title>Requests a second of the generated service and of its peers</title>\n"
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(title: str, bars: dict[str, float], top: int) -> str:
    lines = [f'<text class="title" x="8" y="{top + 20}">{escape(title)}</text>']
    most = max(bars.values())
    for row, (name, rate) in enumerate(sorted(bars.items(), key=lambda bar: -bar[1])):
        y = top + _TOP + row * _ROW
        width = max(1.0, rate / most * _SCALE)
        kind = "ours" if name == GENERATED else "other"
        lines += [
            f'<text x="{_LABELS}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{_LABELS + 8}" y="{y}" width="{width:.1f}" height="15"/>',
            f'<text x="{_LABELS + 14 + width:.1f}" y="{y + 12}">{rate:,.0f}</text>',
        ]
    return "\n".join(lines)
