"""The networks that are timed: the one that ships with the source, those that generate.py writes, and, where the folder
`../shared/models` lies beside the source, real ones of other people."""
import os
import subprocess

import runners

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "..", "..", "..", "shared", "models")

# Real networks, with the shape of their input; None is the batch, which the others fix to 1.
REAL = {
    "mnist_cntk": (1, 1, 28, 28),
    "squeezenet1.1": (1, 3, 227, 227),
    "mobilenetv1_0.25_128": (1, 3, 128, 128),
    "ppocr_v4_det": (None, 3, 320, 480),
    "ppocr_v4_rec": (None, 3, 48, 320),
    "ppocr_v2_cls": (None, 3, 48, 192),
    "blazeface_128": (1, 128, 128, 3),
    "blazeface_256": (1, 256, 256, 3),
    "mlsd_tiny_320": (1, 320, 320, 4),
}
CLASSICS = ("digits", "squeezenet", "mobilenetv2", "resnet50", "vgg16")
MODERN = ("googlenet", "densenet121", "shufflenetv2", "mobilenetv3", "efficientnet-b0", "unet", "yolov3-tiny")
QUICK = (*CLASSICS[:4], "shufflenetv2", "ppocr_v2_cls")  # Rivals take 4 to 8 s to load VGG16.
MAKERS = ("generate.py", "modern.py")


def names(quick):
    return QUICK if quick else CLASSICS + MODERN + tuple(REAL)


def input_shape(name, batch):
    """What to ask for; None where the file says all but the batch. RunnerError when the network has a batch of its own."""
    if name not in REAL:
        return None
    first, *rest = REAL[name]
    if first is not None and first != batch:
        raise runners.RunnerError(f"its batch is {first}")
    return [batch, *rest]


def path(name, build_dir):
    """The network's file, made when it is missing or older than its makers. RunnerError says why there is none."""
    if name == "digits":
        return os.path.join(HERE, "..", "..", "models", "digits", "digits.onnx")
    if name in REAL:
        found = os.path.join(SHARED, name, "model.onnx")
        if not os.path.exists(found):
            raise runners.RunnerError("../shared/models is missing")
        return found
    folder = os.path.join(build_dir, "networks")
    made = os.path.join(folder, f"{name}.onnx")
    newest = max(os.path.getmtime(os.path.join(HERE, maker)) for maker in MAKERS)
    if not os.path.exists(made) or os.path.getmtime(made) < newest:
        python = runners.python_with("onnx", "numpy")
        if python is None:
            raise runners.RunnerError("python3-onnx or python3-numpy is missing")
        maker = os.path.join(HERE, "generate.py")
        result = subprocess.run([python, maker, "--directory", folder, name], capture_output=True, text=True)
        if result.returncode != 0:
            raise runners.RunnerError(f"generate.py failed: {result.stderr.strip().splitlines()[-1]}")
    return made


def pack(name, shape, batch, threads, build_dir):
    """Writes the network as a packed file for such plans; its path. RunnerError says why it could not be."""
    program = os.path.join(build_dir, "fmap")
    packed = os.path.join(os.path.abspath(build_dir), "networks", f"{name}.fmap")
    if not os.path.exists(program):
        raise runners.RunnerError("the command fmap is not built")
    command = [program, "pack", f"--threads={threads}", "-o", packed]
    command += [f"--batch={batch}"] if shape is None else ["--input-shape=" + "x".join(map(str, shape))]
    result = subprocess.run(command + [path(name, build_dir)], capture_output=True, text=True)
    if result.returncode != 0:
        raise runners.RunnerError(f"fmap pack: {(result.stderr.strip() or str(result.returncode))}")
    return packed
