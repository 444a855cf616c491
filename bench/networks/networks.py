#!/usr/bin/env python3
"""Times whole networks, ours and the rivals', in one run: rows() for the benchmarks' report, or a table by itself.

Every engine answers the same input first, and only who agrees with us is timed: a wrong answer is not a time. Then the
engines take turns, round after round, so that a machine that slows down slows all of them down. Each round is the
median of several runs. Between two engines there is a pause, in which the threads of the first stop spinning.

    networks.py [--quick] [--build-dir DIRECTORY] ...
"""
import argparse
import array
import contextlib
import math
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import collection  # noqa: E402
import runners  # noqa: E402
from notebook import Notebook  # noqa: E402
from network_table import table  # noqa: E402

TOLERANCE = 1e-3  # Of the answer's root mean square. Winograd and folding round differently; wrong is far away.
PAUSE_SECONDS = 0.045  # ONNX Runtime's threads spin for 30 ms, OpenMP's for 10, and the last tick counts whole.
WATCH_SECONDS = 0.02  # Then nobody of ours works, so whoever does is a stranger.
FEWEST_ROUNDS = 3
SLOW_SECONDS = 0.5  # A network that takes longer runs once a round.
BUSY = 0.3  # Share of the processors' time from which on strangers are worth a sentence; our own engines leave 0.2.


class Effort:
    """How long to measure what."""

    def __init__(self, quick):
        cores = os.cpu_count() or 1
        self.networks = collection.names(quick)
        self.batches = (1,) if quick else (1, 16)
        self.threads = sorted({1, min(2, cores)} if quick else {1, min(2, cores), cores})
        self.rounds = 5 if quick else 9
        self.round_seconds = 0.1 if quick else 0.3
        self.cold_starts = 0 if quick else 3
        self.engines = tuple(runners.COMMANDS)
        self.contest_seconds = 60  # Then there are no more rounds of a network.
        self.seconds = math.inf  # No contest begins after them.
        self.notebook = Notebook()


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


def start_all(engines, build_dir, report, stack):
    """The engines that there are, ours first."""
    running = []
    for engine in engines:
        try:
            running.append(stack.enter_context(runners.start(engine, build_dir, report)))
        except runners.RunnerError as error:
            report(f"networks: {engine} skipped: {error}")
    return running


def contest_rows(contest, running, effort):
    for runner in running:
        try:
            contest.admit(runner)
        except runners.RunnerError as error:
            contest.report(f"{contest.where(runner.engine)}: {error}")
            if runner.engine == "fmap":
                return []
    distances = [contest.handoff(running[0])]
    contest.measure(running, effort)
    if "fmap" not in contest.rows:
        return []
    distances.append(contest.handoff(running[0]))
    strangers = contest.strangers()
    if strangers is not None and strangers > BUSY:
        contest.report(f"{contest.where('not to be trusted')}: others used {strangers:.0%} of the processors' time")
    for row in contest.rows.values():
        row["asked"] = list(effort.engines)
        row.update(handoff_seconds=distances, strangers=strangers)
    if effort.cold_starts > 0:
        contest.measure_cold(effort.cold_starts)
    return list(contest.rows.values())


def rows(quick, build_dir, report, effort=None):
    """Yields a row for each network, batch, number of threads and engine; says with report(SENTENCE) what is missing.

    A row is {"kind": "network", "name": "network/NAME", "batch", "threads", "engine", "variant", "version", "seconds":
    [one per round], "flops": of a run by the direct algorithms, "bytes": weights, input and output once,
    "load_seconds", "difference": from our answer, relative; and, unless quick, "first_answer_seconds" from starting
    the process and "peak_rss_bytes", else None, and of ours "packed_answer_seconds" from a packed file; "handoff_seconds": [before, after] the rounds, how long a cache line took
    from one processor to another, None for one thread: a virtual machine's processors may be moved closer or further
    apart, and times on two threads that were measured in different states cannot be compared; "strangers": the share of the processors' time that other
    programs took meanwhile}. build_dir is where fmap-network-runner was built; files that are
    made or installed for the purpose go into its folder networks.
    """
    effort = effort or Effort(quick)
    os.makedirs(os.path.join(build_dir, "networks"), exist_ok=True)
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        running = start_all(effort.engines, build_dir, report, stack)
        if not running or running[0].engine != "fmap":
            return
        wanted = [(name, batch, threads) for name in effort.networks for batch in effort.batches
                  for threads in effort.threads if not effort.notebook.has(name, batch, threads, effort.engines)]
        for i, (name, batch, threads) in enumerate(wanted):
            if time.monotonic() - start > effort.seconds:
                report(f"networks: the time is up, {len(wanted) - i} of {len(wanted)} are left")
                return
            try:
                contest = Contest(name, batch, threads, build_dir, report)
            except runners.RunnerError as error:
                report(f"networks: {name}, batch {batch} skipped: {error}")
                continue
            found = contest_rows(contest, running, effort)
            effort.notebook.add(found)
            yield from found


def numbers(text):
    return [int(number) for number in text.split(",")]


def words(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description="Time whole networks, ours and the rivals'; print a Markdown table.")
    parser.add_argument("--quick", action="store_true", help="less of everything: under a minute")
    parser.add_argument("--build-dir", default="build/release", help="where fmap-network-runner is (%(default)s)")
    parser.add_argument("--networks", type=words, help="for example: digits,resnet50")
    parser.add_argument("--engines", type=words, help=f"of {','.join(runners.COMMANDS)}; fmap must be there")
    parser.add_argument("--threads", type=numbers, help="for example: 1,2")
    parser.add_argument("--batch", type=numbers, dest="batches", help="for example: 1,16")
    parser.add_argument("--rounds", type=int, help="how often each engine has its turn")
    parser.add_argument("--json", metavar="FILE", help="write the rows there, too, network by network")
    parser.add_argument("--resume", action="store_true", help="go on with what --json FILE does not have yet")
    parser.add_argument("--seconds", type=float, help="begin with no network after so many seconds")
    parser.add_argument("--cold-starts", type=int, help="how often to measure the first answer and memory; 0: not")
    options = parser.parse_args()
    if options.resume and not options.json:
        parser.error("--resume needs --json FILE")
    effort = Effort(options.quick)
    for name in ("networks", "engines", "threads", "batches", "rounds", "seconds", "cold_starts"):
        if getattr(options, name) is not None:
            setattr(effort, name, getattr(options, name))
    effort.engines = [engine for engine in runners.COMMANDS if engine in effort.engines]
    effort.notebook = Notebook(options.json, options.resume)
    for _ in rows(options.quick, options.build_dir, lambda sentence: print(sentence, file=sys.stderr), effort):
        pass  # The notebook has it.
    print(table(effort.notebook.rows), end="")
    return 0 if effort.notebook.rows else 1


if __name__ == "__main__":
    sys.exit(main())
