#!/usr/bin/env python3
"""Writes an ONNX network as onednn_runner.c reads it: a list of steps as someone would write them who builds the network
out of oneDNN's primitives by hand, and a file with the weights. Needs python3-numpy and python3-onnx.

    onednn_recipe.py MODEL.onnx STEM [SIZE...]     writes STEM.json and STEM.weights; sizes are the input's, with a batch of 1

BatchNormalization, and sums and products with constants, are folded into the convolution before them; activations and
residual sums are done by the convolution behind which they stand ("after", "sum"); Dropout and Identity are gone. All
shapes in the list are without the batch. Weights are float32, in ONNX's order.
"""
import json
import os
import sys

import numpy

import onednn_operators
import recipe_graph
from recipe_graph import Unsupported

WITH_AFTER = ("conv", "deconv", "dense", "binary")  # What can take an activation along.
IN_PLACE = WITH_AFTER + ("pool", "eltwise", "affine")  # Whose output a sum may be added to.


class Recipe:
    """Steps, the values' shapes, the weights."""

    def __init__(self, graph, sizes):
        self.graph = graph
        self.steps, self.weights, self.n_bytes = [], [], 0
        self.shapes = {graph.input: [1, *(sizes or graph.shape)[1:]]}
        self.names = {}  # What dropped nodes hand through.
        self.pads = {}  # What a padded value was before, and the padding of height and width at both ends.
        if min(self.shapes[graph.input]) < 1:
            raise Unsupported("an input whose size is not known")

    def name(self, value):
        while value in self.names:
            value = self.names[value]
        return value

    def shape(self, value):
        value = self.name(value)
        if value in self.graph.constants:
            return list(self.graph.constants[value].shape)
        return self.shapes[value]

    def put(self, array):
        """Weights into the file; where they are."""
        array = numpy.ascontiguousarray(array, numpy.float32)
        place = {"at": self.n_bytes, "dims": list(array.shape)}
        self.weights.append(array)
        self.n_bytes += -(-array.nbytes // 64) * 64
        return place

    def step(self, op, inputs, output, shape, **more):
        if shape[0] != 1:
            raise Unsupported(f"a {op} across the batch")
        self.shapes[output] = [int(size) for size in shape]
        step = {"op": op, "from": [self.value(name) for name in inputs], "to": output, "shape": self.shapes[output][1:], **more}
        self.steps.append(step)
        return step

    def value(self, name):
        """The name of a value that a step can read; a constant becomes a step."""
        name = self.name(name)
        if name in self.graph.constants and name not in self.shapes:
            array = self.graph.constants[name]
            if array.ndim < 2 or array.shape[0] != 1:
                raise Unsupported("a constant operand of few dimensions")
            self.step("constant", [], name, array.shape, weights=array)
        return name

    def weights_of(self, node, i):
        """A constant input; None when it is left out."""
        if len(node.inputs) <= i or not node.inputs[i]:
            return None
        name = self.name(node.inputs[i])
        if name not in self.graph.constants:
            raise Unsupported(f"{node.op} with weights that are computed")
        return self.graph.constants[name].astype(numpy.float64)

    def maker(self, value, ops):
        """The step that makes a value, if it is one of those and nobody else reads the value."""
        value = self.name(value)
        step = next((step for step in self.steps if step["to"] == value), None)
        return step if step is not None and step["op"] in ops and self.graph.uses[value] == 1 else None

    def drop(self, value, output):
        """The output is the value."""
        value = self.name(value)
        self.names[output] = value
        self.graph.uses[value] += self.graph.uses.get(output, 0) - 1

    def take_over(self, step, value):
        """The step makes this value from now on."""
        self.shapes[value] = self.shapes[step["to"]]
        step["to"] = value

    def activation(self, value, output, *functions):
        step = self.maker(value, WITH_AFTER)
        if step is not None:
            step["after"] += functions
            self.take_over(step, output)
            return
        step = self.maker(value, ("affine",))
        if step is not None and functions == (["relu", 0, 0],) and not step["relu"]:
            step["relu"] = True
            self.take_over(step, output)
            return
        for i, function in enumerate(functions):
            last = i + 1 == len(functions)
            to = output if last else f"{output}.{i}"
            self.step("eltwise", [value], to, self.shape(value), after=[function])
            value = to

    def affine(self, value, output, scale, shift):
        """value * scale + shift, both for each channel or one for all."""
        shape = self.shape(value)
        scale, shift = (numpy.broadcast_to(numpy.float64(x).ravel(), shape[1]) for x in (scale, shift))
        step = self.maker(value, ("conv", "deconv", "dense"))
        if step is None or step["after"]:
            self.step("affine", [value], output, shape, weights=scale, bias=shift, relu=False)
            return
        flat = step["weights"].reshape(shape[1], -1) * scale[:, None]
        step["weights"] = flat.reshape(step["weights"].shape)
        step["bias"] = (0 if step["bias"] is None else step["bias"]) * scale + shift
        self.take_over(step, output)

    def add_sums(self):
        """Sums of two values become part of the convolution that makes one of them."""
        for add in [step for step in self.steps if step["op"] == "binary" and step["kind"] == "add"]:
            made = [self.maker(value, ("conv",)) for value in add["from"]]
            made = [step for step in made if step is not None and not step["after"] and "sum" not in step]
            for conv in sorted(made, key=self.steps.index, reverse=True):
                other = add["from"][1 - add["from"].index(conv["to"])]
                if self.may_add(conv, other, add):
                    self.steps.remove(conv)
                    conv.update(sum=other, after=add["after"], to=add["to"])
                    self.steps[self.steps.index(add)] = conv
                    break

    def spread_transposed(self):
        """A transposed convolution whose outputs do not overlap is one of 1x1 to all of a pixel's outputs, which are then
        spread; oneDNN's own is ten times slower."""
        for step in [step for step in self.steps if step["op"] == "deconv"]:
            kernel = list(step["weights"].shape[-2:])
            if step["groups"] != 1 or kernel != step["strides"] or any(step["begin"] + step["end"]):
                continue
            filters, channels = step["weights"].shape[:2]
            sizes = [size // n for size, n in zip(step["shape"][1:], kernel)]
            apart = f"{step['to']}.apart"
            weights = step["weights"].transpose(2, 3, 0, 1).reshape(-1, channels, 1, 1)
            spread = {"op": "spread", "from": [apart], "to": step["to"], "shape": step["shape"], "kernel": kernel}
            self.steps.insert(self.steps.index(step) + 1, spread)
            step.update(op="conv", to=apart, shape=[filters * kernel[0] * kernel[1], *sizes], weights=weights,
                        bias=None if step["bias"] is None else numpy.tile(step["bias"], kernel[0] * kernel[1]),
                        strides=[1, 1])

    def may_add(self, conv, other, add):
        """Whether the convolution can wait for the sum and overwrite its other operand."""
        at = self.steps.index(add)
        between = self.steps[self.steps.index(conv):at]
        maker = next((step for step in self.steps[:at] if step["to"] == other), None)
        read = any(other in step["from"] for step in self.steps[at + 1:]) or other in self.answers()
        same = self.shapes[other] == self.shapes[conv["to"]]
        return (same and not read and maker is not None and maker["op"] in IN_PLACE
                and not any(step.get("sum") in conv["from"] for step in between))

    def answers(self):
        return [self.name(value) for value in self.graph.outputs]

    def write(self, stem):
        for step in self.steps:
            for key in ("weights", "bias"):
                if step.get(key) is not None:
                    step[key] = self.put(step[key])
        with open(f"{stem}.weights", "wb") as file:
            for array in self.weights:
                array.tofile(file)
                file.write(bytes(-array.nbytes % 64))
        document = {"weights": os.path.basename(f"{stem}.weights"), "weights_bytes": self.n_bytes,
                    "input": {"name": self.graph.input, "shape": self.shapes[self.graph.input][1:]},
                    "outputs": self.answers(), "steps": self.steps}
        with open(f"{stem}.json", "w", encoding="utf-8") as file:
            json.dump(document, file, indent=0)


def recipe(path, sizes=None):
    """The network's recipe; Unsupported says what it has that there is no primitive for."""
    graph = recipe_graph.Graph(path)
    made = Recipe(graph, sizes)
    for node in graph.nodes:
        if graph.fold(node) or node.outputs[0] in graph.constants:
            continue
        if node.op not in onednn_operators.OPERATORS:
            raise Unsupported(f"operator {node.op}")
        onednn_operators.OPERATORS[node.op](made, node)
    made.add_sums()
    made.spread_transposed()
    return made


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        recipe(sys.argv[1], [int(size) for size in sys.argv[3:]]).write(sys.argv[2])
    except Unsupported as reason:
        print(f"not run: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
