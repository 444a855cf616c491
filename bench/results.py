"""From measured rows to cases, ratios, tables and comparisons. Rows are dictionaries, as a result's JSON keeps them:

  kind "layer" or "network", name, batch, threads, isa, engine, variant, seconds (one a round), flops, bytes;
  layers of ours also have target, peak (operations a second that day) and of_roof (one a round).
"""

import math
import statistics

import targets

OURS = "fmap"
BF16 = ", bf16 weights"  # behind the name of a layer: ours kept as bfloat16, the rivals' as floats; no goal


def quartiles(values):
    """Lower quartile, median and upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


class Case:
    """Everything that was measured of one layer or network, with one batch and number of threads."""

    def __init__(self, rows):
        self.ours = min((r for r in rows if r["engine"] == OURS), key=median_seconds, default=None)
        self.rivals = {}  # the best variant of each engine
        for row in rows:
            best = self.rivals.get(row["engine"])
            if row["engine"] != OURS and (best is None or median_seconds(row) < median_seconds(best)):
                self.rivals[row["engine"]] = row

    @property
    def best_rival(self):
        return min(self.rivals.values(), key=median_seconds, default=None)

    def ratio(self):
        """Our speed over the best rival's: quartiles over the rounds; None without a rival."""
        rival = self.best_rival
        if rival is None:
            return None
        return quartiles([theirs / ours for ours, theirs in zip(self.ours["seconds"], rival["seconds"])])

    def of_roof(self):
        shares = self.ours.get("of_roof")
        return statistics.median(shares) if shares else None

    def meets(self):
        """Whether the goal is met; None without a rival."""
        ratio, share, target = self.ratio(), self.of_roof(), targets.of_row(self.ours)
        if ratio is None or target is None:
            return None
        return ratio[1] >= target.ratio and (target.share is None or share is None or share >= target.share)


def median_seconds(row):
    return statistics.median(row["seconds"])


def key(row):
    return row["kind"], row["name"], row["batch"], row["threads"], row.get("isa", "")


def cases(rows):
    """The cases that we took part in, in the order in which they first appear."""
    groups = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [case for case in map(Case, groups.values()) if case.ours]


# ---- tables ----------------------------------------------------------------------------------------------------------


def markdown(header, lines):
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "".join("| " + " | ".join(line) + " |\n" for line in [header, rule, *lines])


def spread_text(ratio):
    return "-" if ratio is None else f"**{ratio[1]:.2f}** ({ratio[0]:.2f}-{ratio[2]:.2f})"


def met_text(case):
    return {None: "-", True: "yes", False: "no"}[case.meets()]


def engines(all_cases):
    return sorted({name for case in all_cases for name in case.rivals})


def layer_table(layer_cases):
    names = engines(layer_cases)
    lines = []
    for case in layer_cases:
        row = case.ours
        rate = lambda r: f"{row['flops'] / median_seconds(r) * 1e-9:.0f}"
        share = case.of_roof()
        rivals = []
        for name in names:
            rival = case.rivals.get(name)
            mark = " w" if rival and "wino" in rival["variant"] else ""
            rivals.append(rate(rival) + mark if rival else "-")
        lines.append([row["name"], str(row["batch"]), str(row["threads"]), rate(row),
                      "-" if share is None else f"{100 * share:.0f}%", row["variant"], *rivals,
                      spread_text(case.ratio()), str(targets.of_row(row) or "-"), met_text(case)])
    header = ["layer", "batch", "threads", "fmap", "of roof", "kernel", *names, "fmap : best rival", "goal", "met"]
    return "GFLOP/s of the direct algorithm; w: the rival's Winograd. The ratio is the median of the rounds (quartiles).\n\n" \
        + markdown(header, lines)


def network_table(network_cases):
    names = engines(network_cases)
    lines = []
    for case in network_cases:
        row = case.ours
        time = lambda r: f"{1e3 * median_seconds(r):.2f}" if r else "-"
        lines.append([row["name"], str(row["batch"]), str(row["threads"]), time(row),
                      *[time(case.rivals.get(name)) for name in names],
                      spread_text(case.ratio()), str(targets.of_row(row)), met_text(case)])
    header = ["network", "batch", "threads", "fmap", *names, "fmap : best rival", "goal", "met"]
    return "Milliseconds a batch. The ratio of speeds is the median of the rounds (quartiles).\n\n" + markdown(header, lines)


def speedups(layer_cases):
    """(name, batch, speedup) of two threads over one, of layers that are bound by arithmetic."""
    alone = {(c.ours["name"], c.ours["batch"], c.ours.get("isa")): c for c in layer_cases if c.ours["threads"] == 1}
    found = []
    for case in layer_cases:
        row = case.ours
        one = alone.get((row["name"], row["batch"], row.get("isa")))
        arithmetic = row.get("bound") == "arithmetic"
        if row["threads"] == 2 and one and arithmetic:
            found.append((row["name"], row["batch"], median_seconds(one.ours) / median_seconds(row)))
    return found


def summary(all_cases):
    """The closing lines."""
    lines = []
    for kind, what in (("layer", "layers"), ("network", "networks")):
        judged = [c for c in all_cases if c.ours["kind"] == kind and c.meets() is not None]
        if not judged:
            continue
        met = sum(c.meets() for c in judged)
        mean = geometric_mean([c.ratio()[1] for c in judged])
        ahead = sum(c.ratio()[1] >= 1 for c in judged)
        lines.append(f"{met} of {len(judged)} {what} meet their goal; {ahead} are at least as fast as the best rival; "
                     f"geometric mean of the ratios {mean:.2f}"
                     + (f" (goal {targets.NETWORKS_MEAN:.2f})" if kind == "network" else "") + ".")
    faster = speedups([c for c in all_cases if c.ours["kind"] == "layer"])
    if faster:
        met = sum(speedup >= targets.TWO_THREADS for _, _, speedup in faster)
        mean = geometric_mean([speedup for _, _, speedup in faster])
        lines.append(f"Two threads are at least {targets.TWO_THREADS} times as fast as one on {met} of {len(faster)} "
                     f"layers that are bound by arithmetic; geometric mean {mean:.2f}.")
    return "\n".join(lines)


# ---- comparing with an older result ----------------------------------------------------------------------------------


def normalised(row):
    """Quartiles of our time in units of the machine's speed that day: how many operations it could have done."""
    return quartiles([seconds * row.get("peak", 1) for seconds in row["seconds"]])


def compare(old_rows, new_rows):
    """(text, change) of the cases that got slower (change above 1) or faster by more than both spreads."""
    old = {key(case.ours): case.ours for case in cases(old_rows)}
    changes = []
    for case in cases(new_rows):
        row = case.ours
        before = old.get(key(row))
        if not before:
            continue
        was, now = normalised(before), normalised(row)
        if now[0] > was[2] or now[2] < was[0]:
            text = f"{row['name']} batch {row['batch']} threads {row['threads']}"
            if row.get("isa"):
                text += f" {row['isa']}"
            variants = f"{before['variant']} -> {row['variant']}" if before["variant"] != row["variant"] else ""
            changes.append((text, variants, now[1] / was[1]))
    return sorted(changes, key=lambda change: -change[2])


def compare_text(changes, n_compared):
    lines = [f"{'slower' if change > 1 else 'faster'} by {100 * abs(change - 1):.1f}%: {text}"
             + (f" ({variants})" if variants else "") for text, variants, change in changes]
    slower = sum(change > 1 for _, _, change in changes)
    lines.append(f"{n_compared} compared, {slower} slower, {len(changes) - slower} faster by more than the spread.")
    return "\n".join(lines)
