#!/usr/bin/env python3
"""Pooled mobilenet_v2 features of image files by PyTorch and Pillow, in logreg.py's format.

LIST is JSON: {"train": [[FILE, label], ...], "test": [...]}; files are relative to it. Each image
is resized to a short side, cropped at its centre, scaled to x / 127.5 - 1 and sent through the
network with SAME padding and evaluation norms; the last map is averaged. OUT receives train_x,
train_y, test_x, test_y. Prints {"versions", "weights", "train", "test", "seconds", "out"}.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch
import torchvision
from peer import finish, versions
from PIL import Image
from safetensors.torch import load_file, save_file
from same_padding import use_same_padding


def load_trunk(file):
    state = load_file(file)
    classes = state["classifier.1.weight"].shape[0]
    model = torchvision.models.mobilenet_v2(weights=None, num_classes=classes)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), missing
    return use_same_padding(model).eval().features


def pixels(file, resize, size):
    image = Image.open(file).convert("RGB")
    scale = resize / min(image.size)
    image = image.resize([max(resize, round(side * scale)) for side in image.size], Image.BILINEAR)
    left, top = ((side - size) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + size, top + size)))


@torch.no_grad()
def features(trunk, files, resize, size):
    rows = []
    for start in range(0, len(files), 32):
        images = np.stack([pixels(file, resize, size) for file in files[start : start + 32]])
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        rows.append(trunk(x).mean((2, 3)))
    return torch.cat(rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", required=True, metavar="FILE.safetensors")
    parser.add_argument("--list", required=True, type=pathlib.Path, metavar="LIST.json")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--resize", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", required=True, metavar="OUT.safetensors")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    start = time.perf_counter()
    trunk, splits, out = load_trunk(a.weights), json.loads(a.list.read_text()), {}
    for split in ("train", "test"):
        files = [a.list.parent / file for file, _ in splits[split]]
        out[f"{split}_x"] = features(trunk, files, a.resize, a.size).contiguous()
        out[f"{split}_y"] = torch.tensor([label for _, label in splits[split]])
    save_file(out, a.out)
    finish(
        {
            "versions": versions("torch", "torchvision", "pillow"),
            "weights": pathlib.Path(a.weights).name,
            "train": len(out["train_y"]),
            "test": len(out["test_y"]),
            "seconds": round(time.perf_counter() - start, 1),
            "out": a.out,
        }
    )


if __name__ == "__main__":
    main()
