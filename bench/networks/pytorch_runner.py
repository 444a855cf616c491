#!/usr/bin/env python3
"""PyTorch as a rival in the network benchmarks; requests and answers are those of runners.py.

PyTorch cannot read ONNX, so a small interpreter does it: the operators of generate.py's networks and of the digits,
no more. What is timed is the traced, frozen program, not this interpreter. A load tries the ways that PyTorch 1.13 has
to run a network on a CPU and keeps the fastest, because which one that is differs from network to network.
"""
import json
import sys
import time
import warnings

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

VARIANTS = ("mkldnn", "channels_last")


def attributes(node):
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def padded(x, pads, value=0.0):
    """ONNX counts the beginnings of all axes first, PyTorch both ends of the last axis first."""
    n = len(pads) // 2
    both = [pads[axis + end * n] for axis in reversed(range(n)) for end in (0, 1)]
    return F.pad(x, both, value=value) if any(pads) else x


def convolution(x, weight, bias=None, *, group=1, strides=(1, 1), dilations=(1, 1), pads=(0, 0, 0, 0), **_):
    begin, end = tuple(pads[:2]), tuple(pads[2:])
    if begin != end:
        x, begin = padded(x, pads), (0, 0)
    return F.conv2d(x, weight, bias, strides, begin, dilations, group)


def max_pool(x, *, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), ceil_mode=0, **_):
    begin, end = tuple(pads[:2]), tuple(pads[2:])
    if begin != end:
        x, begin = padded(x, pads, -float("inf")), (0, 0)
    return F.max_pool2d(x, kernel_shape, strides, begin, ceil_mode=bool(ceil_mode))


def gemm(x, weight, bias=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    if alpha != 1 or beta != 1 or transA:
        raise ValueError("Gemm with alpha, beta or transA")
    return F.linear(x, weight if transB else weight.t(), bias)


def batch_norm(x, scale, bias, mean, variance, *, epsilon=1e-5, **_):
    return F.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


def pad(x, pads, value=None, *, mode=b"constant"):
    if mode != b"constant":
        raise ValueError(f"Pad with mode {mode.decode()}")
    return padded(x, [int(n) for n in pads], 0.0 if value is None else float(value))


def hard_sigmoid(x, *, alpha=0.2, beta=0.5):
    return F.hardsigmoid(x) if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5 else (alpha * x + beta).clamp(0, 1)


OPERATORS = {
    "Add": lambda a, b: a + b,
    "AveragePool": lambda x, kernel_shape, strides: F.avg_pool2d(x, kernel_shape, strides),
    "BatchNormalization": batch_norm,
    "Clip": lambda x, low, high: F.hardtanh(x, float(low), float(high)),
    "Concat": lambda *inputs, axis: torch.cat(inputs, axis),
    "Conv": convolution,
    "ConvTranspose": lambda x, weight, bias, strides, **_: F.conv_transpose2d(x, weight, bias, strides),
    "Dropout": lambda x, *_, **__: x,
    "Flatten": lambda x, axis=1: torch.flatten(x, axis),
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: F.adaptive_avg_pool2d(x, 1),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": F.hardswish,
    "LRN": lambda x, size, alpha, beta, bias: F.local_response_norm(x, size, alpha, beta, bias),
    "LeakyRelu": lambda x, alpha: F.leaky_relu(x, alpha),
    "MaxPool": max_pool,
    "Mul": lambda a, b: a * b,
    "Pad": pad,
    "Relu": F.relu,
    "Reshape": lambda x, sizes: torch.reshape(x, [int(n) for n in sizes]),
    "Resize": lambda x, _, scales, **__: F.interpolate(x, scale_factor=[float(n) for n in scales[2:]]),
    "Sigmoid": torch.sigmoid,
    "Softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "Split": lambda x, axis: torch.chunk(x, 2, axis),
    "Transpose": lambda x, perm: x.permute(perm),
}


class Network(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        unknown = {node.op_type for node in graph.node} - set(OPERATORS)
        if unknown:
            raise ValueError(f"{path} has operators that this interpreter lacks: {', '.join(sorted(unknown))}")
        self.constants = {}
        for weight in graph.initializer:
            self.constants[weight.name] = torch.from_numpy(numpy_helper.to_array(weight).copy())
        self.steps = [(OPERATORS[node.op_type], list(node.input), list(node.output), attributes(node))
                      for node in graph.node]
        image = [value for value in graph.input if value.name not in self.constants]
        self.image = image[0].name
        self.shape = [dimension.dim_value for dimension in image[0].type.tensor_type.shape.dim]
        self.answers = [output.name for output in graph.output]

    def forward(self, image):
        values = {**self.constants, "": None, self.image: image}
        for function, inputs, outputs, parameters in self.steps:
            result = function(*[values[name] for name in inputs], **parameters)
            values.update(zip(outputs, [result] if len(outputs) == 1 else result))
        return tuple(values[name] for name in self.answers)


def program(network, image, variant):
    traced = torch.jit.freeze(torch.jit.trace(network, image, check_trace=False).eval())
    return torch.jit.optimize_for_inference(traced) if variant == "mkldnn" else traced


class Session:
    """The network that was loaded last."""

    def __init__(self, path, threads, batch, variants, shape):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        network = Network(path).eval()
        self.shape = shape or [batch] + network.shape[1:]
        self.read_seconds = time.perf_counter() - start
        self.best_seconds = None
        for variant in variants:
            self.attempt(network, variant)

    def attempt(self, network, variant):
        start = time.perf_counter()
        if variant == "channels_last":
            for name, values in network.constants.items():
                if values.dim() == 4:
                    network.constants[name] = values.contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if variant == "channels_last" else torch.contiguous_format
        image = torch.zeros(self.shape).contiguous(memory_format=layout)
        candidate = program(network, image, variant)
        self.warm_up(candidate, image)
        load_seconds = self.read_seconds + time.perf_counter() - start
        runs = []
        while len(runs) < 3 or sum(runs) < 0.05:
            start = time.perf_counter()
            candidate(image)
            runs.append(time.perf_counter() - start)
        seconds = sorted(runs)[len(runs) // 2]
        if self.best_seconds is None or seconds < self.best_seconds:
            self.best_seconds, self.load_seconds = seconds, load_seconds
            self.program, self.image, self.layout, self.variant = candidate, image, layout, variant

    @staticmethod
    def warm_up(candidate, image):
        """The executor rewrites a program in its first two runs."""
        for _ in range(3):
            candidate(image)

    def set_image(self, values):
        self.image = torch.from_numpy(values.reshape(self.shape)).contiguous(memory_format=self.layout)

    def run(self):
        start = time.perf_counter()
        answer = self.program(self.image)
        return time.perf_counter() - start, answer


def answer(session, request):
    if "load" in request:
        session = Session(request["load"], request.get("threads", 1), request.get("batch", 1),
                          request.get("variants", VARIANTS), request.get("shape"))
        return session, {"load_seconds": session.load_seconds, "version": torch.__version__,
                         "variant": session.variant, "input_elements": session.image.numel()}
    if session is None:
        raise ValueError("a load has to come first")
    if "run" in request:
        session.set_image(numpy.fromfile(request["run"], numpy.float32))
        seconds, result = session.run()
        numpy.concatenate([output.contiguous().numpy().ravel() for output in result]).tofile(request["output"])
        return session, {"seconds": seconds}
    if "time" in request:
        options = request["time"]
        times, start = [], time.perf_counter()
        while (len(times) < options.get("repetitions", 1)
               or time.perf_counter() - start < options.get("min_seconds", 0)):
            times.append(session.run()[0])
        return session, {"seconds": times}
    raise ValueError('a request is {"load"...}, {"run"...}, {"time"...} or {"quit"...}')


def main():
    session = None
    warnings.simplefilter("ignore", torch.jit.TracerWarning)  # Clip's bounds are constants, as it guesses.
    with torch.inference_mode():
        for line in sys.stdin:
            try:
                request = json.loads(line)
                if "quit" in request:
                    break
                session, reply = answer(session, request)
                reply = {"ok": True, **reply}
            except Exception as error:  # Whatever PyTorch raises is an answer, not the end.
                reply = {"ok": False, "error": f"{type(error).__name__}: {error}".splitlines()[0]}
            print(json.dumps(reply), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
