#!/usr/bin/env python3
"""Times whole networks, ours and the rivals', in one run: rows() for the benchmarks' report, or a table by itself.

Every engine answers the same input first, and only who agrees with us is timed: a wrong answer is not a time. Then the
engines take turns, round after round, so that a machine that slows down slows all of them down. Each round is the
median of several runs. Between two engines there is a pause, in which the threads of the first stop spinning.

    networks.py [--quick] [--build-dir DIRECTORY] ...
"""
import argparse
import contextlib
import math
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import collection  # noqa: E402
import runners  # noqa: E402
from contest import Contest  # noqa: E402
from notebook import Notebook  # noqa: E402
from network_table import table  # noqa: E402

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
