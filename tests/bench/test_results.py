#!/usr/bin/env python3
"""What bench/measure.py makes of measurements: ratios, goals, tables, comparisons, from results written down here."""

import io
import pathlib
import sys
import tempfile
import unittest
from contextlib import redirect_stderr

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import measure  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import targets  # noqa: E402


def row(engine="fmap", seconds=(1.0, 1.0, 1.0), **changes):
    made = {"kind": "layer", "name": "conv2d/a", "batch": 1, "threads": 1, "isa": "avx512", "engine": engine,
            "variant": "direct_avx512", "seconds": list(seconds), "flops": 1e9, "bytes": 1e6}
    if engine == "fmap":
        made.update(target="3x3", peak=2e9, of_roof=[0.5, 0.6, 0.7], bound="arithmetic")
    return {**made, **changes}


def one_case(*rows):
    found = results.cases(rows)
    assert len(found) == 1
    return found[0]


class Ratios(unittest.TestCase):
    def test_quartiles_are_those_of_the_rounds(self):
        self.assertEqual(results.quartiles([5, 1, 2, 4, 3]), (2, 3, 4))
        self.assertEqual(results.quartiles([7]), (7, 7, 7))

    def test_geometric_mean(self):
        self.assertAlmostEqual(results.geometric_mean([0.5, 8]), 2)

    def test_ratio_is_taken_round_by_round(self):
        case = one_case(row(seconds=[1, 2, 4]), row("onednn", [2, 2, 12]))
        self.assertEqual(case.ratio()[1], 2)

    def test_best_variant_of_the_best_engine_counts(self):
        case = one_case(row(), row("onednn", [3, 3, 3]), row("onednn", [1.5, 1.5, 1.5], variant="onednn_winograd"),
                        row("xnnpack", [2, 2, 2]))
        self.assertEqual(case.best_rival["variant"], "onednn_winograd")
        self.assertAlmostEqual(case.ratio()[1], 1.5)

    def test_without_a_rival_there_is_no_verdict(self):
        case = one_case(row())
        self.assertIsNone(case.ratio())
        self.assertIsNone(case.meets())

    def test_without_us_there_is_no_case(self):
        self.assertEqual(results.cases([row("onednn")]), [])

    def test_cases_are_apart_by_batch_threads_and_instruction_set(self):
        rows = [row(), row(batch=16), row(threads=2), row(isa="avx2"), row("onednn", isa="avx2")]
        self.assertEqual([len(case.rivals) for case in results.cases(rows)], [0, 0, 0, 1])


class Goals(unittest.TestCase):
    def test_ratio_decides(self):
        self.assertTrue(one_case(row(), row("onednn", [1.26] * 3)).meets())
        self.assertFalse(one_case(row(), row("onednn", [1.24] * 3)).meets())

    def test_share_of_the_roof_decides_too(self):
        rival = row("onednn", [1.1] * 3)
        self.assertFalse(one_case(row(target="1x1"), rival).meets())
        self.assertTrue(one_case(row(target="1x1", of_roof=[0.98] * 3), rival).meets())

    def test_dense_alone_has_another_goal_than_in_a_batch(self):
        self.assertEqual(targets.of_row(row(target="dense")).ratio, 1.15)
        self.assertEqual(targets.of_row(row(target="dense", batch=16)).ratio, 1.02)

    def test_every_layer_has_a_goal(self):
        table = pathlib.Path(measure.HERE, "layers.inc").read_text(encoding="utf-8").splitlines()
        goals = {line.split('"')[3] for line in table if '"' in line}
        self.assertEqual(goals, set(targets.LAYERS))


class Tables(unittest.TestCase):
    def test_layer_line(self):
        text = results.layer_table(results.cases([row(), row("onednn", [1.5] * 3, variant="onednn_winograd")]))
        self.assertIn("| conv2d/a | 1 | 1 | 1 | 60% | direct_avx512 | 1 w | **1.50** (1.50-1.50) | 1.25 | yes |", text)

    def test_a_missing_rival_leaves_a_dash(self):
        rows = [row(), row("onednn"), row(name="conv2d/b")]
        self.assertIn("| conv2d/b | 1 | 1 | 1 | 60% | direct_avx512 | - | - | 1.25 | - |",
                      results.layer_table(results.cases(rows)))

    def test_network_line(self):
        ours = row(kind="network", name="network/a", seconds=[0.01] * 3)
        text = results.network_table(results.cases([ours, row("pytorch", [0.02] * 3, kind="network", name="network/a")]))
        self.assertIn("| network/a | 1 | 1 | 10.00 | 20.00 | **2.00** (2.00-2.00) | 1.11 | yes |", text)

    def test_summary_counts(self):
        rows = [row(), row("onednn", [2] * 3), row(name="conv2d/b"), row("onednn", [0.5] * 3, name="conv2d/b"),
                row(threads=2, seconds=[0.5] * 3)]
        text = results.summary(results.cases(rows))
        self.assertIn("1 of 2 layers meet their goal; 1 are at least as fast as the best rival; "
                      "geometric mean of the ratios 1.00.", text)
        self.assertIn("1 of 1 layers that are bound by arithmetic; geometric mean 2.00", text)


class Comparisons(unittest.TestCase):
    def test_beyond_the_spread_is_a_change(self):
        changes = results.compare([row(seconds=[1.0, 1.1, 1.2])], [row(seconds=[1.5, 1.6, 1.7])])
        self.assertEqual(len(changes), 1)
        self.assertGreater(changes[0][2], 1)
        self.assertIn("1 slower, 0 faster", results.compare_text(changes, 1))

    def test_within_the_spread_is_none(self):
        self.assertEqual(results.compare([row(seconds=[1.0, 1.1, 1.2])], [row(seconds=[1.1, 1.2, 1.3])]), [])

    def test_a_slower_machine_is_no_change(self):
        self.assertEqual(results.compare([row()], [row(seconds=[2] * 3, peak=1e9)]), [])

    def test_a_change_of_kernel_is_told(self):
        changes = results.compare([row()], [row(seconds=[0.5] * 3, variant="winograd4x4_avx512")])
        self.assertIn("faster by 50.0%: conv2d/a batch 1 threads 1 avx512 (direct_avx512 -> winograd4x4_avx512)",
                      results.compare_text(changes, 1))

    def test_what_is_new_is_not_compared(self):
        self.assertEqual(results.compare([], [row()]), [])


def entry(who, repetition, microseconds, **more):
    return {"name": f"conv2d/a/n:1/t:1/{who}/manual_time", "run_type": "iteration", "repetition_index": repetition,
            "real_time": microseconds, "time_unit": "us", **more}


class GoogleBenchmark(unittest.TestCase):
    LAYER = {"name": "conv2d/a", "target": "odd", "quick": 1, "dense": False, "flops": 1e6, "bytes": 1e3}

    def rows(self, *entries):
        document = {"context": {"peak_avx512_t1_gflops": "200.0"}, "benchmarks": list(entries)}
        return measure.rows_of(document, self.LAYER, 1, 1, "avx512")

    def test_repetitions_become_rounds(self):
        ours = {"FLOP/s": 1e11, "of_roof": 0.5, "label": "direct_avx512"}
        rows = self.rows(entry("best_avx512", 0, 10, **ours), entry("onednn_direct", 0, 20, label="jit"),
                         entry("best_avx512", 1, 11, **ours),
                         {**entry("best_avx512", 0, 10), "run_type": "aggregate"})
        self.assertEqual([r["engine"] for r in rows], ["fmap", "onednn"])
        self.assertEqual([round(s * 1e6) for s in rows[0]["seconds"]], [10, 11])
        self.assertEqual(rows[0]["bound"], "arithmetic")
        self.assertEqual(rows[1]["variant"], "onednn_direct jit")

    def test_bfloat16_stands_beside_rivals_with_floats_and_is_not_judged(self):
        ours = {"FLOP/s": 1e11, "of_roof": 0.5}
        rows = self.rows(entry("bf16_avx512", 0, 5, label="gemv_bf16_avx512", **ours), entry("onednn_direct", 0, 20),
                         entry("best_avx512", 0, 10, label="gemv_avx512", **ours))
        floats, narrow = results.cases(rows)
        self.assertEqual([case.ours["variant"] for case in (floats, narrow)], ["gemv_avx512", "gemv_bf16_avx512"])
        self.assertEqual([case.ratio()[1] for case in (floats, narrow)], [2, 4])
        self.assertEqual(narrow.ours["name"], floats.ours["name"] + results.BF16)
        self.assertIsNone(narrow.meets())
        self.assertIsNotNone(floats.meets())
        self.assertIn("| - | - |", results.layer_table([narrow]))
        self.assertIn("of 1 layers meet", results.summary([floats, narrow]))

    def test_a_wrong_answer_is_told_and_is_no_time(self):
        said = io.StringIO()
        with redirect_stderr(said):
            rows = self.rows(entry("xnnpack", 0, 1, error_occurred=True, error_message="wrong: differs"))
        self.assertEqual(rows, [])
        self.assertIn("wrong", said.getvalue())

    def test_a_layer_that_a_rival_does_not_have_is_passed_over(self):
        said = io.StringIO()
        with redirect_stderr(said):
            self.rows(entry("onednn_winograd", 0, 1, error_occurred=True, error_message="does not have this layer"))
        self.assertEqual(said.getvalue(), "")


class Plans(unittest.TestCase):
    LISTING = {"layers": [{"name": "conv2d/a", "quick": 1, "dense": False}, {"name": "conv2d/b", "quick": 0, "dense": False},
                          {"name": "dense/c", "quick": 1, "dense": True}]}

    def planned(self, *arguments):
        return [(layer["name"], batch, threads)
                for layer, batch, threads in measure.plan(self.LISTING, measure.options(arguments), "avx2")]

    def test_quick_takes_what_is_marked(self):
        self.assertEqual(self.planned(), [("conv2d/a", 1, 1), ("dense/c", 1, 1)])

    def test_full_takes_all_batches(self):
        batches = [batch for name, batch, threads in self.planned("--full", "--threads", "1") if name == "dense/c"]
        self.assertEqual(batches, [1, 16, 64])

    def test_filter(self):
        self.assertEqual({name for name, _, _ in self.planned("--filter", "/b$")}, {"conv2d/b"})


class Files(unittest.TestCase):
    def refused(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "result.json")
            path.write_text(text, encoding="utf-8")
            with self.assertRaises(SystemExit) as caught:
                measure.load(path)
        self.assertIn("is not a result", str(caught.exception))

    def test_what_is_no_result_is_refused(self):
        for text in ("", "{}", "[]", '{"rows": []}'):
            self.refused(text)

    def test_a_missing_file_is_refused(self):
        with self.assertRaises(SystemExit):
            measure.load("/nonexistent/result.json")

    def test_results_together_keep_all_rows(self):
        documents = [{"rows": [row()], "context": {"a": "1"}, "date": "then"},
                     {"rows": [row(threads=2)], "context": {"b": "2"}, "date": "now"}]
        whole = measure.together(documents)
        self.assertEqual((len(whole["rows"]), whole["context"], whole["date"]), (2, {"a": "1", "b": "2"}, "now"))

    def test_the_part_of_one_processor_is_written_anew_and_the_others_stay(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "performance.md")
            path.write_text("# Head\n", encoding="utf-8")
            for processor, text in (("A", "old\n"), ("B", "other\n"), ("A", "new\n")):
                report.write_docs(processor, text, path)
            marker = report.PART_BEGINS + "{}" + report.PART_BEGUN
            self.assertEqual(path.read_text(encoding="utf-8"),
                             f"# Head\n\n{marker.format('A')}\nnew\n\n{marker.format('B')}\nother\n")

    def test_a_filter_that_is_none_is_refused(self):
        with redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
            measure.options(["--filter", "("])


if __name__ == "__main__":
    unittest.main()
