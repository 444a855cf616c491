"""ONNX operators that only move elements, as steps of a oneDNN recipe (onednn_operators.py)."""
import numpy

from recipe_graph import Unsupported


def recipe_sizes(shape, wanted):
    """What Reshape makes of a shape."""
    sizes = [shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    if -1 in sizes:
        rest = int(numpy.prod([n for n in sizes if n != -1]))
        sizes[sizes.index(-1)] = int(numpy.prod(shape)) // rest
    return sizes


def reshape(recipe, node):
    """To sizes that the file or the shapes tell."""
    shape = recipe.shape(node.inputs[0])
    if node.op == "Flatten":
        axis = node.get("axis", 1)
        sizes = [int(numpy.prod(shape[:axis])), int(numpy.prod(shape[axis:]))]
    elif node.op == "Reshape":
        wanted = recipe.weights_of(node, 1)
        sizes = recipe_sizes(shape, [int(n) for n in (node.get("shape") if wanted is None else wanted)])
    else:
        axes = node.get("axes") or recipe.weights_of(node, 1)
        sizes = [n for i, n in enumerate(shape) if i not in [int(axis) % len(shape) for axis in axes]]
    recipe.step("reshape", [node.inputs[0]], node.outputs[0], sizes)


def transpose(recipe, node):
    shape, axes = recipe.shape(node.inputs[0]), list(node.get("perm"))
    if axes[0] != 0:
        raise Unsupported("Transpose of the batch")
    recipe.step("transpose", [node.inputs[0]], node.outputs[0], [shape[axis] for axis in axes], axes=axes)


def concat(recipe, node):
    axis = node.get("axis") % len(recipe.shape(node.inputs[0]))
    shapes = [recipe.shape(value) for value in node.inputs]
    shape = [sum(shape[i] for shape in shapes) if i == axis else n for i, n in enumerate(shapes[0])]
    recipe.step("concat", node.inputs, node.outputs[0], shape, axis=axis)


def split(recipe, node):
    shape, n = recipe.shape(node.inputs[0]), len(node.outputs)
    axis = node.get("axis", 0) % len(shape)
    sizes = node.get("split") or recipe.weights_of(node, 1)
    sizes = [shape[axis] // n] * n if sizes is None else [int(size) for size in sizes]
    for i, output in enumerate(node.outputs):
        part = shape[:axis] + [sizes[i]] + shape[axis + 1:]
        recipe.step("slice", [node.inputs[0]], output, part, axis=axis, begin=sum(sizes[:i]))


def slice_of(recipe, node):
    """A range of each axis, axis by axis."""
    value, shape = node.inputs[0], list(recipe.shape(node.inputs[0]))
    values = [recipe.weights_of(node, i) for i in range(1, 5)]
    starts, ends = node.get("starts", values[0]), node.get("ends", values[1])
    axes = node.get("axes", range(len(starts)) if values[2] is None else values[2])
    if values[3] is not None and any(values[3] != 1):
        raise Unsupported("Slice with steps")
    for axis, start, end in zip(axes, starts, ends):
        axis = int(axis) % len(shape)
        begin, end, _ = slice(int(start), int(end)).indices(shape[axis])
        if end - begin == shape[axis]:
            continue
        shape[axis] = end - begin
        part = f"{node.outputs[0]}.{axis}"
        recipe.step("slice", [value], part, list(shape), axis=axis, begin=begin)
        recipe.graph.uses[part] = 1
        value = part
    recipe.drop(value, node.outputs[0])


def shape_of(recipe, node):
    value = recipe.name(node.inputs[0])
    recipe.graph.constants[node.outputs[0]] = numpy.array(recipe.shape(value), numpy.int64)
    recipe.graph.uses[value] -= 1


def shuffle(recipe, node):
    recipe.step("shuffle", [node.inputs[0]], node.outputs[0], recipe.shape(node.inputs[0]), groups=node.get("groups"))


MOVES = {
    "Concat": concat,
    "Flatten": reshape,
    "Reshape": reshape,
    "Shape": shape_of,
    "Shuffle": shuffle,
    "Slice": slice_of,
    "Split": split,
    "Squeeze": reshape,
    "Transpose": transpose,
}
