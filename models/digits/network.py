"""The network, in PyTorch for training and as ONNX for everyone else.

Both are read off one list of layers, so they cannot drift apart.
"""

from collections import OrderedDict

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from data import CLASSES, SIZE


def make_network():
    """28 x 28 -> 16 maps of 28 x 28 -> 14 x 14 -> 32 maps of 14 x 14 -> 7 x 7 -> 96 -> 10."""
    return nn.Sequential(OrderedDict([
        ("zero_padding2d_1", nn.ZeroPad2d(2)),
        ("conv2d_1", nn.Conv2d(1, 16, 5)),
        ("relu_1", nn.ReLU()),
        ("dropout_1", nn.Dropout(0.05)),
        ("max_pooling2d_1", nn.MaxPool2d(2)),
        ("zero_padding2d_2", nn.ZeroPad2d(1)),
        ("conv2d_2", nn.Conv2d(16, 32, 3)),
        ("relu_2", nn.ReLU()),
        ("dropout_2", nn.Dropout(0.1)),
        ("max_pooling2d_2", nn.MaxPool2d(2)),
        ("flatten", nn.Flatten()),
        ("dense_1", nn.Linear(32 * 7 * 7, 96)),
        ("relu_3", nn.ReLU()),
        ("dropout_3", nn.Dropout(0.4)),
        ("dense_2", nn.Linear(96, CLASSES)),
        # In training the loss takes dense_2's output: softmax and logarithm in one are more exact.
        ("softmax", nn.Softmax(dim=1)),
    ]))


def to_onnx(network, doc):
    """An onnx.ModelProto of opset 13. A value is called after the node that makes it."""
    nodes, weights = [], []

    def weight(name, array):
        weights.append(numpy_helper.from_array(array, name))  # raw_data
        return name

    def parameter(name, tensor):
        return weight(name, tensor.detach().numpy())

    value = "image"
    for name, layer in network.named_children():
        inputs, attributes = [value], {}
        if isinstance(layer, nn.ZeroPad2d):
            left, right, top, bottom = layer.padding
            operator = "Pad"
            inputs.append(weight(f"{name}.pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)))
        elif isinstance(layer, nn.Conv2d):
            operator = "Conv"
            inputs += [parameter(f"{name}.kernel", layer.weight), parameter(f"{name}.bias", layer.bias)]
            attributes = {"kernel_shape": list(layer.kernel_size)}
        elif isinstance(layer, nn.ReLU):
            operator = "Relu"
        elif isinstance(layer, nn.Dropout):
            operator = "Dropout"
            inputs.append(weight(f"{name}.ratio", np.array(layer.p, np.float32)))
        elif isinstance(layer, nn.MaxPool2d):
            operator = "MaxPool"
            attributes = {"kernel_shape": [layer.kernel_size] * 2, "strides": [layer.stride] * 2}
        elif isinstance(layer, nn.Flatten):
            operator = "Flatten"
            attributes = {"axis": 1}
        elif isinstance(layer, nn.Linear):
            operator = "Gemm"
            inputs += [parameter(f"{name}.kernel", layer.weight), parameter(f"{name}.bias", layer.bias)]
            attributes = {"transB": 1}
        elif isinstance(layer, nn.Softmax):
            operator = "Softmax"
            attributes = {"axis": 1}
        else:
            raise TypeError(f"{name}: no ONNX operator for {layer}")
        value = "probabilities" if operator == "Softmax" else name
        nodes.append(helper.make_node(operator, inputs, [value], name=name, **attributes))

    def tensor(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(nodes, "digits", [tensor("image", ["N", 1, SIZE, SIZE])],
                              [tensor("probabilities", ["N", CLASSES])], weights)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)],
                              producer_name="fmap", doc_string=doc)
    onnx.checker.check_model(model, full_check=True)
    return model


def from_onnx(path):
    """The network with the weights of a file that to_onnx made, in inference mode."""
    network = make_network()
    tensors = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
               for tensor in onnx.load(str(path)).graph.initializer}
    with torch.no_grad():
        for name, layer in network.named_children():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.weight.copy_(tensors[f"{name}.kernel"])
                layer.bias.copy_(tensors[f"{name}.bias"])
    return network.eval()
