"""Latency against load as an SVG that reads in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.load.generator import Step

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 40, 50
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 14px; font-weight: 600; }
  .grid { stroke: #d0d7de; }
  .objective { stroke: #cf222e; stroke-dasharray: 6 4; }
  .p50, .p95, .p99 { fill: none; stroke-width: 2; }
  .p50 { stroke: #1a7f37; }
  .p95 { stroke: #9a6700; }
  .p99 { stroke: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .grid { stroke: #3d444d; }
    .objective { stroke: #f85149; }
    .p50 { stroke: #3fb950; }
    .p95 { stroke: #d29922; }
    .p99 { stroke: #4493f8; }
  }
"""


def svg(steps: Sequence[Step], objective: float) -> str:
    """Lines of p50, p95 and p99 in ms on a logarithmic scale, and the objective of p99."""
    shown = sorted((it for it in steps if math.isfinite(it.p99)), key=lambda it: it.rate)
    times = [objective, *(time for it in shown for time in (it.p50, it.p99))]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    most = max((it.rate for it in shown), default=1.0)

    def x(rate: float) -> float:
        return LEFT + rate / most * (WIDTH - LEFT - RIGHT)

    def y(milliseconds: float) -> float:
        share = (math.log10(milliseconds) - low) / max(1, high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text class="title" x="{LEFT}" y="24">Latency against load, in ms</text>']
    for power in range(low, high + 1):
        parts.append(_line("grid", y(10.0**power)))
        parts.append(_text(LEFT - 8, y(10.0**power) + 4, f"{10.0**power:g}", "end"))
    for rate in _ticks(most):
        parts.append(_text(x(rate), HEIGHT - BOTTOM + 20, f"{rate:,g}", "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "requests/s", "middle"))
    parts.append(_line("objective", y(objective)))
    parts.append(_text(LEFT + 6, y(objective) - 6, f"objective: p99 {objective:g} ms", "start"))
    for number, name in enumerate(("p50", "p95", "p99")):
        places = " ".join(f"{x(it.rate):.1f},{y(getattr(it, name)):.1f}" for it in shown)
        parts.append(f'<polyline class="{name}" points="{places}"/>')
        legend = WIDTH - RIGHT - 180 + 60 * number
        parts.append(f'<path class="{name}" d="M{legend} 20h24"/>')
        parts.append(_text(legend + 30, 24, name, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">\n<title>Latency against load</title>\n'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 to ``most``, four to ten of them."""
    step = 10.0 ** math.floor(math.log10(most))
    step = next(it for it in (step, step / 2, step / 5) if most / it >= 3)
    return [step * number for number in range(math.floor(most / step) + 1)]


def _line(kind: str, down: float) -> str:
    end = WIDTH - RIGHT
    return f'<line class="{kind}" x1="{LEFT}" y1="{down:.1f}" x2="{end}" y2="{down:.1f}"/>'


def _text(across: float, down: float, text: str, anchor: str) -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{text}</text>'
