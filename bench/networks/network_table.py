"""What the rows of networks.py say, as a Markdown table: ours against each rival, round by round."""
import statistics

NAMES = {"fmap": "fmap", "onednn": "oneDNN", "onnxruntime": "ONNX Runtime", "pytorch": "PyTorch"}


def quartiles(values):
    """The first quartile, the median and the third; one value is all three."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def ratio(ours, theirs):
    """Quartiles of our time over theirs, round by round: a round's slowness hits both."""
    return quartiles([a / b for a, b in zip(ours["seconds"], theirs["seconds"])])


def groups(rows):
    """{(name, batch, threads): {engine: row}}, in the rows' order."""
    found = {}
    for row in rows:
        found.setdefault((row["name"], row["batch"], row["threads"]), {})[row["engine"]] = row
    return found


def best_rival(group):
    """The row of the fastest engine that is not ours, or None."""
    rivals = [row for engine, row in group.items() if engine != "fmap"]
    return min(rivals, key=lambda row: statistics.median(row["seconds"]), default=None)


def milliseconds(row):
    return f"{1e3 * statistics.median(row['seconds']):.3g}" if row else "-"


def geometric_mean(values):
    return statistics.geometric_mean(values) if values else None


def cold_cells(row):
    if row is None or row.get("first_answer_seconds") is None:
        return "-"
    return f"{1e3 * row['first_answer_seconds']:.0f} ms, {row['peak_rss_bytes'] / 2**20:.0f} MiB"


def packed_cell(row):
    seconds = row.get("packed_answer_seconds")
    return "-" if seconds is None else f"{1e3 * seconds:.0f} ms"


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(rows):
    """Milliseconds a batch (medians over rounds), and our time over each rival's: below 1 we are faster."""
    engines = list(dict.fromkeys(row["engine"] for row in rows if row["engine"] != "fmap"))
    titles = ["network", "batch", "threads", "fmap ms", "GFLOP/s"]
    for engine in engines:
        name = NAMES.get(engine, engine)
        titles += [f"{name} ms", f"fmap / {name}"]
    text = line(titles + ["fmap / best rival (quartiles)"]) + "|" + "---|" * (len(titles) + 1) + "\n"
    best_ratios = []
    for (name, batch, threads), group in groups(rows).items():
        ours = group["fmap"]
        cells = [name.removeprefix("network/"), str(batch), str(threads), milliseconds(ours),
                 f"{ours['flops'] / statistics.median(ours['seconds']) / 1e9:.0f}"]
        for engine in engines:
            theirs = group.get(engine)
            cells += [milliseconds(theirs), f"{ratio(ours, theirs)[1]:.2f}" if theirs else "-"]
        best = best_rival(group)
        if best is None:
            cells.append("-")
        else:
            low, middle, high = ratio(ours, best)
            best_ratios.append(middle)
            cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
        text += line(cells)
    distances = [f"{1e9 * min(apart):.0f} to {1e9 * max(apart):.0f}" for apart in [[
        seconds for row in rows for seconds in row.get("handoff_seconds") or () if seconds is not None]] if apart]
    if distances:
        text += f"\nA cache line took {distances[0]} ns from one processor to another.\n"
    if best_ratios:
        text += f"\nGeometric mean of fmap / best rival: {geometric_mean(best_ratios):.2f}\n"
    return text + cold_table(rows, engines)


def cold_table(rows, engines):
    """First answers and memory, where they were measured."""
    rows = [row for row in rows if row.get("first_answer_seconds") is not None]
    if not rows:
        return ""
    text = "\nFrom starting the process to the first answer, and the most memory it held:\n\n"
    text += line(["network", "batch", "threads", "fmap", "fmap, packed"] + [NAMES.get(engine, engine) for engine in engines])
    text += "|" + "---|" * (len(engines) + 5) + "\n"
    for (name, batch, threads), group in groups(rows).items():
        text += line([name.removeprefix("network/"), str(batch), str(threads)]
                     + [cold_cells(group["fmap"]), packed_cell(group["fmap"])]
                     + [cold_cells(group.get(engine)) for engine in engines])
    return text
