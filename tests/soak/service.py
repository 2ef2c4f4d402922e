"""The service that is soaked: its model takes as long as the request says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import onnx

from tests.model.models import build, node, value, weight
from tests.web.running import Running

INFERGEN = Path(sys.executable).parent / "infergen"
MOST_TURNS = 5_000
"""Which take some 50 ms."""


def lingering() -> onnx.ModelProto:
    """Answers three times its input, after counting up to the largest of all rows one by one."""
    body = onnx.helper.make_graph(
        [node("Identity", ["on"], ["still_on"]), node("Add", ["sum", "one"], ["more"])],
        "body",
        [value("turn", "int64", []), value("on", "bool", []), value("sum", "int64", [])],
        [value("still_on", "bool", []), value("more", "int64", [])],
        [weight("one", 1, "int64")],
    )
    return build(
        [
            node("ReduceMax", ["n"], ["largest"], keepdims=0),
            node("Min", ["largest", "most"], ["turns"]),
            node("Loop", ["turns", "", "zero"], ["count"], body=body),
            node("Mul", ["count", "zero"], ["nothing"]),
            node("Mul", ["n", "three"], ["tripled"]),
            node("Add", ["tripled", "nothing"], ["y"]),
        ],
        [value("n", "int64", ["batch", 1])],
        [value("y", "int64", ["batch", 1])],
        [
            weight("most", MOST_TURNS, "int64"),
            weight("zero", 0, "int64"),
            weight("three", 3, "int64"),
        ],
    )


def generate(folder: Path) -> Path:
    """The service in this folder."""
    (folder / "lingering.onnx").write_bytes(lingering().SerializeToString())
    options = ["--model", "lingering.onnx", "--set", "data_sample=[[7]]"]
    subprocess.run([INFERGEN, "new", "--name", "lingering", *options], cwd=folder, check=True)
    return folder / "lingering"


def private_memory(pid: int) -> float:
    """What only this process has in memory, in MB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_\w+: +(\d+) kB", rollup, re.M)) / 1e3


def clients_of(running: Running, worker: int) -> set[int]:
    """The ports of the clients whose connections this worker has taken."""
    inodes = set()
    for file in Path(f"/proc/{worker}/fd").glob("*"):
        try:
            inodes.add(os.readlink(file))
        except FileNotFoundError:
            continue
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote, inode = fields[1], fields[2], fields[9]
        if int(local.split(":")[1], 16) == running.port and f"socket:[{inode}]" in inodes:
            ports.add(int(remote.split(":")[1], 16))
    return ports
