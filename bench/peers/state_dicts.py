#!/usr/bin/env python3
"""A network's state dict as PyTorch saves it, three ways, and its features of one image.

FOLDER receives weights.pth (a zip archive), old.pth (the stream of pickles before it),
weights.safetensors, and features.safetensors: `pooled` [1, D], what the classifier is given of the
image. IMAGE is a safetensors file with `image`, RGB bytes [1, size, size, 3], which are scaled as
ImageNet's. Weights come from the generator shared with test/support/golden.ts. Prints {"versions",
"net", "tensors"}.
"""

import argparse
import pathlib

import torch
from peer import finish, versions
from safetensors.torch import load_file, save_file
from torch import nn

from networks import NETS, build

CLASSES = 1000
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@torch.no_grad()
def pooled(model, head, image):
    """What arrives at the layer called `head`."""
    parent, _, name = head.rpartition(".")
    setattr(model.get_submodule(parent), name, nn.Identity())
    return model.eval()(((image / 255 - MEAN) / STD).permute(0, 3, 1, 2).contiguous())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", choices=NETS, required=True)
    parser.add_argument("--head", required=True, help="path of the last layer: fc")
    parser.add_argument("--image", required=True, metavar="IMAGE.safetensors")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)

    model = build(a.net, "frozen", CLASSES)
    state = model.state_dict()
    torch.save(state, a.out / "weights.pth")
    torch.save(state, a.out / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, a.out / "weights.safetensors")
    image = load_file(a.image)["image"].float()
    save_file({"pooled": pooled(model, a.head, image)}, a.out / "features.safetensors")
    finish({"versions": versions("torch", "torchvision", "timm"), "net": a.net, "tensors": len(state)})


if __name__ == "__main__":
    main()
