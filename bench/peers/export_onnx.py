#!/usr/bin/env python3
"""A network with random weights, exported to ONNX by PyTorch, with its features of two photographs.

OUT/net.onnx is the network. OUT/expected.safetensors has `photos`, uint8 [2, size, size, 3]; the
output `pooled` and the last map `map` of the photographs scaled by ImageNet's mean and std; and for
resnet18 `average`, the features before its classifier. Prints {"versions", "exported"}, or "why"
not: both exporters ask for the package `onnx`, dynamo for `onnxscript` too. What TorchScript's
exporter wants it for (functions of onnxscript) no network here has, so it goes without.
"""

import argparse
import contextlib
import pathlib
import sys
import warnings

import timm
import torch
import torchvision
from peer import finish, versions
from safetensors.torch import save_file


def resnet18(size):
    net = torchvision.models.resnet18()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # norms as training leaves them
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)

    def features(x):
        seen = {}
        hook = net.layer4.register_forward_hook(lambda _, __, y: seen.update(map=y))
        pooled = net(x)
        hook.remove()
        return {"pooled": pooled, "average": seen["map"].mean((2, 3)), "map": seen["map"]}

    return net, features


def vit(size):
    net = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=size)

    def features(x):
        tokens = net.forward_features(x)
        grid = size // 16
        patches = tokens[:, 1:].transpose(1, 2).reshape(len(x), -1, grid, grid)
        return {"pooled": net(x), "map": patches}

    return net, features


def convnext(size):
    net = timm.create_model("convnext_atto", num_classes=0)
    return net, lambda x: {"pooled": net(x), "map": net.forward_features(x)}


NETS = {"resnet18": resnet18, "vit": vit, "convnext": convnext}


def export(net, x, file, exporter, batch):
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            shapes = None if batch == "fixed" else ({0: torch.export.Dim.DYNAMIC},)
            torch.onnx.export(
                net, (x,), file, input_names=["image"], dynamo=True, dynamic_shapes=shapes
            )
            return
        from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

        onnx_proto_utils._add_onnxscript_fn = lambda model, _: model
        keep = exporter == "torchscript-unfolded"
        torch.onnx.export(
            net,
            (x,),
            file,
            input_names=["image"],
            dynamo=False,
            dynamic_axes=None if batch == "fixed" else {"image": {0: "batch"}},
            do_constant_folding=not keep,
            training=torch.onnx.TrainingMode.PRESERVE if keep else torch.onnx.TrainingMode.EVAL,
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("net", choices=NETS)
    parser.add_argument(
        "exporter", choices=["torchscript", "torchscript-unfolded", "dynamo"]
    )
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", choices=["free", "fixed"], default="free")
    a = parser.parse_args()
    torch.manual_seed(7)
    net, features = NETS[a.net](a.size)
    net.eval()
    photos = torch.randint(0, 256, (2, a.size, a.size, 3), dtype=torch.uint8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((photos.float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()
    result = {"versions": versions("torch", "torchvision", "timm"), "exported": True}
    with torch.no_grad():
        expected = {name: value.contiguous() for name, value in features(x).items()}
        try:
            sample = x if a.batch == "free" else x[:1]
            export(net, sample, str(a.out / "net.onnx"), a.exporter, a.batch)
        except (ImportError, torch.onnx.errors.OnnxExporterError) as error:
            result.update(exported=False, why=str(error).splitlines()[0])
    save_file({"photos": photos, **expected}, a.out / "expected.safetensors")
    finish(result)


if __name__ == "__main__":
    main()
