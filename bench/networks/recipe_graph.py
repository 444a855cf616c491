"""What onednn_recipe.py needs of an ONNX graph before it writes steps: its constants computed, and what exporters spell out
in several nodes put back into one (HardSwish, Swish, shuffled channels, HardSigmoid)."""
import numpy
import onnx
from onnx import numpy_helper


class Unsupported(Exception):
    """A sentence that names the operator."""


class Node:
    """An ONNX node with its attributes in a dictionary; `data` are inputs that are no constants."""

    def __init__(self, op, inputs, outputs, attributes):
        self.op, self.inputs, self.outputs, self.attributes = op, list(inputs), list(outputs), attributes

    def get(self, name, default=None):
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value


def slices(x, starts, ends, axes=None, steps=None):
    cut = [slice(None)] * x.ndim
    for axis, begin, end, step in zip(range(len(starts)) if axes is None else axes, starts, ends,
                                      [1] * len(starts) if steps is None else steps):
        cut[int(axis)] = slice(int(begin), int(end), int(step))
    return x[tuple(cut)]


def reshaped(x, sizes):
    return x.reshape([x.shape[i] if size == 0 else int(size) for i, size in enumerate(sizes)])


def axes_of(node, inputs):
    return [int(axis) for axis in (inputs[1] if len(inputs) > 1 else node.get("axes"))]


def unsqueezed(node, inputs):
    x, axes = inputs[0], axes_of(node, inputs)
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = numpy.expand_dims(x, axis)
    return x


def sliced(node, inputs):
    if len(inputs) > 1:
        return slices(*inputs)
    return slices(inputs[0], node.get("starts"), node.get("ends"), node.get("axes"))


def split_sizes(node, inputs):
    """Of all outputs, along the axis; inputs: shape-bearing arrays, the second one tells the sizes."""
    sizes = inputs[1] if len(inputs) > 1 else node.get("split")
    n = len(node.outputs)
    return [inputs[0].shape[node.get("axis", 0)] // n] * n if sizes is None else [int(size) for size in sizes]


def cast(node, inputs):
    return inputs[0].astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[node.get("to")])


def filled(node, inputs):
    value = node.get("value")
    value = numpy.zeros(1, numpy.float32) if value is None else numpy_helper.to_array(value)
    return numpy.full([int(size) for size in inputs[0]], value.ravel()[0])


# Of constants; each takes the node and its inputs' values.
FOLDABLE = {
    "Add": lambda node, x: x[0] + x[1],
    "Cast": cast,
    "Concat": lambda node, x: numpy.concatenate(x, node.get("axis")),
    "Constant": lambda node, x: numpy_helper.to_array(node.get("value")),
    "ConstantOfShape": filled,
    "Div": lambda node, x: x[0] // x[1] if x[0].dtype.kind == "i" else x[0] / x[1],
    "Equal": lambda node, x: x[0] == x[1],
    "Gather": lambda node, x: numpy.take(x[0], x[1], node.get("axis", 0)),
    "Identity": lambda node, x: x[0],
    "Mul": lambda node, x: x[0] * x[1],
    "Reshape": lambda node, x: reshaped(x[0], x[1]),
    "Slice": sliced,
    "Squeeze": lambda node, x: x[0].reshape([n for i, n in enumerate(x[0].shape) if i not in axes_of(node, x)]),
    "Sub": lambda node, x: x[0] - x[1],
    "Transpose": lambda node, x: numpy.transpose(x[0], node.get("perm")),
    "Unsqueeze": unsqueezed,
    "Where": lambda node, x: numpy.where(x[0], x[1], x[2]),
}


class Graph:
    """Nodes in their order, constants by name, how often each value is read."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.constants = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
        self.nodes = [Node(node.op_type, node.input, node.output,
                           {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
                      for node in graph.node]
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            raise Unsupported(f"{len(inputs)} inputs")
        self.input = inputs[0].name
        self.shape = [dimension.dim_value for dimension in inputs[0].type.tensor_type.shape.dim]
        self.outputs = [output.name for output in graph.output]
        for node in self.nodes:
            self.fold(node)
        for pattern in (hard_swish, swish, shuffle):
            self.rewrite(pattern)
        self.count()

    def fold(self, node):
        """Of what is known already; onednn_recipe.py calls it again where shapes have become known."""
        known = all(name in self.constants for name in node.inputs if name)
        if not known or (node.op not in FOLDABLE and node.op != "Split"):
            return False
        values = [self.constants[name] for name in node.inputs if name]
        if node.op == "Split":
            parts = numpy.split(values[0], numpy.cumsum(split_sizes(node, values))[:-1], node.get("axis", 0))
            self.constants.update(zip(node.outputs, parts))
            return True
        self.constants[node.outputs[0]] = numpy.asarray(FOLDABLE[node.op](node, values))
        return True

    def count(self):
        """How often each value is read; an output is read once more."""
        self.uses = {}
        for name in [name for node in self.nodes for name in node.inputs] + self.outputs:
            self.uses[name] = self.uses.get(name, 0) + 1

    def rewrite(self, pattern):
        """Replaces nodes that lead to another one by one node, where nobody else reads what they compute."""
        self.count()
        made = {name: node for node in self.nodes for name in node.outputs}
        gone = set()
        for node in self.nodes:
            found = pattern(self, made, node)
            if found is None or any(self.uses[name] > 1 for inner in found[1] for name in inner.outputs):
                continue
            replacement, inner = found
            gone.update(map(id, inner))
            node.op, node.inputs, node.attributes = replacement.op, replacement.inputs, replacement.attributes
        self.nodes = [node for node in self.nodes if id(node) not in gone]

    def scalar(self, name):
        """The number that a constant of one element holds, else None."""
        value = self.constants.get(name)
        return float(value.ravel()[0]) if value is not None and value.size == 1 else None

    def operands(self, node):
        """(value, number) of a node with a value and a constant of one element, else (None, None)."""
        if len(node.inputs) == 2:
            for value, other in (node.inputs, node.inputs[::-1]):
                if value not in self.constants and self.scalar(other) is not None:
                    return value, self.scalar(other)
        return None, None

    def bounds(self, node):
        """Of Clip, old or new."""
        inputs = node.inputs + ["", ""]
        low = self.scalar(inputs[1]) if inputs[1] else node.get("min", -numpy.finfo(numpy.float32).max)
        high = self.scalar(inputs[2]) if inputs[2] else node.get("max", numpy.finfo(numpy.float32).max)
        return float(low), float(high)


def hard_swish(graph, made, node):
    """x * clip(x + 3, 0, 6) / 6, as PaddlePaddle writes it."""
    value, number = graph.operands(node)
    product = made.get(value)
    if node.op != "Div" or number != 6 or product is None or product.op != "Mul":
        return None
    for x, clipped in (product.inputs, product.inputs[::-1]):
        clip = made.get(clipped)
        if clip is None or clip.op != "Clip" or graph.bounds(clip) != (0, 6):
            continue
        plus = made.get(clip.inputs[0])
        if plus is not None and plus.op == "Add" and graph.operands(plus) == (x, 3):
            return Node("HardSwish", [x], node.outputs, {}), [product, clip, plus]
    return None


def swish(graph, made, node):
    """x * sigmoid(x), and x * hardsigmoid(x)."""
    if node.op != "Mul":
        return None
    for x, gate in (node.inputs, node.inputs[::-1]):
        inner = made.get(gate)
        if inner is None or inner.inputs[:1] != [x]:
            continue
        if inner.op == "Sigmoid":
            return Node("Swish", [x], node.outputs, {}), [inner]
        if inner.op == "HardSigmoid" and abs(inner.get("alpha", 0.2) - 1 / 6) < 1e-6 and inner.get("beta", 0.5) == 0.5:
            return Node("HardSwish", [x], node.outputs, {}), [inner]
    return None


def shuffle(graph, made, node):
    """Channels of all groups in turn: apart, exchanged, together."""
    exchanged = made.get(node.inputs[0]) if node.op == "Reshape" else None
    if exchanged is None or exchanged.op != "Transpose" or list(exchanged.get("perm")) != [0, 2, 1, 3, 4]:
        return None
    apart = made.get(exchanged.inputs[0])
    sizes = graph.constants.get(apart.inputs[1]) if apart is not None and apart.op == "Reshape" else None
    after = graph.constants.get(node.inputs[1])
    if sizes is None or after is None or len(sizes) != 5 or len(after) != 4 or list(sizes[3:]) != list(after[2:]):
        return None
    return Node("Shuffle", [apart.inputs[0]], node.outputs, {"groups": int(sizes[1])}), [exchanged, apart]
