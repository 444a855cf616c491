#!/usr/bin/python3
"""Accuracy of digits.onnx on the held-back digits, by a second opinion: the file is decoded by
python3-onnx and computed here in plain numpy, with nothing shared with the training script.
"""

import pathlib

import numpy as np
import onnx
from onnx import numpy_helper

import data

HERE = pathlib.Path(__file__).resolve().parent


def windows(x, height, width, step):
    """[N, C, H, W] -> [N, C, rows, columns, height, width]"""
    return np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))[:, :, ::step, ::step]


def compute(node, inputs, attributes):
    """The output of one node; only the operators and forms that digits.onnx uses."""
    x = inputs[0]
    if node.op_type == "Pad":
        pads = inputs[1]
        return np.pad(x, list(zip(pads[:4], pads[4:])))
    if node.op_type == "Conv":
        kernel, bias = inputs[1:]
        patches = windows(x, *kernel.shape[2:], 1)
        return np.einsum("nchwij,ocij->nohw", patches, kernel, optimize=True) + bias[:, None, None]
    if node.op_type == "Relu":
        return np.maximum(x, 0)
    if node.op_type == "Dropout":
        return x
    if node.op_type == "MaxPool":
        return windows(x, *attributes["kernel_shape"], attributes["strides"][0]).max((4, 5))
    if node.op_type == "Flatten":
        return x.reshape(len(x), -1)
    if node.op_type == "Gemm":
        return x @ inputs[1].T + inputs[2]
    if node.op_type == "Softmax":
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)
    raise NotImplementedError(node.op_type)


def run(model, images):
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values[model.graph.input[0].name] = data.to_input(images)
    for node in model.graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        values[node.output[0]] = compute(node, [values[name] for name in node.input], attributes)
    return values[model.graph.output[0].name]


def main():
    model = onnx.load(str(HERE / "digits.onnx"))
    onnx.checker.check_model(model, full_check=True)
    images, labels = data.read_idx(HERE)
    answers = np.concatenate([run(model, images[i:i + 100]).argmax(1) for i in range(0, len(images), 100)])
    for label in range(data.CLASSES):
        chosen = answers[labels == label]
        wrong = ", ".join(str(answer) for answer in chosen[chosen != label])
        print(f"{label}: {np.sum(chosen == label):4} of {len(chosen)}  {np.mean(chosen == label):7.2%}"
              + (f"  read as {wrong}" if wrong else ""))
    right = int(np.sum(answers == labels))
    print(f"all: {right} of {len(labels)}, accuracy {right / len(labels):.2%}")
    print("wrong (held-back index, digit, answer):",
          ", ".join(f"{i} {labels[i]}->{answers[i]}" for i in np.flatnonzero(answers != labels)))


if __name__ == "__main__":
    main()
