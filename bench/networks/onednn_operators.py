"""ONNX operators as steps of a oneDNN recipe: OPERATORS[name](recipe, node) adds them (onednn_recipe.py)."""
import numpy

from onednn_moves import MOVES
from recipe_graph import Unsupported

FLOAT = 1  # ONNX's number of float32.


def window(node, sizes, kernel, dilations=(1, 1)):
    """(strides, begin, end) of a convolution or pool; the end may be longer than the file says where sizes are rounded up."""
    if len(kernel) != 2:
        raise Unsupported(f"{node.op} of {len(kernel)} dimensions")
    strides = list(node.get("strides", [1, 1]))
    pads = list(node.get("pads", [0] * 4))
    auto = node.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        for i in range(2):
            extent = dilations[i] * (kernel[i] - 1) + 1
            lacks = max(0, (-(-sizes[i] // strides[i]) - 1) * strides[i] + extent - sizes[i])
            pads[i] = lacks // 2 if auto == "SAME_UPPER" else lacks - lacks // 2
            pads[i + 2] = lacks - pads[i]
    return strides, pads[:2], pads[2:]


def window_outputs(sizes, kernel, strides, begin, end, dilations=(1, 1), ceil=False):
    found = []
    for i in range(2):
        span = sizes[i] + begin[i] + end[i] - dilations[i] * (kernel[i] - 1) - 1
        n = (-(-span // strides[i]) if ceil else span // strides[i]) + 1
        if ceil and (n - 1) * strides[i] >= sizes[i] + begin[i]:
            n -= 1  # It would begin in the padding.
        found.append(n)
    return found


def grouped(weights, groups):
    """Filters of all groups, or those of each."""
    return weights if groups == 1 else weights.reshape(groups, weights.shape[0] // groups, *weights.shape[1:])


def conv(recipe, node):
    x, weights, bias = node.inputs[0], recipe.weights_of(node, 1), recipe.weights_of(node, 2)
    shape, groups = recipe.shape(x), node.get("group", 1)
    if len(shape) != 4:
        raise Unsupported(f"Conv of {len(shape) - 2} dimensions")
    dilations = list(node.get("dilations", [1, 1]))
    strides, begin, end = window(node, shape[2:], weights.shape[2:], dilations)
    pad = recipe.pads.get(recipe.name(x))
    if pad is not None:
        x, before, after = pad
        begin, end = [a + b for a, b in zip(begin, before)], [a + b for a, b in zip(end, after)]
        shape = recipe.shape(x)
    sizes = window_outputs(shape[2:], weights.shape[2:], strides, begin, end, dilations)
    recipe.step("conv", [x], node.outputs[0], [shape[0], weights.shape[0], *sizes], weights=grouped(weights, groups),
                bias=bias, groups=groups, strides=strides, dilations=dilations, begin=begin, end=end, after=[])


def conv_transpose(recipe, node):
    weights, bias = recipe.weights_of(node, 1), recipe.weights_of(node, 2)
    shape, groups = recipe.shape(node.inputs[0]), node.get("group", 1)
    dilations = list(node.get("dilations", [1, 1]))
    if node.get("auto_pad", "NOTSET") != "NOTSET" or node.get("output_shape") or len(shape) != 4:
        raise Unsupported("ConvTranspose with auto_pad, an output_shape or one dimension")
    strides, begin, end = window(node, shape[2:], weights.shape[2:])
    extra = node.get("output_padding", [0, 0])
    end = [a - b for a, b in zip(end, extra)]
    sizes = [(shape[i + 2] - 1) * strides[i] + dilations[i] * (weights.shape[i + 2] - 1) + 1 - begin[i] - end[i]
             for i in range(2)]
    split = weights.reshape(groups, shape[1] // groups, *weights.shape[1:]).swapaxes(1, 2)
    filters = split if groups > 1 else split[0]
    recipe.step("deconv", [node.inputs[0]], node.outputs[0], [shape[0], groups * weights.shape[1], *sizes], weights=filters,
                bias=bias, groups=groups, strides=strides, dilations=dilations, begin=begin, end=end, after=[])


def pad(recipe, node):
    """Zeros around a picture become the next convolution's padding."""
    shape = recipe.shape(node.inputs[0])
    pads = node.get("pads")
    pads = [int(n) for n in (recipe.weights_of(node, 1) if pads is None else pads)]
    value = recipe.weights_of(node, 2)
    value = node.get("value", 0.0) if value is None else float(value.ravel()[0])
    readers = [other for other in recipe.graph.nodes if node.outputs[0] in other.inputs]
    fits = len(shape) == 4 and pads[:2] + pads[4:6] == [0] * 4 and value == 0 and node.get("mode", "constant") == "constant"
    if not fits or not readers or any(reader.op != "Conv" for reader in readers):
        raise Unsupported("Pad that no convolution can do")
    recipe.pads[node.outputs[0]] = node.inputs[0], pads[2:4], pads[6:8]
    recipe.shapes[node.outputs[0]] = shape[:2] + [n + pads[i + 2] + pads[i + 6] for i, n in enumerate(shape[2:])]
    recipe.graph.uses[recipe.name(node.inputs[0])] += len(readers) - 1


def pool(recipe, node):
    shape, kernel = recipe.shape(node.inputs[0]), list(node.get("kernel_shape"))
    dilations = list(node.get("dilations", [1, 1]))
    strides, begin, end = window(node, shape[2:], kernel, dilations)
    ceil, average = bool(node.get("ceil_mode", 0)), node.op == "AveragePool"
    padded = bool(node.get("count_include_pad", 0)) and any(begin + end)
    if dilations != [1, 1] or (ceil and padded) or len(node.outputs) > 1:
        raise Unsupported(f"{node.op} with dilations, indices, or padding that counts and sizes rounded up")
    sizes = window_outputs(shape[2:], kernel, strides, begin, end, ceil=ceil)
    if ceil:
        end = [max(end[i], (sizes[i] - 1) * strides[i] + kernel[i] - shape[i + 2] - begin[i]) for i in range(2)]
    recipe.step("pool", [node.inputs[0]], node.outputs[0], shape[:2] + sizes, kernel=kernel, strides=strides, begin=begin,
                end=end, kind=("average_padded" if padded else "average") if average else "max")


def global_average_pool(recipe, node):
    shape = recipe.shape(node.inputs[0])
    recipe.step("pool", [node.inputs[0]], node.outputs[0], shape[:2] + [1, 1], kernel=shape[2:], strides=[1, 1],
                begin=[0, 0], end=[0, 0], kind="average")


def reduce_mean(recipe, node):
    shape = recipe.shape(node.inputs[0])
    if len(shape) != 4 or sorted(axis % 4 for axis in node.get("axes", ())) != [2, 3] or not node.get("keepdims", 1):
        raise Unsupported("ReduceMean other than of pictures")
    global_average_pool(recipe, node)


def dense(recipe, x, weights, bias, output):
    """weights: a row for each output."""
    shape = recipe.shape(x)
    flat = recipe.maker(x, ("reshape",))
    if len(shape) != 2 or weights.ndim != 2:
        raise Unsupported("products of more than two dimensions")
    if flat is not None:  # oneDNN reads the map as it is.
        source = flat["from"][0]
        recipe.steps.remove(flat)
        x, shape = source, recipe.shape(source)
        weights = weights.reshape(-1, *shape[1:])
    recipe.step("dense", [x], output, [shape[0], weights.shape[0]], weights=weights, bias=bias, after=[])


def gemm(recipe, node):
    if node.get("transA", 0):
        raise Unsupported("Gemm with transA")
    weights, bias = recipe.weights_of(node, 1), recipe.weights_of(node, 2)
    weights = node.get("alpha", 1.0) * (weights if node.get("transB", 0) else weights.T)
    if bias is not None:
        bias = numpy.broadcast_to(node.get("beta", 1.0) * bias.ravel(), weights.shape[:1])
    dense(recipe, node.inputs[0], weights, bias, node.outputs[0])


def batch_norm(recipe, node):
    scale, bias, mean, variance = (recipe.weights_of(node, i) for i in range(1, 5))
    factor = scale / numpy.sqrt(variance + node.get("epsilon", 1e-5))
    recipe.affine(node.inputs[0], node.outputs[0], factor, bias - mean * factor)


def per_channel(recipe, value, constant):
    """Whether a constant is one number, or one for each channel of the value."""
    shape = recipe.shape(value)
    sizes = [1] * (len(shape) - constant.ndim) + list(constant.shape)
    return constant.size == 1 or (len(sizes) == len(shape) and constant.size == shape[1] == sizes[1])


KINDS = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Equal": "eq"}


def binary(recipe, node):
    x, y = node.inputs
    constants, output = recipe.graph.constants, node.outputs[0]
    if node.op in ("Add", "Mul") and recipe.name(x) in constants:
        x, y = y, x
    constant = constants.get(recipe.name(y))
    if node.op != "Equal" and constant is not None and recipe.name(x) not in constants and per_channel(recipe, x, constant):
        number = constant.astype(numpy.float64)
        scale, shift = {"Add": (1, number), "Sub": (1, -number), "Mul": (number, 0),
                        "Div": (1 / (number if number.all() else numpy.nan), 0)}[node.op]
        recipe.affine(x, output, scale, shift)
        return
    sizes, others = recipe.shape(x), recipe.shape(y)
    shape = list(numpy.broadcast_shapes(sizes, others))
    if len(sizes) != len(others):
        raise Unsupported(f"{node.op} of different ranks")
    if sizes != shape and node.op in ("Add", "Mul"):
        x, y, sizes = y, x, others
    if sizes != shape:
        raise Unsupported(f"{node.op} that widens both operands")
    recipe.step("binary", [x, y], output, shape, kind=KINDS[node.op], after=[])


def activation(*functions):
    def add(recipe, node):
        recipe.activation(node.inputs[0], node.outputs[0], *map(list, functions))
    return add


def hard_sigmoid(recipe, node):
    recipe.activation(node.inputs[0], node.outputs[0], ["linear", node.get("alpha", 0.2), node.get("beta", 0.5)],
                      ["clip", 0, 1])


def softmax(recipe, node):
    shape = recipe.shape(node.inputs[0])
    recipe.step("softmax", [node.inputs[0]], node.outputs[0], shape, axis=node.get("axis", len(shape) - 1) % len(shape))


def lrn(recipe, node):
    recipe.step("lrn", [node.inputs[0]], node.outputs[0], recipe.shape(node.inputs[0]), size=node.get("size"),
                alpha=node.get("alpha", 1e-4), beta=node.get("beta", 0.75), constant=node.get("bias", 1.0))


def resize(recipe, node):
    """Nearest neighbours by whole factors, then all of ONNX's roundings agree with oneDNN's; linear between pixels' centres."""
    shape = recipe.shape(node.inputs[0])
    scales, sizes = (recipe.weights_of(node, i) for i in (min(2, len(node.inputs) - 1), 3))
    factors = scales if scales is not None and scales.size else None if sizes is None else sizes / shape
    if factors is None or len(shape) != 4 or any(factor != int(factor) for factor in factors) or list(factors[:2]) != [1, 1]:
        raise Unsupported("Resize by other than whole factors")
    mode, where = node.get("mode", "nearest"), node.get("coordinate_transformation_mode", "half_pixel")
    nearest = mode == "nearest" and (where, node.get("nearest_mode", "round_prefer_floor")) in (
        ("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"))
    if not nearest and (mode, where) not in (("linear", "half_pixel"), ("linear", "pytorch_half_pixel")):
        raise Unsupported(f"Resize in the mode {mode}, {where}")
    recipe.step("resample", [node.inputs[0]], node.outputs[0], [int(n * factor) for n, factor in zip(shape, factors)],
                kind=mode)


def cast(recipe, node):
    """Comparisons are float32 already."""
    maker = recipe.maker(node.inputs[0], ("binary",))
    if node.get("to") != FLOAT or maker is None or maker["kind"] != "eq":
        raise Unsupported("Cast other than of a comparison to float32")
    recipe.drop(node.inputs[0], node.outputs[0])


def clip(recipe, node):
    low, high = recipe.graph.bounds(node)
    recipe.activation(node.inputs[0], node.outputs[0], ["clip", low, high])


OPERATORS = {
    **MOVES,
    "Add": binary,
    "AveragePool": pool,
    "BatchNormalization": batch_norm,
    "Cast": cast,
    "Clip": clip,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Div": binary,
    "Dropout": lambda recipe, node: recipe.drop(node.inputs[0], node.outputs[0]),
    "Equal": binary,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": activation(["hardswish", 0, 0]),
    "Identity": lambda recipe, node: recipe.drop(node.inputs[0], node.outputs[0]),
    "LRN": lrn,
    "LeakyRelu": lambda recipe, node: recipe.activation(node.inputs[0], node.outputs[0],
                                                        ["relu", node.get("alpha", 0.01), 0]),
    "MatMul": lambda recipe, node: dense(recipe, node.inputs[0], recipe.weights_of(node, 1).T, None, node.outputs[0]),
    "MaxPool": pool,
    "Mul": binary,
    "Pad": pad,
    "ReduceMean": reduce_mean,
    "Relu": activation(["relu", 0, 0]),
    "Resize": resize,
    "Sigmoid": activation(["logistic", 0, 0]),
    "Softmax": softmax,
    "Sub": binary,
    "Swish": activation(["swish", 1, 0]),
    "Tanh": activation(["tanh", 0, 0]),
}
