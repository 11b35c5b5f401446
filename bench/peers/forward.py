#!/usr/bin/env python3
"""Logits of a network of torchvision or timm whose weights come from a safetensors file.

The file must hold exactly what the network wants (strict=True). IMAGE is a safetensors file with
`image`, float32 [N, 3, H, W], normalised. Prints {"versions", "logits", "error"}: the logits in
float64, row by row, and how far float32 is from them in relative l2.
"""

import argparse

import torch
from peer import finish, versions
from safetensors.torch import load_file


def build(library, model, classes):
    if library == "timm":
        import timm

        return timm.create_model(model, num_classes=classes)
    import torchvision

    options = {"aux_logits": False, "init_weights": False} if model == "googlenet" else {}
    return torchvision.models.get_model(model, weights=None, num_classes=classes, **options)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--library", choices=["torchvision", "timm"], required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--weights", required=True, metavar="FILE.safetensors")
    parser.add_argument("--image", required=True, metavar="IMAGE.safetensors")
    a = parser.parse_args()
    model = build(a.library, a.model, a.classes).eval()
    model.load_state_dict(load_file(a.weights), strict=True)
    image = load_file(a.image)["image"]
    # the same in channels_last is another draw of rounding
    logits, again = model(image), model.to(memory_format=torch.channels_last)(image)
    exact = model.double()(image.double()).flatten()
    error = max((x.flatten() - exact).norm() / exact.norm() for x in (logits, again))
    finish(
        {
            "versions": versions("torch", a.library),
            "logits": exact.tolist(),
            "error": error.item(),
        }
    )


if __name__ == "__main__":
    main()
