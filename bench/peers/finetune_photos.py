#!/usr/bin/env python3
"""Fine-tunes torchvision's mobilenet_v2 on Grocery Store from its photographs, in PyTorch alone.

The recipe of `fieldmark train --data GROCERY --weights WEIGHTS` without its head stage: SGD 0.9 with
Nesterov momentum, one epoch of linear warm-up and a cosine to zero, weight decay 1e-4 except on norms
and biases, label smoothing 0.1, gradient clip 5, frozen norm statistics, random resized crop of 0.35
to 1, flip, jitter 0.2; validation on the centre 224 of the short side at 256. Decoding, augmentation
and draws are torchvision's, so that two runs agree in distribution, not step by step. A line an epoch,
then {"versions", "validation": [top-1 of every epoch], "seconds"}.
"""

import argparse
import math
import pathlib
import time

import torch
import torch.nn.functional as F
from finetune import DEFAULTS, load_model, make_optimizer, set_rate
from peer import finish, versions
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

RECIPE = {"headMultiplier": 10.0, "weightDecay": 1e-4, "labelSmoothing": 0.1, "clip": 5.0}


class Photos(Dataset):
    """A list of Grocery Store: `path, fine class, coarse class` a line."""

    def __init__(self, root, split, transform):
        lines = (root / f"{split}.txt").read_text().splitlines()
        rows = [[part.strip() for part in line.split(",")] for line in lines if line.strip()]
        self.rows = [(root / path, int(fine)) for path, fine, _ in rows]
        self.transform = transform

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        path, label = self.rows[index]
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        return self.transform(photo), label


def loaders(root, batch):
    to_input = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    augmented = [
        transforms.RandomResizedCrop(224, scale=(0.35, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.2, 0.2, 0.2),
    ]
    centre = [transforms.Resize(256), transforms.CenterCrop(224)]
    train = Photos(root, "train", transforms.Compose(augmented + to_input))
    val = Photos(root, "val", transforms.Compose(centre + to_input))
    return (
        DataLoader(
            train, batch, shuffle=True, drop_last=True, num_workers=1, persistent_workers=True
        ),
        DataLoader(val, 64, num_workers=1, persistent_workers=True),
    )


def fresh_head(classes):
    weight = torch.empty(classes, 1280).normal_(0, 0.01)
    return {"classifier.1.weight": weight, "classifier.1.bias": torch.zeros(classes)}


def top1(model, loader):
    with torch.inference_mode():
        hits = [model(x).argmax(1) == y for x, y in loader]
    return float(torch.cat(hits).double().mean())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.01)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(2)
    config = DEFAULTS | RECIPE | {"weights": args.weights}
    train, val = loaders(args.data, args.batch)
    model = load_model(config, fresh_head(1 + max(label for _, label in train.dataset.rows)))
    model = model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, config)
    steps, done, start, validation = len(train) * args.epochs, 0, time.perf_counter(), []
    for epoch in range(args.epochs):
        for x, y in train:
            warm = len(train)
            share = (done - warm) / max(1, steps - warm)
            set_rate(
                optimizer,
                args.rate
                * ((done + 1) / warm if done < warm else (1 + math.cos(math.pi * share)) / 2),
            )
            optimizer.zero_grad(set_to_none=True)
            x = x.contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(model(x), y, label_smoothing=config["labelSmoothing"])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config["clip"])
            optimizer.step()
            done += 1
        validation.append(top1(model, val))
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}  {100 * validation[-1]:.1f} %  {seconds:.0f} s", flush=True)
    finish({"versions": versions("torch", "torchvision"), "validation": validation, "seconds": seconds})


if __name__ == "__main__":
    main()
