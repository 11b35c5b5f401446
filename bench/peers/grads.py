#!/usr/bin/env python3
"""PyTorch's gradients in float64, and float32's own error, for a network with generated weights.

Weights, input and labels come from the generator shared with test/support/golden.ts: parameters
by torchvision name, input `input:SEED`. The loss is label-smoothed cross entropy, mean over the
batch, with auxiliary classifiers 0.3 of theirs. OUT receives, in float64,
  input, labels (int64), loss, logits
  value:PATH   parameters and buffers as they were before the step, in float32
  grad:PATH    exact gradients; those that are zero but for rounding are exactly zero
  err:PATH     one number: relative L2 error of float32's gradient (absolute for a zero gradient),
               the larger of those with the default layout and with channels_last
  stat:PATH    running means and variances after the step, err:stat:PATH (training norms)
  err:loss, err:logits; grad:input and err:input for the image
Prints {"versions", "net", "norms", "seed", "kinkMargin", "loss", "errors": {"median", "max",
"loss", "logits"}, "seconds": {"float64", "float32"}, "runningVar", "zero": [PATH ...], "out"}.
--seeds N takes, of the seeds 0..N-1, the input farthest from every rectifier's kink, or the first
whose margin is 2.
"""

import argparse

import numpy as np
import torch
from peer import finish, versions
from safetensors.numpy import save_file

from golden import fill_input, fill_labels, relative_error
from networks import NETS, best_seed, both, build, channels_last, margin_of, running_var

# A kink margin above 1 serves PyTorch's float32; another engine rounds a little differently.
ENOUGH = 2.0


def tensors(exact, single, other, model):
    out = {"loss": exact["loss"], "logits": exact["logits"]}
    pairs = {name: (exact[name], single[name], other[name]) for name in ("loss", "logits")}
    for path, gradient in exact["gradients"].items():
        out[f"grad:{path}"] = gradient
        pairs[path] = (gradient, single["gradients"][path], other["gradients"][path])
    for path, value in exact["statistics"].items():
        out[f"stat:{path}"] = value
        pairs[f"stat:{path}"] = (value, single["statistics"][path], other["statistics"][path])
    for name, (expected, *actual) in pairs.items():
        out[f"err:{name}"] = np.float64(max(relative_error(a, expected) for a in actual))
    out = {name: np.array(value, dtype=np.float64, order="C") for name, value in out.items()}
    for path, value in model.state_dict().items():
        if value.is_floating_point():
            out[f"value:{path}"] = value.numpy()
    return out


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", choices=NETS, required=True)
    parser.add_argument("--norms", choices=["frozen", "train"], default="frozen")
    parser.add_argument("--size", default="64", help="N or HEIGHTxWIDTH (64)")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--smoothing", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0, help="of the input (0)")
    parser.add_argument("--seeds", type=int, help="choose among so many seeds instead")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", required=True, metavar="FILE.safetensors")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)

    height, width = (int(n) for n in (a.size.split("x") if "x" in a.size else (a.size, a.size)))
    shape, seed = (a.batch, 3, height, width), a.seed
    if a.seeds:
        seed, margin = best_seed(a.net, a.norms, shape, a.classes, a.seeds, enough=ENOUGH)
    else:
        margin = margin_of(a.net, a.norms, fill_input(shape, seed), a.classes)
    case = (a.net, a.norms, shape, a.classes, a.smoothing, seed)
    exact, single = both(*case)
    out = tensors(exact, single, channels_last(*case), build(a.net, a.norms, a.classes))
    out["input"] = fill_input(shape, seed).astype(np.float64)
    out["labels"] = fill_labels(a.batch, a.classes)
    save_file(out, a.out)

    zero = [path for path, gradient in exact["gradients"].items() if not gradient.any()]
    errors = [float(out[f"err:{p}"]) for p in exact["gradients"] if p not in zero and p != "input"]
    finish(
        {
            "versions": versions("torch", "torchvision", "numpy"),
            "net": a.net,
            "norms": a.norms,
            "seed": seed,
            "kinkMargin": margin,
            "loss": float(exact["loss"]),
            "errors": {
                "median": float(np.median(errors)),
                "max": max(errors),
                "loss": float(out["err:loss"]),
                "logits": float(out["err:logits"]),
            },
            "seconds": {"float64": exact["seconds"], "float32": single["seconds"]},
            "runningVar": running_var(a.net),
            "zero": zero,
            "out": a.out,
        }
    )


if __name__ == "__main__":
    main()
