#!/usr/bin/env python3
"""Fine-tunes torchvision's mobilenet_v2 on batches that somebody else drew, loss by loss.

Trains with TensorFlow's SAME padding, input x / 127.5 - 1, frozen norm statistics and trainable
norm scales and biases. CONFIG is JSON; paths in it are relative to it:
  weights        safetensors with torchvision's names; its classifier is not used
  head           safetensors: classifier.1.weight [K,1280], classifier.1.bias [K]
  batches        safetensors: images uint8 [n,h,w,3], labels int64 [n]; step t takes the rows
                 t*batch .. (t+1)*batch, the last step what is left
  batch          images a step
  rates          one learning rate a step, of the trunk; so many steps are made
  headMultiplier the head's rate over the trunk's (1)
  momentum 0.9, nesterov true, weightDecay 0, decayNormsAndBiases false, labelSmoothing 0,
  clip           largest global gradient norm, 0 for none (0)
  norms          "frozen" or "train" ("frozen")
  padding        "same" or "symmetric" ("same")
  dtype          "float32" or "float64" ("float32"); threads (2)
  out            safetensors to write the trained state to (none)
Prints {"versions", "losses": [before each update], "gradNorms": [before clipping], "top1": [on the
step's own batch], "seconds", "peakRssMiB"}.
"""

import argparse
import json
import pathlib
import time

import torch
import torch.nn.functional as F
import torchvision
from peer import finish, peak_rss_mib, versions
from safetensors.torch import load_file, save_file
from same_padding import use_same_padding
from torch import nn

DEFAULTS = {
    "headMultiplier": 1.0,
    "momentum": 0.9,
    "nesterov": True,
    "weightDecay": 0.0,
    "decayNormsAndBiases": False,
    "labelSmoothing": 0.0,
    "clip": 0.0,
    "norms": "frozen",
    "padding": "same",
    "dtype": "float32",
    "threads": 2,
    "out": None,
}
REQUIRED = {"weights", "head", "batches", "batch", "rates"}


def read_config(file):
    given = json.loads(file.read_text())
    unknown = given.keys() - DEFAULTS.keys() - REQUIRED
    missing = REQUIRED - given.keys()
    if unknown or missing:
        raise SystemExit(f"{file.name}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    config = DEFAULTS | given
    for key in ("weights", "head", "batches", "out"):
        config[key] = config[key] and str(file.parent / config[key])
    return config


def load_model(config, head):
    classes = head["classifier.1.weight"].shape[0]
    model = torchvision.models.mobilenet_v2(weights=None, num_classes=classes, dropout=0.0)
    trunk = {k: v for k, v in load_file(config["weights"]).items() if not k.startswith("classifier.")}
    missing, unexpected = model.load_state_dict(trunk | head, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    if config["padding"] == "same":
        use_same_padding(model)
    model.train()
    if config["norms"] == "frozen":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    return model.to(getattr(torch, config["dtype"]))


def make_optimizer(model, config):
    groups = []
    for in_head in (False, True):
        for vectors in (False, True):
            chosen = [
                p
                for path, p in model.named_parameters()
                if path.startswith("classifier.") == in_head and (p.ndim <= 1) == vectors
            ]
            decays = config["decayNormsAndBiases"] or not vectors
            decay = config["weightDecay"] if decays else 0.0
            factor = config["headMultiplier"] if in_head else 1.0
            groups.append({"params": chosen, "weight_decay": decay, "factor": factor})
    return torch.optim.SGD(
        groups, lr=0.0, momentum=config["momentum"], nesterov=config["nesterov"]
    )


def set_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def train(model, config, images, labels):
    optimizer = make_optimizer(model, config)
    parameters = list(model.parameters())
    dtype = getattr(torch, config["dtype"])
    for t, rate in enumerate(config["rates"]):
        rows = slice(t * config["batch"], (t + 1) * config["batch"])
        x = images[rows].permute(0, 3, 1, 2).to(dtype) / 127.5 - 1
        y = labels[rows]
        if len(y) == 0:
            raise SystemExit(f"step {t}: no images left of {len(images)}")
        set_rate(optimizer, rate)
        optimizer.zero_grad(set_to_none=True)
        logits = model(x.contiguous())
        loss = F.cross_entropy(logits, y, label_smoothing=config["labelSmoothing"])
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, config["clip"] or float("inf"))
        optimizer.step()
        yield float(loss.detach()), float(norm), float((logits.argmax(1) == y).double().mean())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", metavar="CONFIG.json", type=pathlib.Path)
    config = read_config(parser.parse_args().config)
    torch.set_num_threads(config["threads"])
    model = load_model(config, load_file(config["head"]))
    batches = load_file(config["batches"])
    start = time.perf_counter()
    steps = list(train(model, config, batches["images"], batches["labels"]))
    seconds = time.perf_counter() - start
    if config["out"]:
        state = model.state_dict().items()
        save_file({k: v.contiguous() for k, v in state if v.is_floating_point()}, config["out"])
    finish(
        {
            "versions": versions("torch", "torchvision"),
            "losses": [s[0] for s in steps],
            "gradNorms": [s[1] for s in steps],
            "top1": [s[2] for s in steps],
            "seconds": seconds,
            "peakRssMiB": peak_rss_mib(),
        }
    )


if __name__ == "__main__":
    main()
