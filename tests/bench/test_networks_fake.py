"""An engine for test_networks.py that computes nothing: fake.py MODE, where MODE is what it does wrong.

Its answer to any input is 1, 2, 3, 4, and a run takes it a hundredth of a second, so it says.
"""
import array
import json
import sys
import time

MODE = sys.argv[1]
FACTOR = {"far": 1.01, "near": 1.00001, "nan": float("nan")}.get(MODE, 1.0)


def answer(request):
    if "load" in request:
        return {"load_seconds": 0.5, "version": "1", "variant": MODE, "input_elements": 6, "flops": 1e9, "bytes": 40}
    if "run" in request:
        with open(request["run"], "rb") as file:
            array.array("f").fromfile(file, 6)
        with open(request["output"], "wb") as file:
            array.array("f", [FACTOR * value for value in (1, 2, 3, 4)]).tofile(file)
        return {"seconds": 0.01}
    if "handoff" in request:
        return {"seconds": 2e-7}
    if MODE == "dies":
        sys.exit(1)
    return {"seconds": [0.01] * request["time"]["repetitions"] + [5.0]}


for line in sys.stdin:
    if MODE == "hangs":
        time.sleep(60)
    if MODE == "babbles":
        print("well, let me see", flush=True)
        continue
    if MODE == "refuses":
        print(json.dumps({"ok": False, "error": "not today"}), flush=True)
        continue
    message = json.loads(line)
    if "quit" in message:
        break
    print(json.dumps({"ok": True, **answer(message)}), flush=True)
