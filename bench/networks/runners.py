"""The engines of the network benchmarks, each a process that answers requests, so that it starts once for all networks.

A request is one JSON object on a line of the process's input, its answer one on a line of its output:

    {"load": MODEL.onnx, "threads": T, "batch": N}        {"ok": true, "load_seconds": S, "version": V, "variant": W,
                                                           "input_elements": E}; ours adds "flops" and "bytes".
                                                           A "shape" is that of the only input, where the file
                                                           leaves more open than the batch. "variants": [W, ...] spares
                                                           an engine that tries several ways to find the fastest again.
                                                           oneDNN's model is a recipe (onednn_recipe.py)
    {"run": INPUT, "output": FILE}                        {"ok": true, "seconds": S}: reads raw float32, runs once,
                                                           writes raw float32
    {"time": {"repetitions": R, "min_seconds": S}}        {"ok": true, "seconds": [...]}: R runs at least, of S seconds
                                                           at least, on the input of the last "run"
    {"handoff": true}                                     {"ok": true, "seconds": S}, those in C only: how long a cache line
                                                           takes from one processor to another
    {"quit": true}                                        nothing: the process ends

What cannot be done is answered {"ok": false, "error": SENTENCE}, and the process goes on.
"""
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ANSWER_SECONDS = 300  # PyTorch on VGG16 with a batch of 16 is the slowest to load.


class RunnerError(Exception):
    """A sentence that says what an engine could not do."""


class Runner:
    """One engine's process."""

    def __init__(self, engine, command, log_path=os.devnull, answer_seconds=ANSWER_SECONDS):
        self.engine = engine
        self.answer_seconds = answer_seconds
        # Debian 12's OpenBLAS, under PyTorch, obeys these; some machines set them for other programs' sake.
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        with open(log_path, "wb") as log:
            try:
                self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                                env=environment, text=True)
            except OSError as error:
                raise RunnerError(f"{engine} does not start: {error}") from error

    def ask(self, request):
        """The answer to a request; RunnerError when it is a refusal, or none comes."""
        timer = threading.Timer(self.answer_seconds, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError as error:
            raise RunnerError(f"{self.engine} has ended") from error
        finally:
            timer.cancel()
        try:
            answer = json.loads(line)
        except json.JSONDecodeError as error:
            raise RunnerError(f"{self.engine} gave no answer to {json.dumps(request)}") from error
        if not answer.get("ok"):
            raise RunnerError(f"{self.engine}: {answer.get('error', 'no reason given')}")
        return answer

    def peak_bytes(self):
        """The most memory that the process has ever held; RunnerError where the system does not tell."""
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        return 1024 * int(line.split()[1])
        except OSError:
            pass
        raise RunnerError(f"how much memory {self.engine} holds is not known")

    def close(self):
        try:
            self.process.communicate('{"quit": true}\n', timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # What a dead process was not told stays in the buffer.
                stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@functools.lru_cache(maxsize=None)
def python_with(*modules):
    """A Python that has these modules: this one, or the system's; None when neither does."""
    question = f"import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, {modules!r})))"
    for python in dict.fromkeys((sys.executable, shutil.which("python3"), "/usr/bin/python3")):
        if python and os.path.exists(python) and subprocess.run([python, "-c", question]).returncode == 0:
            return python
    return None


def fmap_command(build_dir, _report):
    program = os.path.join(build_dir, "fmap-network-runner")
    emulator = os.environ.get("FMAP_EMULATOR", "").split()  # of a foreign processor's programs
    if not os.path.exists(program):
        raise RunnerError("fmap-network-runner is not built")
    return emulator + [program]


def onednn_command(build_dir, _report):
    program = os.path.join(build_dir, "fmap-onednn-runner")
    if not os.path.exists(program):
        raise RunnerError("fmap-onednn-runner is not built: libdnnl-dev (2.x) is missing")
    return [program]


def onnxruntime_command(build_dir, report):
    """Installs the package that package.json names into the build directory, once."""
    if shutil.which("node") is None:
        raise RunnerError("node is missing")
    folder = os.path.join(build_dir, "networks", "npm")
    wanted = os.path.join(HERE, "package.json")
    stamp = os.path.join(folder, "package.json")
    with open(wanted, encoding="utf-8") as file:
        text = file.read()
    if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != text:
        if shutil.which("npm") is None:
            raise RunnerError("npm is missing")
        report("installing ONNX Runtime with npm")
        shutil.rmtree(folder, ignore_errors=True)
        fresh = folder + ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        os.makedirs(fresh)
        shutil.copy(wanted, fresh)
        # No scripts: the package's own would download libraries for other devices. The one for the CPU is inside.
        result = subprocess.run(["npm", "install", "--ignore-scripts", "--no-package-lock", "--silent"], cwd=fresh,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            raise RunnerError("npm could not install it")
        os.rename(fresh, folder)
    return ["node", os.path.join(HERE, "onnxruntime_runner.js"), os.path.join(folder, "node_modules")]


def pytorch_command(_build_dir, _report):
    python = python_with("torch", "onnx", "numpy")
    if python is None:
        raise RunnerError("python3-torch or python3-onnx is missing")
    return [python, os.path.join(HERE, "pytorch_runner.py")]


# Ours first: the others' answers are compared with it.
COMMANDS = {"fmap": fmap_command, "onednn": onednn_command, "onnxruntime": onnxruntime_command, "pytorch": pytorch_command}


def start(engine, build_dir, report):
    """A running engine; RunnerError says why there is none."""
    command = COMMANDS[engine](build_dir, report)
    folder = os.path.join(build_dir, "networks")
    os.makedirs(folder, exist_ok=True)
    return Runner(engine, command, os.path.join(folder, f"{engine}.log"))
