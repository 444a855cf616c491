"""The network benchmarks: the statistics, the contest among engines that are fakes, and our runner on a small network.

Speed decides nothing here.
"""
import array
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..")
BUILD = os.environ.get("FMAP_BUILD_DIR", os.path.join(SOURCE, "build", "release"))
NETWORKS = os.path.join(SOURCE, "bench", "networks")
sys.path.insert(0, NETWORKS)
import collection  # noqa: E402
import contest  # noqa: E402
import network_table  # noqa: E402
import networks  # noqa: E402
import notebook  # noqa: E402
import runners  # noqa: E402


def fake(mode):
    return [sys.executable, os.path.join(HERE, "test_networks_fake.py"), mode]


def row(engine, seconds, name="network/net", threads=1, **more):
    return {"kind": "network", "name": name, "batch": 1, "threads": threads, "engine": engine, "variant": "",
            "seconds": seconds, "flops": 2e9, "bytes": 1e6, "first_answer_seconds": None, "peak_rss_bytes": None, **more}


class Statistics(unittest.TestCase):
    def test_quartiles_of_few_and_many(self):
        self.assertEqual(network_table.quartiles([3.0]), (3.0, 3.0, 3.0))
        self.assertEqual(network_table.quartiles([5.0, 1.0, 2.0, 4.0, 3.0]), (2.0, 3.0, 4.0))

    def test_ratio_is_taken_round_by_round(self):
        # The machine is ten times slower in the second round. The medians' ratio would be 2.
        ours, theirs = row("fmap", [1.0, 10.0, 2.0]), row("rival", [2.0, 20.0, 1.0])
        self.assertEqual(network_table.ratio(ours, theirs)[1], 0.5)

    def test_difference_is_relative_to_the_size_of_the_answer(self):
        ours = [3.0, -4.0, 0.0, 0.0]  # Root mean square 2.5.
        self.assertAlmostEqual(contest.difference(ours, [3.0, -4.0, 0.25, 0.0]), 0.1)
        self.assertEqual(contest.difference(ours, ours), 0)

    def test_no_answer_is_infinitely_far(self):
        for theirs in ([], [1.0], [math.nan, 1.0], [math.inf, 1.0]):
            self.assertEqual(contest.difference([1.0, 1.0], theirs), math.inf)
        self.assertEqual(contest.difference([math.nan, 1.0], [math.nan, 1.0]), math.inf)
        self.assertEqual(contest.difference([0.0, 0.0], [0.0, 0.0]), math.inf)

    def test_table(self):
        rows = [row("fmap", [0.010, 0.012, 0.011]), row("onnxruntime", [0.020, 0.024, 0.022]),
                row("pytorch", [0.040, 0.048, 0.044]), row("fmap", [0.004], threads=2)]
        lines = network_table.table(rows).splitlines()
        self.assertEqual(lines[0], "| network | batch | threads | fmap ms | GFLOP/s | ONNX Runtime ms "
                         "| fmap / ONNX Runtime | PyTorch ms | fmap / PyTorch | fmap / best rival (quartiles) |")
        self.assertEqual(lines[2], "| net | 1 | 1 | 11 | 182 | 22 | 0.50 | 44 | 0.25 | 0.50 (0.50 to 0.50) |")
        self.assertEqual(lines[3], "| net | 1 | 2 | 4 | 500 | - | - | - | - | - |")
        self.assertIn("Geometric mean of fmap / best rival: 0.50", lines)
        self.assertEqual(sum("first answer" in line for line in lines), 0)

    def test_table_says_how_far_apart_the_processors_were(self):
        rows = [row("fmap", [0.01]), row("fmap", [0.01], threads=2, handoff_seconds=[60e-9, 215e-9])]
        self.assertIn("A cache line took 60 to 215 ns from one processor to another.", network_table.table(rows))
        self.assertNotIn("cache line", network_table.table(rows[:1]))

    def test_table_of_first_answers(self):
        rows = [row("fmap", [0.01], first_answer_seconds=0.0321, peak_rss_bytes=7 * 2**20), row("pytorch", [0.01])]
        self.assertEqual(network_table.table(rows).splitlines()[-1], "| net | 1 | 1 | 32 ms, 7 MiB | - | - |")
        rows[0]["packed_answer_seconds"] = 0.004
        self.assertEqual(network_table.table(rows).splitlines()[-1], "| net | 1 | 1 | 32 ms, 7 MiB | 4 ms | - |")


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.makedirs(os.path.join(self.folder, "networks"))


class Protocol(WithFolder):
    def ask(self, mode, request, seconds=20):
        with runners.Runner("rival", fake(mode), answer_seconds=seconds) as runner:
            return runner.ask(request)

    def test_an_answer(self):
        self.assertEqual(self.ask("good", {"time": {"repetitions": 2}})["seconds"], [0.01, 0.01, 5.0])

    def test_a_refusal_gives_its_reason(self):
        with self.assertRaisesRegex(runners.RunnerError, "^rival: not today$"):
            self.ask("refuses", {"load": "x"})

    def test_what_is_no_answer(self):
        for mode in ("babbles", "dies"):
            with self.assertRaisesRegex(runners.RunnerError, "^rival gave no answer"):
                self.ask(mode, {"time": {"repetitions": 1}})

    def test_a_runner_that_hangs_is_ended(self):
        with self.assertRaisesRegex(runners.RunnerError, "^rival gave no answer"):
            self.ask("hangs", {"load": "x"}, seconds=0.2)

    def test_a_dead_runner_stays_dead(self):
        with runners.Runner("rival", fake("dies")) as runner:
            for _ in range(2):
                with self.assertRaises(runners.RunnerError):
                    runner.ask({"time": {}})

    def test_a_command_that_does_not_exist(self):
        with self.assertRaisesRegex(runners.RunnerError, "^rival does not start"):
            runners.Runner("rival", [os.path.join(self.folder, "nothing")])

    def test_openblas_is_left_alone(self):
        question = "import json, os; input(); print(json.dumps({'ok': True, 'set': 'OPENBLAS_L2_SIZE' in os.environ}))"
        with mock.patch.dict(os.environ, {"OPENBLAS_L2_SIZE": "512"}):
            with runners.Runner("rival", [sys.executable, "-c", question]) as runner:
                self.assertFalse(runner.ask({})["set"])

    def test_a_rival_without_its_programs_is_missing(self):
        with mock.patch("shutil.which", return_value=None), self.assertRaisesRegex(runners.RunnerError, "node"):
            runners.start("onnxruntime", self.folder, self.fail)


class Contest(WithFolder):
    """Rows of engines that are all fakes."""

    def rows(self, **modes):
        commands = {engine: lambda *_, mode=mode: fake(mode) for engine, mode in modes.items() if mode}

        def missing(*_):
            raise runners.RunnerError("it is not there")
        commands.update({engine: missing for engine, mode in modes.items() if not mode})
        effort = networks.Effort(quick=True)
        effort.networks, effort.threads, effort.rounds = ("digits",), [1, 2], 3
        effort.engines, effort.cold_starts = tuple(modes), self.cold_starts
        for name, value in self.limits.items():
            setattr(effort, name, value)
        self.reports = []
        self.enterContext(mock.patch.object(networks, "BUSY", self.busy))
        with mock.patch.dict(runners.COMMANDS, commands, clear=True):
            return list(networks.rows(True, self.folder, self.reports.append, effort))

    cold_starts = 0
    limits = {}
    busy = 2  # Other tests run at the same time: no share is that large.

    def test_a_busy_machine_is_said(self):
        self.busy = -1
        self.rows(fmap="good")
        self.assertRegex(self.reports[0], "^digits, batch 1, 1 threads: not to be trusted: others used [0-9]+% of")

    def test_a_row_for_each_engine_and_number_of_threads(self):
        rows = self.rows(fmap="good", near="near")
        self.assertEqual([(row["engine"], row["threads"]) for row in rows],
                         [("fmap", 1), ("near", 1), ("fmap", 2), ("near", 2)])
        for found in rows:
            self.assertTrue(0 <= found["strangers"] <= 1)
            self.assertEqual(found["seconds"], [0.01] * 3)  # A round is a median: the 5 s among its runs are gone.
            self.assertEqual((found["kind"], found["name"], found["batch"]), ("network", "network/digits", 1))
            self.assertEqual((found["flops"], found["bytes"]), (1e9, 40))
            self.assertIsNone(found["first_answer_seconds"])
            self.assertEqual(found["handoff_seconds"], [None, None] if found["threads"] == 1 else [2e-7, 2e-7])
        self.assertGreater(rows[1]["difference"], 0)
        json.dumps(rows)

    def test_a_wrong_answer_is_not_a_time(self):
        for mode in ("far", "nan"):
            rows = self.rows(fmap="good", rival=mode)
            self.assertEqual([row["engine"] for row in rows], ["fmap", "fmap"])
            self.assertRegex(self.reports[0], "^digits, batch 1, 1 threads: rival is wrong: differs from ours by")

    def test_who_fails_later_is_out_and_the_others_stay(self):
        rows = self.rows(fmap="good", rival="dies", near="near")
        self.assertEqual([row["engine"] for row in rows], ["fmap", "near"] * 2)
        self.assertEqual(len(rows[0]["seconds"]), 3)

    def test_a_rival_that_is_missing_is_said_once(self):
        self.assertEqual(len(self.rows(fmap="good", rival=None)), 2)
        self.assertEqual(self.reports, ["networks: rival skipped: it is not there"])

    def test_without_us_there_is_no_contest(self):
        self.assertEqual(self.rows(fmap=None, rival="good"), [])
        self.assertEqual(self.rows(fmap="refuses", rival="good"), [])
        self.assertEqual(self.rows(fmap="dies", rival="good"), [])

    def test_a_network_that_takes_long_gets_fewer_rounds(self):
        self.limits = {"rounds": 6, "contest_seconds": 0}
        self.assertEqual([len(found["seconds"]) for found in self.rows(fmap="good")], [3, 3])

    def test_no_network_begins_when_the_time_is_up(self):
        self.limits = {"seconds": -1}
        self.assertEqual(self.rows(fmap="good"), [])
        self.assertEqual(self.reports, ["networks: the time is up, 2 of 2 are left"])

    def test_what_is_in_the_notebook_is_passed_over(self):
        kept = notebook.Notebook()
        self.limits = {"notebook": kept}
        self.assertEqual(len(self.rows(fmap="good")), 2)
        self.assertEqual(self.rows(fmap="good"), [])
        self.assertEqual(len(kept.rows), 2)

    def test_first_answers_come_from_processes_of_their_own(self):
        self.cold_starts = 2
        for found in self.rows(fmap="good", rival="good"):
            self.assertGreater(found["first_answer_seconds"], 0)
            self.assertGreater(found["peak_rss_bytes"], 2**20)
            if found["engine"] != "fmap":
                self.assertIsNone(found["packed_answer_seconds"])

    def test_everybody_gets_the_same_numbers(self):
        path = collection.input_path("tiny", 1, 1000, self.folder)
        first = contest.read_floats(path)
        os.remove(path)
        self.assertEqual(first, contest.read_floats(collection.input_path("tiny", 1, 1000, self.folder)))
        self.assertEqual(len(first), 1000)
        self.assertTrue(-1 <= min(first) < -0.9 and 0.9 < max(first) < 1)


class Collection(WithFolder):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(collection, "SHARED", self.folder))

    def write(self, name, data):
        folder = os.path.join(self.folder, name, "test_data_set_0")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "input_0.pb"), "wb") as file:
            file.write(data)

    def test_an_input_that_is_no_tensor_is_refused(self):
        for data in (b"\x08", b"\x08\x02\x10\x01\x4a\x04abcd", b"\x08\x01\x10\x07\x4a\x04abcd", b"\x0d", b"\x4a\x80"):
            self.write("mnist_cntk", data)
            with self.assertRaisesRegex(runners.RunnerError, "no input"):
                collection.real_input("mnist_cntk")

    def test_a_network_with_a_batch_of_its_own_is_not_timed_with_another(self):
        # What protoc would write of a tensor x of 1x2 and one of 1x3 with its shape packed.
        self.write("mnist_cntk", b"\x08\x01\x08\x02\x10\x01\x42\x01x\x4a\x08" + bytes(range(8)))
        self.write("ppocr_v2_cls", b"\x0a\x02\x01\x03\x10\x01\x4a\x0c" + bytes(range(12)))
        self.assertEqual(collection.input_shape("mnist_cntk", 1), [1, 2])
        self.assertEqual(collection.input_shape("ppocr_v2_cls", 16), [16, 3])
        with open(collection.input_path("ppocr_v2_cls", 2, 6, self.folder), "rb") as file:
            self.assertEqual(file.read(), 2 * bytes(range(12)))
        self.assertIsNone(collection.input_shape("resnet50", 16))
        with self.assertRaisesRegex(runners.RunnerError, "^its batch is 1$"):
            collection.input_shape("mnist_cntk", 16)

    def test_real_networks_may_be_missing(self):
        with self.assertRaisesRegex(runners.RunnerError, "is missing"):
            collection.path("mnist_cntk", self.folder)

    def test_quick_is_a_part_of_full(self):
        self.assertLess(set(collection.names(True)), set(collection.names(False)))


def runner_or_skip(test):
    try:
        return runners.fmap_command(BUILD, None)
    except runners.RunnerError as error:
        return test.skipTest(str(error))


class OurRunner(WithFolder):
    """fmap-network-runner on a network that generate.py makes."""

    def setUp(self):
        super().setUp()
        command = runner_or_skip(self)
        if runners.python_with("onnx", "numpy") is None:
            self.skipTest("python3-onnx or python3-numpy is missing")
        self.path = collection.path("tiny", self.folder)
        self.runner = runners.Runner("fmap", command)
        self.addCleanup(self.runner.close)

    def answer(self, runner, batch, threads, path=None):
        loaded = runner.ask({"load": path or self.path, "threads": threads, "batch": batch})
        output = os.path.join(self.folder, "output")
        runner.ask({"run": collection.input_path("tiny", 1, loaded["input_elements"], self.folder), "output": output})
        return contest.read_floats(output), loaded

    def test_threads_and_batch_change_no_bit(self):
        one, loaded = self.answer(self.runner, 1, 1)
        two, _ = self.answer(self.runner, 2, 2)
        self.assertEqual(len(one), 10)
        self.assertGreater(max(one) - min(one), 0)
        self.assertEqual(two[:10].tobytes(), one.tobytes())
        self.assertEqual(loaded["input_elements"], 3 * 32 * 32)
        self.assertEqual(loaded["variant"], loaded["variant"].lower())

    def test_pytorch_agrees(self):
        try:
            rival = runners.start("pytorch", self.folder, self.fail)
        except runners.RunnerError as error:
            self.skipTest(str(error))
        with rival:
            for path in (None, collection.path("digits", self.folder)):
                ours, _ = self.answer(self.runner, 2, 1, path)
                theirs, _ = self.answer(rival, 2, 1, path)
                self.assertLess(contest.difference(ours, theirs), 1e-5)

    def test_times_are_as_many_as_asked_for(self):
        self.answer(self.runner, 1, 1)
        self.assertEqual(len(self.runner.ask({"time": {"repetitions": 5}})["seconds"]), 5)
        longest = max(self.runner.ask({"time": {"repetitions": 5}})["seconds"])
        times = self.runner.ask({"time": {"repetitions": 1, "min_seconds": 20 * longest}})["seconds"]
        self.assertGreater(len(times), 1)
        self.assertGreater(min(times), 0)

    def test_processors_are_some_way_apart(self):
        seconds = self.runner.ask({"handoff": True})["seconds"]
        if len(os.sched_getaffinity(0)) > 1:
            self.assertGreater(seconds, 1e-9)
            self.assertLess(seconds, 1)
        else:
            self.assertLess(seconds, 0)

    def test_a_shape_and_several_outputs(self):
        path = collection.path("yolov3-tiny", self.folder)
        loaded = self.runner.ask({"load": path, "shape": [1, 3, 416, 416]})
        self.assertEqual(loaded["input_elements"], 3 * 416 * 416)
        output = os.path.join(self.folder, "output")
        self.runner.ask({"run": collection.input_path("tiny", 1, loaded["input_elements"], self.folder), "output": output})
        self.assertEqual(len(contest.read_floats(output)), 255 * (13 * 13 + 26 * 26))
        for shape in ([1, 3], [], [1] * 100, [1, 3, 416, -1]):
            with self.assertRaises(runners.RunnerError):
                self.runner.ask({"load": path, "shape": shape})

    def test_a_packed_file_gives_the_same_bits(self):
        if not os.path.exists(os.path.join(BUILD, "fmap")):
            self.skipTest("the command fmap is not built")
        ours, _ = self.answer(self.runner, 1, 1, collection.path("digits", self.folder))
        os.symlink(os.path.abspath(os.path.join(BUILD, "fmap")), os.path.join(self.folder, "fmap"))
        packed = collection.pack("digits", None, 1, 1, self.folder)
        self.assertEqual(self.answer(self.runner, 1, 1, packed)[0], ours)

    def test_refusals_are_sentences_and_it_goes_on(self):
        short = os.path.join(self.folder, "short")
        with open(short, "wb") as file:
            array.array("f", [1.0]).tofile(file)
        refused = (({"run": short, "output": short}, "before a load"), ({"time": {}}, "before a load"),
                   ({"load": short}, "short"), ({"load": os.path.join(self.folder, "none")}, "none"),
                   ({"load": self.path, "batch": -1}, "batch"), ({"load": 3}, "a request is"), ([], "a request is"))
        for request, reason in refused:
            with self.assertRaisesRegex(runners.RunnerError, reason):
                self.runner.ask(request)
        self.answer(self.runner, 1, 1)
        with self.assertRaisesRegex(runners.RunnerError, "does not hold 3072 floats"):
            self.runner.ask({"run": short, "output": short})
        self.answer(self.runner, 1, 1)

    def test_networks_have_as_many_parameters_as_their_authors_say(self):
        count = ("import generate, numpy, sys\n"
                 "for name, known in (('squeezenet', 1235496), ('mobilenetv2', 3504872),\n"
                 "                    ('densenet121', 7978856), ('shufflenetv2', 2278604), ('mobilenetv3', 5483032),\n"
                 "                    ('efficientnet-b0', 5288548)):\n"
                 "    build, size = generate.NETWORKS[name]\n"
                 "    net = generate.Builder(name, 3, size)\n"
                 "    build(net)\n"
                 "    names = ('.mean', '.variance', '.apart', '.together', 'zero', 'six')\n"
                 "    n = sum(int(numpy.prod(w.dims)) for w in net.weights if not w.name.endswith(names))\n"
                 "    assert n == known, (name, n)\n")
        subprocess.run([runners.python_with("onnx", "numpy"), "-c", count], cwd=NETWORKS, check=True)


class Notebook(WithFolder):
    """What was measured is not measured again."""

    def test_it_goes_on_where_it_was(self):
        path = os.path.join(self.folder, "rows.json")
        asked = {"asked": ["fmap", "rival"]}
        notebook.Notebook(path).add([row("fmap", [1.0], **asked), row("rival", [2.0], **asked)])
        again = notebook.Notebook(path, resume=True)
        self.assertTrue(again.has("net", 1, 1, ("fmap", "rival")))
        self.assertTrue(again.has("net", 1, 1, ("fmap",)))
        for missing in (("other", 1, 1, ("fmap",)), ("net", 16, 1, ("fmap",)), ("net", 1, 2, ("fmap",)),
                        ("net", 1, 1, ("fmap", "pytorch"))):
            self.assertFalse(again.has(*missing))
        self.assertEqual(notebook.Notebook(path).rows, [])
        self.assertEqual(os.listdir(self.folder), ["networks", "rows.json"])

    def test_without_a_file_it_remembers(self):
        kept = notebook.Notebook()
        kept.add([row("fmap", [1.0], asked=["fmap"])])
        self.assertTrue(kept.has("net", 1, 1, ("fmap",)))


def recipe_or_skip(test):
    if runners.python_with("onnx", "numpy") is None:
        test.skipTest("python3-onnx or python3-numpy is missing")


class Recipe(WithFolder):
    """What oneDNN's runner is told."""

    def recipe(self, name):
        recipe_or_skip(self)
        with open(collection.recipe(name, None, self.folder), encoding="utf-8") as file:
            return json.load(file)

    def test_normalization_activations_and_sums_are_no_steps(self):
        found = self.recipe("tiny")
        steps = [(step["op"], step.get("sum") is not None, [f[0] for f in step.get("after", ())])
                 for step in found["steps"]]
        self.assertEqual(steps, [("conv", False, ["relu"]), ("conv", False, ["clip"]), ("conv", True, []),
                                 ("conv", False, ["relu"]), ("concat", False, []), ("pool", False, []),
                                 ("dense", False, ["relu"]), ("dense", False, [])])
        summed = found["steps"][2]
        self.assertEqual(summed["sum"], found["steps"][0]["to"])
        self.assertEqual(found["steps"][6]["weights"]["dims"], [20, 24, 8, 8])  # It reads the maps as they are.

    def test_weights_are_where_the_recipe_says(self):
        found = self.recipe("tiny")
        size = os.path.getsize(os.path.join(self.folder, "networks", found["weights"]))
        places = [step[key] for step in found["steps"] for key in ("weights", "bias") if step.get(key)]
        ends = [place["at"] + 4 * math.prod(place["dims"]) for place in places]
        self.assertEqual(size, found["weights_bytes"])
        self.assertEqual([place["at"] % 64 for place in places], [0] * len(places))
        self.assertTrue(all(end <= after["at"] for end, after in zip(ends, places[1:])))
        self.assertLessEqual(ends[-1], size)

    def test_what_exporters_spell_out_is_one_step(self):
        kinds = {step["op"] for step in self.recipe("shufflenetv2")["steps"]}
        self.assertIn("shuffle", kinds)
        self.assertFalse(kinds & {"transpose", "reshape"})
        after = {f[0] for step in self.recipe("efficientnet-b0")["steps"] for f in step.get("after", ())}
        self.assertEqual(after, {"swish", "logistic"})

    def test_an_operator_without_a_primitive_is_named(self):
        recipe_or_skip(self)
        make = ("import onnx, sys\nfrom onnx import helper as h\n"
                "value = lambda name: h.make_tensor_value_info(name, 1, ['N', 3, 8, 8])\n"
                "graph = h.make_graph([h.make_node('Einsum', ['x'], ['y'], equation='...->...')], 'g', [value('x')], "
                "[value('y')])\nonnx.save(h.make_model(graph), sys.argv[1])\n")
        path = os.path.join(self.folder, "einsum.onnx")
        subprocess.run([runners.python_with("onnx", "numpy"), "-c", make, path], check=True)
        with mock.patch.object(collection, "path", return_value=path):
            with self.assertRaisesRegex(runners.RunnerError, "^not run: operator Einsum$"):
                collection.recipe("einsum", None, self.folder)


class OneDnn(WithFolder):
    """fmap-onednn-runner beside ours."""

    def setUp(self):
        super().setUp()
        command = runner_or_skip(self)
        recipe_or_skip(self)
        try:
            rival = runners.onednn_command(BUILD, self.fail)
        except runners.RunnerError as error:
            self.skipTest(str(error))
        self.ours, self.rival = runners.Runner("fmap", command), runners.Runner("onednn", rival)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.rival.close)

    def answer(self, runner, path, batch, threads, **more):
        loaded = runner.ask({"load": path, "threads": threads, "batch": batch, **more})
        output = os.path.join(self.folder, "output")
        image = collection.input_path("tiny", batch, loaded["input_elements"], self.folder)
        runner.ask({"run": image, "output": output})
        return contest.read_floats(output), loaded

    def agree(self, name, batch, threads, tolerance=1e-4, **more):
        ours, _ = self.answer(self.ours, collection.path(name, self.folder), batch, threads)
        recipe = collection.recipe(name, None, self.folder)
        theirs, loaded = self.answer(self.rival, recipe, batch, threads, **more)
        self.assertLess(contest.difference(ours, theirs), tolerance)
        return recipe, theirs, loaded

    def test_it_agrees(self):
        for name, batch, threads in (("tiny", 1, 1), ("tiny", 3, 2), ("digits", 1, 2), ("digits", 5, 1)):
            self.agree(name, batch, threads)

    def test_shuffles_slices_and_gates_agree(self):
        for name, batch in (("shufflenetv2", 1), ("shufflenetv2", 2), ("mobilenetv3", 2)):
            self.agree(name, batch, 1, contest.TOLERANCE)

    def test_transposed_convolutions_agree(self):
        self.agree("unet", 2, 2, contest.TOLERANCE, variants=["blocked"])

    def test_real_networks_agree(self):
        """Channels last, pads that are concatenated, constants computed, resized maps, slices, comparisons."""
        for name in ("mnist_cntk", "blazeface_128", "mlsd_tiny_320", "ppocr_v4_det", "ppocr_v2_cls"):
            if not os.path.exists(os.path.join(collection.SHARED, name, "model.onnx")):
                self.skipTest("../shared/models is missing")
            shape = collection.input_shape(name, 1)
            image = collection.input_path(name, 1, 0, self.folder)
            answers = []
            for runner, path in ((self.ours, collection.path(name, self.folder)),
                                 (self.rival, collection.recipe(name, shape, self.folder))):
                runner.ask({"load": path, "shape": shape, "variants": ["any"]})
                output = os.path.join(self.folder, "output")
                runner.ask({"run": image, "output": output})
                answers.append(contest.read_floats(output))
            self.assertLess(contest.difference(*answers), contest.TOLERANCE)

    def test_a_variant_is_found_once(self):
        recipe, first, loaded = self.agree("tiny", 2, 1)
        again, loaded_again = self.answer(self.rival, recipe, 2, 1, variants=[loaded["variant"]])
        self.assertEqual(again.tobytes(), first.tobytes())
        self.assertEqual(loaded_again["variant"], loaded["variant"])
        self.assertRegex(loaded["variant"], "^(any|blocked)( winograd:[0-9]+/[24](,[0-9]+/[24])*)?$")

    def test_every_way_to_lay_out_and_to_compute_agrees(self):
        recipe, first, _ = self.agree("tiny", 1, 1)
        for variant in ("any", "blocked", "any winograd:3/2", "blocked winograd:3/4"):
            found, _ = self.answer(self.rival, recipe, 1, 1, variants=[variant])
            self.assertLess(contest.difference(first, found), 1e-4)

    def test_refusals_are_sentences_and_it_goes_on(self):
        recipe = collection.recipe("tiny", None, self.folder)
        broken = os.path.join(self.folder, "networks", "broken.json")
        with open(recipe, encoding="utf-8") as file:
            good = json.load(file)

        def change(document):
            with open(broken, "w", encoding="utf-8") as file:
                json.dump({**good, **document}, file)
            return {"load": broken}
        conv = good["steps"][0]
        refused = ((lambda: {"load": os.path.join(self.folder, "none")}, "none"), (lambda: change({"weights": "gone"}), "weights"),
                   (lambda: change({"steps": [{**conv, "op": "dance"}]}), "dance"),
                   (lambda: change({"steps": [{**conv, "from": ["nobody"]}]}), "nobody"),
                   (lambda: change({"steps": [{**conv, "strides": [1]}]}), "strides"),
                   (lambda: change({"steps": [{**conv, "weights": {"at": 1 << 40, "dims": [16, 3, 3, 3]}}]}), "weights"),
                   (lambda: change({"steps": []}), "reads"), (lambda: {"load": recipe, "batch": 0}, "begin at 1"))
        for request, reason in refused:
            with self.assertRaisesRegex(runners.RunnerError, reason):
                self.rival.ask(request())
        with self.assertRaisesRegex(runners.RunnerError, "before a load"):
            self.rival.ask({"time": {}})
        self.agree("tiny", 1, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
