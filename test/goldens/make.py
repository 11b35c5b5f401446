#!/usr/bin/env python3
"""Makes the goldens beside this script: what PyTorch gives in float64, and float32's own error.

    $(bench/peers/setup --python) test/goldens/make.py [ops|resnet18|googlenet ...]

The files' schema is in test/support/golden.ts. Needs the peers of bench/peers/setup.
"""

import argparse
import json
import pathlib
import platform
import re
import sys

import numpy as np
import torch
import torchvision

sys.dont_write_bytecode = True

from golden import fill_input, fill_labels, relative_error, rounded, tensor_golden
from networks import best_seed, both, channels_last, margin_of, running_var
from op_cases import op_goldens

HERE = pathlib.Path(__file__).resolve().parent
LARGEST = 200_000  # bytes of a file
CLASSES = 37  # not a multiple of any block size
SMOOTHING = 0.1
SMALL, WIDE = (2, 3, 64, 64), (2, 3, 96, 64)
# (norms, shape, input seed); the seeds are what `--search` found: their kink margin is about 1 or above
CASES = {
    "resnet18": [("frozen", SMALL, 10), ("frozen", WIDE, 0), ("train", SMALL, 10)],
    "resnet34": [("frozen", SMALL, 0)],
    "resnet50": [("frozen", SMALL, 3)],  # training norms lose four digits more at this size
    "alexnet": [("frozen", SMALL, 52)],
    "googlenet": [("frozen", SMALL, 25)],
    "densenet121": [("frozen", SMALL, 4)],
    "seresnet50": [("frozen", SMALL, 39)],
    "mobilenet_v2": [("frozen", SMALL, 160), ("frozen", WIDE, 10), ("train", SMALL, 3)],
}
# layers alike, whose gradients would make the file too large
LEFT_OUT = {"densenet121": r"denselayer(?!1\.|2\.|16\.)"}


def header(name):
    return {
        "by": "test/goldens/make.py",
        "command": f"$(bench/peers/setup --python) test/goldens/make.py {name}",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "numpy": np.__version__,
        },
    }


def network_case(net, norms, shape, seed):
    exact, single = both(net, norms, shape, CLASSES, SMOOTHING, seed)
    other = channels_last(net, norms, shape, CLASSES, SMOOTHING, seed)["gradients"]
    gradients = {
        path: max(
            (tensor_golden(value, own[path], path) for own in (single["gradients"], other)),
            key=lambda golden: golden["error"],
        )
        for path, value in exact["gradients"].items()
        if not (net in LEFT_OUT and re.search(LEFT_OUT[net], path))
    }
    parameters = [g["error"] for path, g in gradients.items() if path != "input" and g["norm"] > 0]
    case = {
        "name": f"{norms}-{shape[2]}x{shape[3]}",
        "norms": norms,
        "batch": shape[0],
        "height": shape[2],
        "width": shape[3],
        "inputSeed": seed,
        "kinkMargin": rounded(margin_of(net, norms, fill_input(shape, seed), CLASSES), 3),
        "labelSmoothing": SMOOTHING,
        "runningVar": list(running_var(net)),
        "labels": fill_labels(shape[0], CLASSES).tolist(),
        "loss": tensor_golden(exact["loss"], single["loss"], "loss", keep=1),
        "logits": tensor_golden(exact["logits"], single["logits"], "logits", keep=shape[0] * CLASSES),
        "medianError": rounded(np.median(parameters), 3),
        "leftOut": LEFT_OUT.get(net),
        "gradients": gradients,
    }
    if norms == "train":
        case["statistics"] = {
            path: tensor_golden(value, single["statistics"][path], path)
            for path, value in exact["statistics"].items()
        }
    print(
        f"{net} {case['name']}: loss {float(exact['loss']):.6f},"
        f" kink margin {case['kinkMargin']}, logits rms {exact['logits'].std():.3g},"
        f" float32 error median {case['medianError']:.2e} max {max(parameters):.2e},"
        f" logits {relative_error(single['logits'], exact['logits']):.2e}"
    )
    return case


def golden(name):
    if name == "ops":
        return {"made": header(name), "cases": op_goldens()}
    cases = [network_case(name, *case) for case in CASES[name]]
    return {"made": header(name), "net": name, "classes": CLASSES, "cases": cases}


def search(name, seeds):
    """Prints the best input seed of each case, to be written into CASES."""
    for norms, shape, _ in CASES.get(name, []):
        print(name, norms, shape, *best_seed(name, norms, shape, CLASSES, seeds), flush=True)


def write_golden(name, golden):
    """Writes a golden; one that is too large for the repository goes into a file for each case."""
    for old in HERE.glob(f"{name}*.json"):
        old.unlink()
    whole = json.dumps(golden) + "\n"
    if len(whole) <= LARGEST:
        parts = {name: whole}
    else:
        parts = {
            f"{name}-{case['name']}": json.dumps({**golden, "cases": [case]}) + "\n"
            for case in golden["cases"]
        }
    files = [HERE / f"{part}.json" for part in parts]
    for file, text in zip(files, parts.values()):
        file.write_text(text)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="ops or a network; all when none is given")
    parser.add_argument("--search", type=int, metavar="SEEDS", help="look for input seeds instead, minutes")
    arguments = parser.parse_args()
    names = arguments.names or ["ops", *CASES]
    torch.set_num_threads(1)  # a machine that is busy, or another one, gives the same
    if arguments.search:
        for name in names:
            search(name, arguments.search)
        return
    files = []
    for name in names:
        files += write_golden(name, golden(name))
    print(json.dumps({file.name: file.stat().st_size for file in files}))


if __name__ == "__main__":
    main()
