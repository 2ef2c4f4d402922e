"""What ONNX Runtime's refusal of a sample tells about the sizes that it wants."""

from __future__ import annotations

import re

import onnx

FAILED_NODE = re.compile(r"running (\w+) node\. Name:'([^']*)'")
NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?![\w.])")
CAUSE = re.compile(r".*Status Message:", re.DOTALL)
MOST_CLUES = 12


class Clues:
    """Reads messages against the graph that they are about."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._nodes = list(proto.graph.node)
        self._position: dict[str, int] = {}
        self._maker: dict[str, int] = {}
        for index, node in enumerate(self._nodes):
            for name in (node.name, *node.output):
                if name:
                    self._position.setdefault(name, index)
            for name in node.output:
                self._maker.setdefault(name, index)
        self._dims = {tensor.name: tuple(tensor.dims) for tensor in proto.graph.initializer}

    def depth(self, message: str) -> int:
        """How far the run came: the place of the node that failed; -1 before the first."""
        index = self._failed(message)
        return -1 if index is None else index

    def sizes(self, message: str) -> list[int]:
        """Sizes worth trying, from the message's own numbers and the failed node's weights."""
        numbers = [int(text) for text in NUMBER.findall(CAUSE.sub("", message))]
        for node in self._suspects(message):
            numbers += self._weights(node, steps=3)
        wanted = dict.fromkeys(number for number in numbers if 1 < number <= 4096)
        return list(wanted)[:MOST_CLUES]

    def _suspects(self, message: str) -> list[onnx.NodeProto]:
        """The node that failed or, if it has no name, all nameless ones of its kind."""
        index = self._failed(message)
        if index is None:
            return []
        node = self._nodes[index]
        if node.name:
            return [node]
        return [other for other in self._nodes if other.op_type == node.op_type and not other.name]

    def _failed(self, message: str) -> int | None:
        found = FAILED_NODE.search(message)
        if found is None:
            return None
        kind, name = found.groups()
        if name in self._position:
            return self._position[name]
        # Optimised graphs rename: y becomes y_nchwc, fused nodes carry their parts' names.
        parts = [known for known in self._position if len(known) > 2 and known in name]
        if parts:
            return self._position[max(parts, key=len)]
        alike = (i for i, node in enumerate(self._nodes) if node.op_type == kind)
        return next(alike, None)

    def _weights(self, node: onnx.NodeProto, steps: int) -> list[int]:
        """Dimensions of the constants that feed a node, directly or through a few others."""
        sizes: list[int] = []
        for attribute in node.attribute:
            if len(attribute.floats) > 1:
                sizes.append(len(attribute.floats))
            if attribute.HasField("t"):
                sizes.extend(attribute.t.dims)
        for name in node.input:
            sizes.extend(self._dims.get(name, ()))
            if steps and name in self._maker:
                sizes.extend(self._weights(self._nodes[self._maker[name]], steps - 1))
        return sizes
