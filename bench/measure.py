#!/usr/bin/env python3
"""Measures every layer and network, ours and the rivals', round by round, and writes a table. See --help."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import shlex
import subprocess
import sys
import time

import report
import results

HERE = pathlib.Path(__file__).resolve().parent
QUICK = {"repetitions": 5, "min_time": 0.02}
ATTEMPTS = 3  # at a layer while other programs disturb it
QUIET = 0.05  # of all processors' time may be theirs
FULL = {"repetitions": 9, "min_time": 0.1}


def options(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--quick", action="store_true", help="the important layers, in two minutes (the default)")
    how_much.add_argument("--full", action="store_true",
                          help="every layer, batch and number of threads, and again with AVX2 only: about an hour")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only what matches, such as conv2d/vgg16 or network/")
    parser.add_argument("--batch", type=int, action="append", metavar="N", help="only this batch (may be repeated)")
    parser.add_argument("--threads", type=int, action="append", metavar="T", help="only so many threads (may be repeated)")
    parser.add_argument("--isa", action="append", choices=["avx512", "avx2"], help="limit all engines to it")
    parser.add_argument("--compare", metavar="OLD.json", help="say what became slower or faster since that result")
    parser.add_argument("--show", nargs="+", metavar="OLD.json", help="measure nothing; the table of these results together")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--no-networks", action="store_true", help="layers only")
    parser.add_argument("--under", default="", metavar="COMMAND", help="run each measurement under it, such as 'nice -n -5'")
    parser.add_argument("--build-dir", default=str(HERE.parent / "build" / "release"), help=argparse.SUPPRESS)
    parser.add_argument("flags", nargs="*", metavar="-- FLAG", help="flags for Google Benchmark")
    chosen = parser.parse_args(arguments)
    try:
        re.compile(chosen.filter)
    except re.error as error:
        parser.error(f"--filter {chosen.filter}: {error}")
    return chosen


def load(path):
    """A result that was saved earlier."""
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        document["rows"], document["context"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f"measure: {path} is not a result of ./dev bench: {error}") from error
    return document


def together(documents):
    """Results of one machine, the later ones' context."""
    whole = {**documents[-1], "rows": [], "context": {}}
    for document in documents:
        whole["rows"] += document["rows"]
        whole["context"].update(document["context"])
    return whole


def say(text):
    print(text, file=sys.stderr, flush=True)


class Load:
    """What the processors did since this was made."""

    def __init__(self):
        self.begin, self.busy, self.ours = time.monotonic(), self.busy_seconds(), self.our_seconds()

    @staticmethod
    def busy_seconds():
        try:
            fields = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        except OSError:
            return None
        user, nice, system, _, _, interrupts, soft, stolen = map(int, fields[:8])
        return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def our_seconds():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in used)

    def others(self):
        """The share of all processors' time that other programs took, 0 to 1; 0 where the system does not tell."""
        busy = self.busy_seconds()
        if busy is None:
            return 0
        passed = (time.monotonic() - self.begin) * (os.cpu_count() or 1)
        return max(0, (busy - self.busy) - (self.our_seconds() - self.ours)) / passed


class Bench:
    """The program fmap-bench."""

    def __init__(self, chosen):
        self.program = str(pathlib.Path(chosen.build_dir) / "fmap-bench")
        self.under = shlex.split(chosen.under)
        self.flags = chosen.flags
        self.context = {}

    def run(self, arguments, isa=None):
        environment = dict(os.environ)
        if isa:
            environment["FMAP_MAX_ISA"] = isa
        done = subprocess.run([*self.under, self.program, *arguments], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1) or not done.stdout:
            raise SystemExit(f"measure: fmap-bench failed: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def layers(self, isa=None):
        return json.loads(self.run(["--layers"], isa))

    def measure(self, layer, batch, threads, isa, effort):
        """The rows of one layer. When others used the processors it is measured again; the quietest time counts."""
        best, least = [], 1
        for _ in range(ATTEMPTS):
            before = Load()
            rows = self.measure_once(layer, batch, threads, isa, effort)
            others = before.others()
            if not best or others < least:
                best, least = rows, others
            if least <= QUIET:
                break
        else:
            say(f"measure: not to be trusted: others used {100 * least:.0f}% of the processors' time")
        return [{**row, "others": round(least, 3)} for row in best]

    def measure_once(self, layer, batch, threads, isa, effort):
        """Every engine's rounds, drawn in random order."""
        pattern = f"^{re.escape(layer['name'])}/n:{batch}/t:{threads}/(best_{isa}|bf16_{isa}|onednn|xnnpack|openblas)"
        text = self.run([f"--benchmark_filter={pattern}", "--benchmark_format=json",
                         "--benchmark_enable_random_interleaving=true",
                         f"--benchmark_repetitions={effort['repetitions']}",
                         f"--benchmark_min_time={effort['min_time']}", *self.flags], isa)
        document = json.loads(text)
        self.context.update(document["context"])
        return rows_of(document, layer, batch, threads, isa)


def rows_of(document, layer, batch, threads, isa):
    """Google Benchmark's repetitions, gathered into one row for each engine."""
    rows = {}
    for entry in document["benchmarks"]:
        if entry["run_type"] != "iteration":
            continue
        who = re.sub(r"/(manual_time|iterations:.*|repeats:.*)", "", entry["name"]).rsplit("/", 1)[1]
        if entry.get("error_occurred"):
            if "wrong" in entry["error_message"] and not entry.get("repetition_index"):
                say(f"measure: {entry['name']}: {entry['error_message']}")
            continue
        narrow = who.startswith("bf16_")
        ours = narrow or who.startswith("best_")
        engine = results.OURS if ours else who.split("_")[0]
        label = entry.get("label", "")
        row = rows.setdefault(who, {
            "kind": "layer", "name": layer["name"] + results.BF16 * narrow, "batch": batch, "threads": threads, "isa": isa, "engine": engine,
            "variant": label if ours else f"{who} {label}".strip(), "seconds": [],
            "flops": layer["flops"] * batch, "bytes": layer["bytes"]})
        row["seconds"].append(entry["real_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[entry["time_unit"]])
        if ours:
            row["target"] = "bf16" if narrow else layer["target"]
            row["peak"] = 1e9 * float(document["context"][f"peak_{isa}_t{threads}_gflops"])
            roof = entry["FLOP/s"] / entry["of_roof"]
            row["bound"] = "arithmetic" if roof > 0.99 * row["peak"] else "memory"
            row.setdefault("of_roof", []).append(entry["of_roof"])
    narrow = [row for row in rows.values() if row.get("target") == "bf16"]
    floats = [row for row in rows.values() if row.get("target") != "bf16"]
    return floats + narrow + [{**row, "name": ours["name"]} for ours in narrow
                              for row in floats if row["engine"] != results.OURS]


def plan(listing, chosen, isa):
    """(layer, batch, threads) of everything to be measured."""
    processors = os.cpu_count() or 1
    powers = [1 << i for i in range(processors.bit_length()) if 1 << i <= processors]
    for layer in listing["layers"]:
        if not re.search(chosen.filter, layer["name"]):
            continue
        batches = [1, 16, 64] if layer["dense"] else [1, 16]
        if chosen.batch or not chosen.full:
            batches = [batch for batch in batches if batch in (chosen.batch or [1])]
        for batch in batches:
            for threads in chosen.threads or powers:
                picked = chosen.full or chosen.filter or chosen.threads or threads <= layer["quick"]
                if picked and threads in powers:
                    yield layer, batch, threads


def measure_layers(bench, chosen, collect):
    best = bench.layers()["isa"]
    isas = chosen.isa or ([best, "avx2"] if chosen.full and best == "avx512" else [best])
    effort = FULL if chosen.full else QUICK
    for isa in isas:
        cases = list(plan(bench.layers(isa), chosen, isa))
        for i, (layer, batch, threads) in enumerate(cases):
            say(f"[{i + 1}/{len(cases)}] {layer['name']} batch {batch} threads {threads} {isa}")
            collect(bench.measure(layer, batch, threads, isa, effort))


def measure_networks(chosen, collect, peaks):
    sys.path.insert(0, str(HERE / "networks"))
    try:
        import networks
    except ImportError as missing:
        say(f"measure: networks are left out: {missing}")
        return
    effort = networks.Effort(not chosen.full)
    effort.networks = [name for name in effort.networks if re.search(chosen.filter, f"network/{name}")]
    effort.batches = chosen.batch or effort.batches
    effort.threads = chosen.threads or effort.threads
    if not effort.networks:
        return
    for row in networks.rows(not chosen.full, chosen.build_dir, say, effort):
        peak = peaks.get(row["threads"])
        collect([{**row, "peak": peak} if peak else row])


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return re.search(r"model name\s*:\s*(.*)", text).group(1)
    except (OSError, AttributeError):
        return platform.machine()


def measure(chosen):
    """Everything that was asked for, as a document to be saved."""
    bench = Bench(chosen)
    rows = []
    try:
        measure_layers(bench, chosen, rows.extend)
        if not chosen.no_networks:
            peaks = {row["threads"]: row["peak"] for row in reversed(rows) if row["engine"] == results.OURS}
            measure_networks(chosen, rows.extend, peaks)
    except KeyboardInterrupt:
        say("measure: interrupted; this is what there is")
    if not rows:
        raise SystemExit("measure: nothing was measured (see --filter)")
    return {"processor": processor(), "processors": os.cpu_count(), "context": bench.context,
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"), "rows": rows}


def main():
    chosen = options(sys.argv[1:])
    old = load(chosen.compare) if chosen.compare else None
    document = together([load(path) for path in chosen.show]) if chosen.show else measure(chosen)
    rows = document["rows"]
    text = report.text_of(document)
    if not chosen.show:
        path = report.save(document, text)
        say(f"measure: written to {os.path.relpath(path)} and {path.with_suffix('.md').name}")
    print(text)
    if old:
        before = {results.key(row) for row in old["rows"]}
        n_compared = sum(results.key(case.ours) in before for case in results.cases(rows))
        print(results.compare_text(results.compare(old["rows"], rows), n_compared))
    if chosen.write_docs:
        report.write_docs(document["processor"], text)


if __name__ == "__main__":
    main()
