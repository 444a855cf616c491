"""One network on all engines: whose answer agrees with ours, rounds in turns, first answers, and who else was at work."""
import array
import contextlib
import math
import os
import statistics
import time

import collection
import runners

TOLERANCE = 1e-3  # Of the answer's root mean square. Winograd and folding round differently; wrong is far away.
PAUSE_SECONDS = 0.045  # ONNX Runtime's threads spin for 30 ms, OpenMP's for 10, and the last tick counts whole.
WATCH_SECONDS = 0.02  # Then nobody of ours works, so whoever does is a stranger.
FEWEST_ROUNDS = 3
SLOW_SECONDS = 0.5  # A network that takes longer runs once a round.


def read_floats(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def idle_seconds():
    """Of all processors together, since the machine started; None where the system does not tell."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            idle, waiting = file.readline().split()[4:6]
        return (int(idle) + int(waiting)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


def difference(ours, theirs):
    """The largest difference of two answers, relative to the root mean square of ours."""
    if len(ours) != len(theirs) or len(ours) == 0:
        return math.inf
    if not all(map(math.isfinite, ours)) or not all(map(math.isfinite, theirs)):
        return math.inf
    largest = max(abs(a - b) for a, b in zip(ours, theirs))
    size = math.sqrt(math.fsum(a * a for a in ours) / len(ours))
    return largest / size if size > 0 else math.inf


class Contest:
    """One network, batch and number of threads, on all engines that can."""

    def __init__(self, name, batch, threads, build_dir, report):
        self.name, self.batch, self.threads = name, batch, threads
        self.build_dir, self.report = build_dir, report
        self.path = collection.path(name, build_dir)
        self.shape = collection.input_shape(name, batch)
        self.rows = {}
        self.ours = None
        self.watched = self.idle = 0.0

    def where(self, engine):
        return f"{self.name}, batch {self.batch}, {self.threads} threads: {engine}"

    def request(self, engine):
        """RunnerError says what the engine does not have."""
        found = self.path if engine != "onednn" else collection.recipe(self.name, self.shape, self.build_dir)
        asked = {"load": os.path.abspath(found), "threads": self.threads, "batch": self.batch}
        return {**asked, "shape": self.shape} if self.shape else asked

    def run(self, runner, loaded):
        """One run on the common input; the answer."""
        output = os.path.join(self.build_dir, "networks", f"output-{runner.engine}.f32")
        image = collection.input_path(self.name, self.batch, loaded["input_elements"], self.build_dir)
        runner.ask({"run": os.path.abspath(image), "output": os.path.abspath(output)})
        return read_floats(output)

    def admit(self, runner):
        """Loads and checks; the engine's row, or None when it is out."""
        engine = runner.engine
        loaded = runner.ask(self.request(engine))
        answer = self.run(runner, loaded)
        if engine == "fmap":
            self.ours, self.flops, self.bytes = answer, loaded["flops"], loaded["bytes"]
        far = difference(self.ours, answer)
        if not far <= TOLERANCE:
            self.report(f"{self.where(engine)} is wrong: differs from ours by {far:.2g} of the answer's size")
            return
        self.rows[engine] = {
            "kind": "network", "name": f"network/{self.name}", "batch": self.batch, "threads": self.threads,
            "engine": engine, "variant": loaded["variant"], "version": loaded["version"], "seconds": [],
            "flops": self.flops, "bytes": self.bytes, "load_seconds": loaded["load_seconds"],
            "first_answer_seconds": None, "packed_answer_seconds": None, "peak_rss_bytes": None,
            "handoff_seconds": None, "strangers": None,
            "difference": far}

    def measure(self, running, effort):
        """Rounds over all engines; each engine's first call warms it up and is dropped. Slow networks get fewer rounds."""
        order = [runner for runner in running if runner.engine in self.rows]
        typical, start = {}, time.monotonic()
        for round_number in range(-1, effort.rounds):
            if round_number >= FEWEST_ROUNDS and time.monotonic() - start > effort.contest_seconds:
                break
            for runner in list(order):
                self.pause()
                request = {"repetitions": 3 if typical.get(runner.engine, math.inf) < SLOW_SECONDS else 1,
                           "min_seconds": (0.5 if round_number < 0 else 1) * effort.round_seconds}
                with self.without(runner, order):
                    times = runner.ask({"time": request})["seconds"]
                    typical[runner.engine] = min(times)
                    if round_number >= 0:
                        self.rows[runner.engine]["seconds"].append(statistics.median(times))
            order = order[1:] + order[:1]  # Nobody is always the first.

    def pause(self):
        """Lets the last engine's threads go to sleep, then looks who else is at work."""
        time.sleep(PAUSE_SECONDS)
        before, start = idle_seconds(), time.perf_counter()
        time.sleep(WATCH_SECONDS)
        if before is not None:
            self.idle += idle_seconds() - before
            self.watched += (time.perf_counter() - start) * os.cpu_count()

    def strangers(self):
        """The share of the processors' time that others took in the pauses; None where that is not known."""
        return max(0.0, 1 - self.idle / self.watched) if self.watched > 0 else None

    def handoff(self, runner):
        """How far apart the processors are just now; None for one thread, or where there is only one."""
        try:
            seconds = runner.ask({"handoff": True})["seconds"] if self.threads > 1 else -1
        except runners.RunnerError:
            return None
        return seconds if seconds >= 0 else None

    @contextlib.contextmanager
    def without(self, runner, order):
        """An engine that fails while it is timed is out; the others go on."""
        try:
            yield
        except runners.RunnerError as error:
            self.report(f"{self.where(runner.engine)}: {error}")
            self.rows.pop(runner.engine)
            order.remove(runner)

    def measure_cold(self, starts):
        """From starting a process to its first answer, with the files in the page cache; and its memory."""
        for engine, row in self.rows.items():
            try:
                measured = [self.start_cold(engine, {**self.request(engine), "variants": [row["variant"]]})
                            for _ in range(starts)]
                if engine == "fmap":
                    row["packed_answer_seconds"] = self.measure_packed(starts)
            except runners.RunnerError as error:
                self.report(f"{self.where(engine)}: {error}")
                continue
            row["first_answer_seconds"] = statistics.median(seconds for seconds, _ in measured)
            row["peak_rss_bytes"] = statistics.median(peak for _, peak in measured)

    def measure_packed(self, starts):
        """The same from a packed file, whose answer has to be that of the network to the bit; None where there is none."""
        try:
            packed = collection.pack(self.name, self.shape, self.batch, self.threads, self.build_dir)
        except runners.RunnerError as error:
            self.report(f"{self.where('fmap')}: {error}")
            return None
        measured = [self.start_cold("fmap", {**self.request("fmap"), "load": packed}, self.ours) for _ in range(starts)]
        return statistics.median(seconds for seconds, _ in measured)

    def start_cold(self, engine, request, expected=None):
        """Seconds, bytes. A request with "variants" spares PyTorch to find out again which of its ways is the fastest."""
        start = time.perf_counter()
        with runners.start(engine, self.build_dir, self.report) as runner:
            answer = self.run(runner, runner.ask(request))
            seconds = time.perf_counter() - start
            if expected is not None and answer != expected:
                raise runners.RunnerError("the packed file gives another answer")
            return seconds, runner.peak_bytes()
