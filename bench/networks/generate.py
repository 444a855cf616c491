#!/usr/bin/env python3
"""Writes classic networks as ONNX files with random weights: what a network costs does not depend on them.

Weights are drawn from a seed, scaled after He et al. 2015 (arXiv:1502.01852), so that activations keep their size
from layer to layer; BatchNormalization gets statistics that fit. Needs python3-numpy and python3-onnx.

    generate.py [--directory DIRECTORY] NETWORK...
"""
import argparse
import math
import os
import sys
import zlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

import modern

OPSET = 14  # The first with HardSwish.
IR_VERSION = 7


class Builder:
    """A graph that grows node by node; each method returns the name of the value that it makes."""

    def __init__(self, name, channels, size):
        self.name = name
        self.random = numpy.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.weights = [], []
        self.channels = {"image": channels}
        self.input = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", channels, size, size])

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(numpy.ascontiguousarray(values, numpy.float32), name))
        return name

    def normal(self, shape, deviation):
        return self.random.standard_normal(shape, numpy.float32) * numpy.float32(deviation)

    def node(self, op, inputs, channels, **attributes):
        name = f"{op.lower()}_{len(self.nodes) + 1}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.channels[name] = channels
        return name

    def conv(self, x, filters, kernel, stride=1, pad=0, groups=1, bias=True):
        fan_in = self.channels[x] // groups * kernel * kernel
        name = f"conv_{len(self.nodes) + 1}"
        shape = (filters, self.channels[x] // groups, kernel, kernel)
        inputs = [x, self.weight(f"{name}.weight", self.normal(shape, math.sqrt(2 / fan_in)))]
        if bias:
            inputs.append(self.weight(f"{name}.bias", self.normal(filters, 0.05)))
        return self.node("Conv", inputs, filters, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[pad] * 4, dilations=[1, 1], group=groups)

    def batch_norm(self, x, scale=1.0):
        n = self.channels[x]
        name = f"batchnormalization_{len(self.nodes) + 1}"
        values = {"scale": scale * self.random.uniform(0.8, 1.2, n), "bias": self.normal(n, 0.1),
                  "mean": self.normal(n, 0.1), "variance": self.random.uniform(0.6, 1.4, n)}
        inputs = [x] + [self.weight(f"{name}.{key}", value) for key, value in values.items()]
        return self.node("BatchNormalization", inputs, n, epsilon=1e-5)

    def relu(self, x):
        return self.unary("Relu", x)

    def leaky(self, x):
        return self.node("LeakyRelu", [x], self.channels[x], alpha=0.1)

    def unary(self, op, x):
        """HardSigmoid as everyone trains it; ONNX's default is steeper."""
        attributes = {"alpha": 1 / 6} if op == "HardSigmoid" else {}
        return self.node(op, [x], self.channels[x], **attributes)

    def integers(self, name, values):
        """A constant that is no weight: a shape, sizes."""
        self.weights.append(numpy_helper.from_array(numpy.array(values, numpy.int64), name))
        return name

    def clip(self, x):
        """Relu6, with its bounds as constants that all layers share."""
        if len(self.weights) == 0 or not any(weight.name == "zero" for weight in self.weights):
            self.weight("zero", numpy.float32(0).reshape(()))
            self.weight("six", numpy.float32(6).reshape(()))
        return self.node("Clip", [x, "zero", "six"], self.channels[x])

    def max_pool(self, x, kernel, stride, pad=0, ceil=False):
        return self.node("MaxPool", [x], self.channels[x], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[pad] * 4, ceil_mode=int(ceil))

    def average_pool(self, x, kernel, stride):
        return self.node("AveragePool", [x], self.channels[x], kernel_shape=[kernel] * 2, strides=[stride] * 2)

    def lrn(self, x):
        return self.node("LRN", [x], self.channels[x], size=5, alpha=1e-4, beta=0.75, bias=1.0)

    def global_pool(self, x):
        return self.node("GlobalAveragePool", [x], self.channels[x])

    def add(self, a, b):
        return self.node("Add", [a, b], self.channels[a])

    def mul(self, a, b):
        return self.node("Mul", [a, b], self.channels[a])

    def conv_transpose(self, x, filters, scale):
        """As many pixels as the kernel has for each: they do not overlap."""
        name = f"convtranspose_{len(self.nodes) + 1}"
        shape = (self.channels[x], filters, scale, scale)
        inputs = [x, self.weight(f"{name}.weight", self.normal(shape, math.sqrt(2 / self.channels[x]))),
                  self.weight(f"{name}.bias", self.normal(filters, 0.05))]
        return self.node("ConvTranspose", inputs, filters, kernel_shape=[scale] * 2, strides=[scale] * 2)

    def upsample(self, x):
        """Twice as large, each pixel four times."""
        scales = self.weight(f"resize_{len(self.nodes) + 1}.scales", [1, 1, 2, 2])
        return self.node("Resize", [x, "", scales], self.channels[x], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def halves(self, x):
        """Both halves of the channels."""
        names = [f"split_{len(self.nodes) + 1}.{half}" for half in (0, 1)]
        self.nodes.append(helper.make_node("Split", [x], names, name=names[0], axis=1))
        self.channels.update(dict.fromkeys(names, self.channels[x] // 2))
        return names

    def shuffle(self, x, groups, size):
        """Channels of all groups in turn."""
        n = self.channels[x]
        name = f"shuffle_{len(self.nodes) + 1}"
        x = self.node("Reshape", [x, self.integers(f"{name}.apart", [-1, groups, n // groups, size, size])], n)
        x = self.node("Transpose", [x], n, perm=[0, 2, 1, 3, 4])
        return self.node("Reshape", [x, self.integers(f"{name}.together", [-1, n, size, size])], n)

    def concat(self, *inputs):
        return self.node("Concat", list(inputs), sum(self.channels[x] for x in inputs), axis=1)

    def flatten(self, x, features):
        return self.node("Flatten", [x], features, axis=1)

    def dense(self, x, units):
        name = f"gemm_{len(self.nodes) + 1}"
        features = self.channels[x]
        inputs = [x, self.weight(f"{name}.weight", self.normal((units, features), math.sqrt(2 / features))),
                  self.weight(f"{name}.bias", self.normal(units, 0.05))]
        return self.node("Gemm", inputs, units, transB=1)

    def output(self, x):
        maker = next(node.op_type for node in self.nodes if x in node.output)
        shape = ["N", self.channels[x]] + ([] if maker in ("Flatten", "Gemm") else ["H", "W"])
        return helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)

    def save(self, x, path):
        """x: the output, or a tuple of them."""
        outputs = [self.output(name) for name in (x if isinstance(x, tuple) else (x,))]
        graph = helper.make_graph(self.nodes, self.name, [self.input], outputs, self.weights)
        model = helper.make_model(graph, producer_name="fmap bench", ir_version=IR_VERSION,
                                  opset_imports=[helper.make_opsetid("", OPSET)])
        unfinished = f"{path}.{os.getpid()}"
        onnx.save(model, unfinished)
        os.replace(unfinished, path)


def vgg16(net):
    """Simonyan and Zisserman 2014, arXiv:1409.1556, configuration D."""
    x = "image"
    for layers, filters in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(layers):
            x = net.relu(net.conv(x, filters, 3, pad=1))
        x = net.max_pool(x, 2, 2)
    x = net.flatten(x, 512 * 7 * 7)
    x = net.relu(net.dense(x, 4096))
    x = net.relu(net.dense(x, 4096))
    return net.dense(x, 1000)


def resnet50(net):
    """He et al. 2015, arXiv:1512.03385, with the stride in the 3x3 convolution as everyone trains it."""
    x = net.relu(net.batch_norm(net.conv("image", 64, 7, 2, 3, bias=False)))
    x = net.max_pool(x, 3, 2, 1)
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            y = net.relu(net.batch_norm(net.conv(x, width, 1, bias=False)))
            y = net.relu(net.batch_norm(net.conv(y, width, 3, stride, 1, bias=False)))
            y = net.batch_norm(net.conv(y, 4 * width, 1, bias=False), 0.3)
            if block == 0:
                x = net.batch_norm(net.conv(x, 4 * width, 1, stride, bias=False))
            x = net.relu(net.add(y, x))
    return net.dense(net.flatten(net.global_pool(x), 2048), 1000)


def mobilenetv2(net):
    """Sandler et al. 2018, arXiv:1801.04381, width 1."""
    x = net.clip(net.batch_norm(net.conv("image", 32, 3, 2, 1, bias=False)))
    for expansion, filters, blocks, first_stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                     (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            y, width = x, net.channels[x] * expansion
            if expansion != 1:
                y = net.clip(net.batch_norm(net.conv(y, width, 1, bias=False)))
            y = net.clip(net.batch_norm(net.conv(y, width, 3, stride, 1, width, bias=False)))
            y = net.batch_norm(net.conv(y, filters, 1, bias=False), 0.5)
            x = net.add(x, y) if stride == 1 and net.channels[x] == filters else y
    x = net.clip(net.batch_norm(net.conv(x, 1280, 1, bias=False)))
    return net.dense(net.flatten(net.global_pool(x), 1280), 1000)


def squeezenet(net):
    """Iandola et al. 2016, arXiv:1602.07360, as its authors' version 1.1."""
    def fire(x, squeeze, expand):
        x = net.relu(net.conv(x, squeeze, 1))
        return net.concat(net.relu(net.conv(x, expand, 1)), net.relu(net.conv(x, expand, 3, pad=1)))

    x = net.max_pool(net.relu(net.conv("image", 64, 3, 2)), 3, 2, ceil=True)
    x = net.max_pool(fire(fire(x, 16, 64), 16, 64), 3, 2, ceil=True)
    x = net.max_pool(fire(fire(x, 32, 128), 32, 128), 3, 2, ceil=True)
    x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
    return net.flatten(net.global_pool(net.relu(net.conv(x, 1000, 1))), 1000)


def alexnet(net):
    """Krizhevsky 2014, arXiv:1404.5997: the single tower without normalisation that everyone trains."""
    x = net.max_pool(net.relu(net.conv("image", 64, 11, 4, 2)), 3, 2)
    x = net.max_pool(net.relu(net.conv(x, 192, 5, pad=2)), 3, 2)
    x = net.relu(net.conv(x, 384, 3, pad=1))
    x = net.relu(net.conv(x, 256, 3, pad=1))
    x = net.max_pool(net.relu(net.conv(x, 256, 3, pad=1)), 3, 2)
    x = net.relu(net.dense(net.flatten(x, 256 * 6 * 6), 4096))
    return net.dense(net.relu(net.dense(x, 4096)), 1000)


def tiny(net):
    """Not a classic: every operator of the others in a network that a test can afford."""
    x = net.relu(net.batch_norm(net.conv("image", 16, 3, 2, 1, bias=False)))
    y = net.clip(net.batch_norm(net.conv(x, 16, 3, 1, 1, 16, bias=False)))
    x = net.add(x, net.batch_norm(net.conv(y, 16, 1, bias=False)))
    x = net.max_pool(net.concat(x, net.relu(net.conv(x, 8, 3, pad=1))), 3, 2, ceil=True)
    x = net.relu(net.dense(net.flatten(x, 24 * 8 * 8), 20))
    return net.dense(x, 10)


# Each with the size of its square picture of three channels.
NETWORKS = {"alexnet": (alexnet, 224), "mobilenetv2": (mobilenetv2, 224), "resnet50": (resnet50, 224),
            "squeezenet": (squeezenet, 224), "tiny": (tiny, 32), "vgg16": (vgg16, 224), **modern.NETWORKS}


def generate(name, directory):
    build, size = NETWORKS[name]
    os.makedirs(directory, exist_ok=True)
    net = Builder(name, 3, size)
    path = os.path.join(directory, f"{name}.onnx")
    net.save(build(net), path)
    return path


def main():
    parser = argparse.ArgumentParser(description="Write classic networks with random weights as ONNX files.")
    parser.add_argument("--directory", default=".", help="where the files go (default: here)")
    parser.add_argument("network", nargs="+", choices=sorted(NETWORKS))
    options = parser.parse_args()
    for name in options.network:
        print(generate(name, options.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
