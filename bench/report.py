"""A result in Markdown: the machine, the versions and the tables, as files beside it and in docs/performance.md."""

import json
import pathlib
import re
import subprocess

import results

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parent / "docs" / "performance.md"
PART_BEGINS, PART_BEGUN = "<!-- Below: written by ./dev bench --write-docs on ", " -->\n"  # around a processor's name


def versions(document):
    """What the context does not tell."""
    found = {row["engine"]: row["version"] for row in document["rows"]
             if row.get("version") and row["engine"] != results.OURS}
    try:
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libxnnpack-dev"], text=True, check=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found["xnnpack"] = f"Debian's {asked.stdout}"
    except (OSError, subprocess.CalledProcessError):
        pass  # not Debian
    return found


def describe(document):
    """The machine and the versions, in Markdown."""
    context = {**document["context"], **versions(document)}
    skipped = {"date", "host_name", "executable", "num_cpus", "mhz_per_cpu", "cpu_scaling_enabled", "caches", "load_avg",
               "library_build_type"}
    lines = [f"## {document['processor']}", "", f"{document['processors']} processors, {document['date']}.", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in sorted(context.items()) if name not in skipped]
    return "\n".join(lines) + "\n"


def text_of(document):
    all_cases = results.cases(document["rows"])
    text = describe(document) + "\n"
    for isa in dict.fromkeys(c.ours["isa"] for c in all_cases if c.ours["kind"] == "layer"):
        chosen = [c for c in all_cases if c.ours["kind"] == "layer" and c.ours["isa"] == isa]
        text += f"### Layers, {isa}\n\n{results.layer_table(chosen)}\n"
    found = [c for c in all_cases if c.ours["kind"] == "network"]
    if found:
        text += f"### Networks\n\n{results.network_table(found)}\n"
    return text + results.summary(all_cases) + "\n"


def save(document, text):
    name = re.sub(r"[^A-Za-z0-9]+", "-", document["processor"]).strip("-").lower()
    path = HERE / "results" / f"{name}-{document['date'].replace(':', '').replace(' ', '-')}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    return path


def write_docs(processor, text, path=DOCS):
    """Each kind of processor has a part of its own, which is written anew; the other parts stay."""
    before, *parts = path.read_text(encoding="utf-8").split(PART_BEGINS)
    parts = dict(part.split(PART_BEGUN, 1) for part in parts)
    parts[processor] = "\n" + text
    written = [before, *(f"{PART_BEGINS}{name}{PART_BEGUN}{part}" for name, part in parts.items())]
    path.write_text("\n".join(part.rstrip() + "\n" for part in written), encoding="utf-8")
