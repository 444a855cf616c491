#!/usr/bin/python3
"""Write samples/: pictures of held-back digits, and what the network must say about them.

Reads digits.onnx and the held-back digits beside it. 0.png ... 9.png are digits as they are; the
others are what a person might bring: larger, with paper or a blackboard around the digit, in colour.
expected.json is computed with PyTorch in float32, independently of the runtime under test.
"""

import math
import pathlib

import numpy as np
import torch
from PIL import Image

import data
from network import from_onnx

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE / "samples"

# name: held-back digit, width, height, colour of the ground and of the pen, strength of the light's fall-off
PICTURES = {
    "paper-4.png": dict(index=24, size=(200, 260), ground=[248], pen=[28], shade=0.0),
    "paper-7.jpg": dict(index=47, size=(320, 320), ground=[243, 239, 226], pen=[34, 44, 120], shade=0.10),
    "board-2.png": dict(index=202, size=(260, 200), ground=[20, 40, 31], pen=[226, 228, 220], shade=0.0),
}


def draw(digit, size, ground, pen, shade, seed):
    """A large picture of a digit: smooth strokes, a little grain, light from the left."""
    side = max(size)
    large = Image.fromarray(digit).resize((side, side), Image.BICUBIC)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    large = large.crop((left, top, left + size[0], top + size[1]))
    # A steep S-curve turns the blur of enlarging into a stroke with an edge.
    stroke = 1 / (1 + np.exp(-10 * (np.asarray(large, np.float64) / 255 - 0.5)))[..., None]
    colour = np.array(ground) * (1 - stroke) + np.array(pen) * stroke
    colour *= 1 - shade * np.linspace(0, 1, size[0])[None, :, None]
    colour += np.random.default_rng(seed).normal(0, 2, (size[1], size[0], 1))
    pixels = np.clip(np.rint(colour), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if len(ground) == 1 else pixels)


def prepare(picture, resampling=Image.BOX, black_bars=True):
    """digits.json's preprocessing, once more in Python: grey, invert if the border is bright, fit."""
    grey = np.asarray(picture.convert("L"), np.uint8)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if border.mean() > 127.5:
        grey, border = 255 - grey, 255 - border
    scale = data.SIZE / max(grey.shape)
    width, height = (max(1, round(extent * scale)) for extent in grey.shape[::-1])
    small = np.asarray(Image.fromarray(grey).resize((width, height), resampling))
    out = np.full((data.SIZE, data.SIZE), 0 if black_bars else round(border.mean()), np.uint8)
    top, left = (data.SIZE - height) // 2, (data.SIZE - width) // 2
    out[top:top + height, left:left + width] = small
    return out


def numbers(values):
    """float32 values as the shortest decimal numbers that give the same float32 again."""
    return [float(str(value)) for value in np.asarray(values, np.float32)]


def summary(value):
    """What a layer's output must agree with. Sums in double; std is the population's."""
    flat = value.numpy().ravel()
    middle = flat.size // 2
    return {
        "shape": list(value.shape),
        "mean": float(flat.mean(dtype=np.float64)), "std": float(flat.std(dtype=np.float64)),
        "min": numbers([flat.min()])[0], "max": numbers([flat.max()])[0],
        "first": numbers(flat[:8]), "middle": numbers(flat[middle:middle + 8]),
    }


def main():
    torch.set_num_threads(1)
    network = from_onnx(HERE / "digits.onnx")
    images, labels = data.read_idx(HERE)
    SAMPLES.mkdir(exist_ok=True)

    def probabilities(image):
        with torch.no_grad():
            return network(torch.from_numpy(data.to_input(image[None])))[0].numpy()

    samples = {}
    for index in range(data.CLASSES):
        # The classes take turns, so these are the first held-back digit of each.
        name = f"{labels[index]}.png"
        Image.fromarray(images[index]).save(SAMPLES / name, optimize=True)
        answer = probabilities(images[index])
        assert answer.argmax() == labels[index], name
        samples[name] = {"label": int(labels[index]), "heldback_index": index,
                         "probabilities": numbers(answer)}

    pictures = {}
    for name, how in PICTURES.items():
        index = how["index"]
        picture = draw(images[index], how["size"], how["ground"], how["pen"], how["shade"], seed=index)
        picture.save(SAMPLES / name, optimize=True, **({"quality": 90} if name.endswith("jpg") else {}))
        picture = Image.open(SAMPLES / name)
        # The answer must not hang on how exactly a program makes pictures smaller.
        answers = [probabilities(prepare(picture, resampling, bars))
                   for resampling in (Image.BOX, Image.BILINEAR, Image.BICUBIC, Image.LANCZOS, Image.NEAREST)
                   for bars in (True, False)]
        assert all(answer.argmax() == labels[index] for answer in answers), name
        lowest = min(float(answer[labels[index]]) for answer in answers)
        pictures[name] = {"label": int(labels[index]), "heldback_index": index,
                          # Rounded down, with a hundredth to spare: never 1.
                          "probability_at_least": math.floor(lowest * 99) / 100}

    layers = {}
    value = torch.from_numpy(data.to_input(images[7][None]))
    with torch.no_grad():
        for name, layer in network.named_children():
            value = layer(value)
            layers[name] = summary(value)

    data.write_json(SAMPLES / "expected.json", {
        "about": "From PyTorch in float32. samples: pixel / 255 goes in as it is. pictures: the lowest "
                 "probability of the right label over several ways to resize. layers: the output of each "
                 "node for 7.png, NCHW; first and middle are 8 values from element 0 and element size / 2; "
                 "std is the population's.",
        "samples": samples, "pictures": pictures, "image": "7.png", "layers": layers,
    })
    for name, entry in pictures.items():
        print(name, entry)


if __name__ == "__main__":
    main()
