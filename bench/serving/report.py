"""What was measured: as tables, against the aims, and as a JSON document."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.serving import contestants as servers
from bench.serving.measure import HEALTH_CONNECTIONS, Level, Plan, Sample
from builder import __version__


@dataclass(frozen=True, slots=True)
class Measured:
    """All rounds with one model. ``imports``: seconds of a process that only imports; ``alone``:
    runs a second and CPU µs of one by ONNX Runtime alone, for a large model."""

    workload: str
    samples: Mapping[str, Sequence[Sample]]
    imports: Sequence[float]
    alone: Sequence[tuple[float, float]]
    versions: Mapping[str, str]

    @property
    def connections(self) -> list[int]:
        return list(next(iter(self.samples.values()))[0].levels)

    def typical(self, server: str) -> Sample:
        """The medians over all rounds."""
        rounds = self.samples[server]
        asked = [it.health for it in rounds if it.health is not None]
        return Sample(
            first_answer=median(it.first_answer for it in rounds),
            pss=median(it.pss for it in rounds),
            rss=median(it.rss for it in rounds),
            health=median(asked) if asked else None,
            levels={
                number: Level(
                    rate=median(it.levels[number].rate for it in rounds),
                    p50=median(it.levels[number].p50 for it in rounds),
                    p99=median(it.levels[number].p99 for it in rounds),
                    cpu=median(it.levels[number].cpu for it in rounds),
                )
                for number in self.connections
            },
        )

    @property
    def alone_rate(self) -> float:
        return median(rate for rate, _ in self.alone)

    @property
    def alone_cpu(self) -> float:
        return median(cpu for _, cpu in self.alone)


@dataclass(frozen=True, slots=True)
class Aim:
    """``value`` is to be at least, or at most, ``bound``; ``by_cpu`` is what it would be if the
    CPU time of a request decided alone, which a busy machine disturbs less."""

    what: str
    value: float
    bound: float
    at_least: bool = True
    by_cpu: float | None = None

    @property
    def reached(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


_RATES = (
    ("iris", servers.ECHO, 64, 0.6),
    ("iris", servers.ECHO, 1, 0.45),
    ("iris", servers.CLASSIC, 64, 6.0),
    ("iris", servers.KSERVE, 64, 5.0),
    ("iris", servers.MLSERVER, 64, 10.0),
    ("iris", servers.LITSERVE, 64, 10.0),
    ("iris", servers.BENTOML, 64, 10.0),
)
"""The generated service's requests a second: how many times those of another, at a load."""


def aims(measured: Sequence[Measured]) -> list[Aim]:
    """Those that can be judged by what was measured."""
    found = []
    for it in measured:
        if servers.GENERATED not in it.samples:
            continue
        ours = it.typical(servers.GENERATED)
        for workload, other, connections, bound in _RATES:
            if workload == it.workload and other in it.samples and connections in it.connections:
                mine = ours.levels[connections]
                theirs = it.typical(other).levels[connections]
                what = f"{workload}: requests/s ÷ {other}, at {connections}"
                by_cpu = theirs.cpu / mine.cpu
                found.append(Aim(what, mine.rate / theirs.rate, bound, by_cpu=by_cpu))
        if it.alone:
            best = max(ours.levels.values(), key=lambda level: level.rate)
            what = f"{it.workload}: requests/s ÷ ONNX Runtime alone"
            by_cpu = it.alone_cpu / best.cpu
            found.append(Aim(what, best.rate / it.alone_rate, 0.95, by_cpu=by_cpu))
        if ours.health is not None:
            what = f"{it.workload}: /health p50 under load, ms"
            found.append(Aim(what, ours.health, 5, at_least=False))
        if it.workload == "iris":
            most = 1.1 * median(it.imports) + 0.2
            what = "iris: first answer ÷ (1.1 of its imports + 0.2 s)"
            found.append(Aim(what, ours.first_answer / most, 1, at_least=False))
            if servers.HANDWRITTEN in it.samples:
                memory = ours.pss / it.typical(servers.HANDWRITTEN).pss
                what = f"iris: memory (PSS) ÷ {servers.HANDWRITTEN}"
                found.append(Aim(what, memory, 1.15, at_least=False))
    return found


def print_table(measured: Measured) -> None:
    """One line a server; by connections: requests/s, then p50, p99 and CPU time."""
    numbers = measured.connections
    columns: list[tuple[str, Callable[[Level], float], str]] = [
        ("requests/s", lambda level: level.rate, ".0f"),
        ("p50 ms", lambda level: level.p50, ".2f"),
        ("p99 ms", lambda level: level.p99, ".2f"),
        ("CPU µs/request", lambda level: level.cpu, ".0f"),
    ]
    wide = 9 * len(numbers)
    print(
        f"\n{measured.workload:28}" + "".join(f"{title:>{wide}}" for title, _, _ in columns), end=""
    )
    print(f"{'first s':>9}{'PSS MB':>8}{'RSS MB':>8}{'health ms':>11}")
    print(f"{'connections':28}" + "".join(f"{number:>9}" for number in numbers) * len(columns))
    for name in measured.samples:
        typical = measured.typical(name)
        line = f"{name:28}"
        for _, read, form in columns:
            line += "".join(f"{read(typical.levels[number]):>9{form}}" for number in numbers)
        health = "" if typical.health is None else f"{typical.health:.1f}"
        line += f"{typical.first_answer:>9.2f}{typical.pss:>8.0f}{typical.rss:>8.0f}{health:>11}"
        print(line)
    print(f"only the imports: {median(measured.imports):.2f} s")
    if measured.alone:
        alone = f"{measured.alone_rate:.1f} runs/s, CPU {measured.alone_cpu:.0f} µs"
        print(f"ONNX Runtime alone: {alone}")
    print(flush=True)


def print_aims(measured: Sequence[Measured]) -> bool:
    """Whether every aim is reached."""
    found = aims(measured)
    print(f"{'':6}{'':58}{'':8}{'by CPU':>8}  aim")
    for aim in found:
        passed = "PASS" if aim.reached else "FAIL"
        by_cpu = "" if aim.by_cpu is None else f"{aim.by_cpu:.2f}"
        bound = f"at {'least' if aim.at_least else 'most'} {aim.bound:g}"
        print(f"{passed:6}{aim.what:58}{aim.value:8.2f}{by_cpu:>8}  {bound}")
    return all(aim.reached for aim in found)


def document(measured: Sequence[Measured], plan: Plan, rounds: int) -> str:
    """``health_ms`` was asked while the model was kept busy over HEALTH_CONNECTIONS."""
    content = {
        "rounds": rounds,
        "seconds": plan.seconds,
        "cores": os.cpu_count(),
        "server_cores": len(plan.server_cores),
        "pinned": set(plan.server_cores).isdisjoint(plan.load_cores),
        "health_connections": HEALTH_CONNECTIONS,
        "python": platform.python_version(),
        "infergen": __version__,
        "models": {it.workload: _model(it) for it in measured},
        "aims": [_rounded(aim) for aim in aims(measured)],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _rounded(aim: Aim) -> dict[str, object]:
    content = asdict(aim).items()
    return {key: round(it, 3) if isinstance(it, float) else it for key, it in content}


def _model(measured: Measured) -> dict[str, object]:
    content: dict[str, object] = {"imports_seconds": round(median(measured.imports), 3)}
    if measured.alone:
        content["onnxruntime_alone_per_second"] = round(measured.alone_rate, 1)
        content["onnxruntime_alone_cpu_us"] = round(measured.alone_cpu, 1)
    for name, rounds in measured.samples.items():
        typical = measured.typical(name)
        content[name] = {
            "version": measured.versions[name],
            "first_answer_seconds": round(typical.first_answer, 3),
            "pss_mb": round(typical.pss, 1),
            "rss_mb": round(typical.rss, 1),
            **({} if typical.health is None else {"health_ms": round(typical.health, 2)}),
            "connections": {
                str(number): {
                    "per_second": round(level.rate, 1),
                    "per_second_of_rounds": [
                        round(min(it.levels[number].rate for it in rounds), 1),
                        round(max(it.levels[number].rate for it in rounds), 1),
                    ],
                    "p50_ms": round(level.p50, 3),
                    "p99_ms": round(level.p99, 3),
                    "cpu_us_per_request": round(level.cpu, 1),
                }
                for number, level in typical.levels.items()
            },
        }
    return content
