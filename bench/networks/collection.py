"""The networks that are timed: the one that ships with the source, those that generate.py writes, and, where the folder
`../shared/models` lies beside the source, real ones of other people."""
import array
import os
import random
import subprocess

import runners
import tensor_file

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "..", "..", "..", "shared", "models")

REAL = ("mnist_cntk", "squeezenet1.1", "mobilenetv1_0.25_128", "ppocr_v4_det", "ppocr_v4_rec", "ppocr_v2_cls",
        "blazeface_128", "blazeface_256", "mlsd_tiny_320")
OPEN = ("ppocr_v4_det", "ppocr_v4_rec", "ppocr_v2_cls")  # The others' batch is 1.
CLASSICS = ("digits", "squeezenet", "mobilenetv2", "resnet50", "vgg16")
MODERN = ("googlenet", "densenet121", "shufflenetv2", "mobilenetv3", "efficientnet-b0", "unet", "yolov3-tiny")
QUICK = (*CLASSICS[:4], "shufflenetv2", "ppocr_v2_cls")  # Rivals take 4 to 8 s to load VGG16.
MAKERS = ("generate.py", "modern.py")
RECIPE_MAKERS = ("onednn_recipe.py", "onednn_operators.py", "onednn_moves.py", "recipe_graph.py")


def names(quick):
    return QUICK if quick else CLASSICS + MODERN + tuple(REAL)


def input_shape(name, batch):
    """What to ask for; None where the file says all but the batch. RunnerError when the network has a batch of its own."""
    if name not in REAL:
        return None
    if name not in OPEN and batch != 1:
        raise runners.RunnerError("its batch is 1")
    return [batch, *real_input(name)[0][1:]]


def real_input(name):
    """Shape and bytes of the picture that comes with a real network. On noise a detector's answer is next to nothing, and
    all engines' roundings are large beside it. RunnerError when there is none."""
    try:
        return tensor_file.read_float_tensor(os.path.join(SHARED, name, "test_data_set_0", "input_0.pb"))
    except (OSError, ValueError) as error:
        raise runners.RunnerError(f"no input in ../shared/models: {error}") from error


def input_path(name, batch, elements, build_dir):
    """A file of so many numbers, the same in each call: those of the network, or arbitrary ones between -1 and 1."""
    folder = os.path.join(build_dir, "networks")
    if name in REAL:
        found = os.path.join(folder, f"input-{name}-{batch}.f32")
        with open(found, "wb") as file:
            file.write(real_input(name)[1] * batch)
        return found
    found = os.path.join(folder, f"input-{elements}.f32")
    if not os.path.exists(found) or os.path.getsize(found) != 4 * elements:
        words = array.array("H", random.Random(1).randbytes(2 * elements))
        with open(found, "wb") as file:
            array.array("f", [word / 32768 - 1 for word in words]).tofile(file)
    return found


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


def recipe(name, shape, build_dir):
    """The network as oneDNN's runner reads it, made when it is missing or older than the network or its maker. RunnerError
    says what oneDNN has no primitive for."""
    source, folder = path(name, build_dir), os.path.join(os.path.abspath(build_dir), "networks")
    makers = [source] + [os.path.join(HERE, maker) for maker in RECIPE_MAKERS]
    sizes = [str(size) for size in (shape or ())[1:]]
    stem = os.path.join(folder, "-".join([name, *sizes, "onednn"]))
    made = f"{stem}.json"
    if not os.path.exists(made) or os.path.getmtime(made) < max(map(os.path.getmtime, makers)):
        python = runners.python_with("onnx", "numpy")
        if python is None:
            raise runners.RunnerError("python3-onnx or python3-numpy is missing")
        command = [python, os.path.join(HERE, "onednn_recipe.py"), source, stem, *(["1", *sizes] if sizes else [])]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise runners.RunnerError((result.stderr.strip().splitlines() or ["onednn_recipe.py failed"])[-1])
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
        raise runners.RunnerError(f"fmap pack: {result.stderr.strip() or result.returncode}")
    return packed
