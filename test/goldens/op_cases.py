"""Single ops in PyTorch: outputs, and gradients of every input for a random upstream gradient."""

import torch
import torch.nn.functional as F

from golden import fill_labels, tensor_golden, uniform_tensor

KEEP = 32  # tensors up to this size are stored whole


def conv2d(a, x, w, b=None):
    top, left, bottom, right = a["pads"]  # ONNX order
    x = F.pad(x, (left, right, top, bottom))
    return {"y": F.conv2d(x, w, b, stride=a["strides"], dilation=a["dilations"], groups=a["group"])}


def max_pool(a, x):
    return {"y": F.max_pool2d(x, a["kernel"], a["strides"], a["padding"])}


def avg_pool(a, x):
    return {
        "y": F.avg_pool2d(
            x, a["kernel"], a["strides"], a["padding"], count_include_pad=a["countIncludePad"]
        )
    }


def batch_norm(a, x, weight, bias, running_mean, running_var):
    mean, var = running_mean.detach().clone(), running_var.detach().clone()
    y = F.batch_norm(x, mean, var, weight, bias, a["training"], a["momentum"], a["epsilon"])
    return {"y": y, "running_mean": mean, "running_var": var} if a["training"] else {"y": y}


def log_softmax(a, x):
    return {"y": F.log_softmax(x, dim=a["axis"])}


def cross_entropy(a, x, target):
    if a["soft"]:
        target = F.softmax(target, dim=1)  # any scores make a distribution
    return {"loss": F.cross_entropy(x, target, label_smoothing=a["labelSmoothing"])}


def interpolate(a, x):
    y = F.interpolate(
        x, size=a["size"], mode="bilinear", align_corners=False, antialias=a["antialias"]
    )
    return {"y": y}


def conv_transpose2d(a, x, w, b=None):
    y = F.conv_transpose2d(
        x, w, b, a["strides"], a["padding"], a["outputPadding"], a["group"], a["dilations"]
    )
    return {"y": y}


def local_response_norm(a, x):
    return {"y": F.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["k"])}


def layer_norm(a, x, weight, bias):
    return {"y": F.layer_norm(x, weight.shape, weight, bias, a["epsilon"])}


def softmax(a, x):
    return {"y": F.softmax(x, dim=-1)}


def split(a, x):
    pieces = torch.split(x, a["sizes"], dim=a["axis"])
    return {"y": torch.cat(pieces[::-1], dim=a["axis"])}


def index_select(a, x):
    return {"y": torch.index_select(x, a["axis"], torch.tensor(a["indices"]))}


def index_add(a, x):
    shape = [a["size"] if axis == a["axis"] else size for axis, size in enumerate(x.shape)]
    zeros = torch.zeros(shape, dtype=x.dtype)
    return {"y": torch.index_add(zeros, a["axis"], torch.tensor(a["indices"]), x)}


ELEMENTWISE = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardswish": F.hardswish,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 0.5),
    "abs": torch.abs,
    "sign": torch.sign,
    "erf": torch.erf,
}

OPS = {
    f.__name__: f
    for f in (
        conv2d,
        conv_transpose2d,
        max_pool,
        avg_pool,
        batch_norm,
        layer_norm,
        local_response_norm,
        softmax,
        log_softmax,
        cross_entropy,
        interpolate,
        split,
        index_select,
        index_add,
    )
}
OPS |= {name: (lambda a, x, f=f: {"y": f(x)}) for name, f in ELEMENTWISE.items()}


def conv_case(name, x, w, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, bias=False):
    attributes = {"strides": list(strides), "pads": list(pads), "dilations": list(dilations), "group": group}
    inputs = {"x": {"shape": x}, "w": {"shape": w}}
    if bias:
        inputs["b"] = {"shape": [w[0]]}
    return (f"conv2d {name}", "conv2d", attributes, inputs)


def pool_case(name, op, shape, kernel, strides, padding, levels=0, **more):
    attributes = {"kernel": kernel, "strides": strides, "padding": padding, **more}
    x = {"shape": shape, "levels": levels} if levels else {"shape": shape}
    return (f"{op} {name}", op, attributes, {"x": x})


def norm_case(name, training, shape):
    channels = [shape[1]]
    inputs = {
        "x": {"shape": shape, "low": -1, "high": 2},
        "weight": {"shape": channels, "low": 0.5, "high": 1.5},
        "bias": {"shape": channels},
        "running_mean": {"shape": channels},
        "running_var": {"shape": channels, "low": 0.5, "high": 2},
    }
    attributes = {"training": training, "momentum": 0.1, "epsilon": 1e-5}
    return (f"batch_norm {name}", "batch_norm", attributes, inputs)


def entropy_case(name, smoothing, soft, shape):
    inputs = {"x": {"shape": shape, "low": -5, "high": 5}}
    if soft:
        inputs["target"] = {"shape": shape, "low": -3, "high": 3}
    attributes = {"labelSmoothing": smoothing, "soft": soft}
    return (f"cross_entropy {name}", "cross_entropy", attributes, inputs)


def resize_case(name, shape, size, antialias):
    return (f"interpolate {name}", "interpolate", {"size": size, "antialias": antialias}, {"x": {"shape": shape}})


def transposed_case(name, x, w, strides=(1, 1), padding=(0, 0), more=(0, 0), dilations=(1, 1), group=1, bias=False):
    attributes = {
        "strides": list(strides),
        "padding": list(padding),
        "outputPadding": list(more),
        "dilations": list(dilations),
        "group": group,
    }
    inputs = {"x": {"shape": x}, "w": {"shape": w}}
    if bias:
        inputs["b"] = {"shape": [w[1] * group]}
    return (f"conv_transpose2d {name}", "conv_transpose2d", attributes, inputs)


def response_case(name, shape, size, **more):
    attributes = {"size": size, "alpha": 1e-4, "beta": 0.75, "k": 1, **more}
    return (f"local_response_norm {name}", "local_response_norm", attributes, {"x": {"shape": shape, "low": -20, "high": 20}})


def layer_case(name, shape, features, epsilon=1e-5, low=-1, high=2):
    inputs = {
        "x": {"shape": shape, "low": low, "high": high},
        "weight": {"shape": features, "low": 0.5, "high": 1.5},
        "bias": {"shape": features},
    }
    return (f"layer_norm {name}", "layer_norm", {"epsilon": epsilon}, inputs)


def elementwise_case(op, reach, levels=0):
    x = {"shape": [3, 5, 7], "low": -reach, "high": reach}
    if levels:
        x["levels"] = levels  # an even number: zero is one of them
    return (f"{op}{', kinks' if levels else ''}", op, {}, {"x": x})


CASES = [
    conv_case("3x3 pad 1", [2, 5, 9, 7], [6, 5, 3, 3], pads=(1, 1, 1, 1)),
    conv_case("3x3 pad 1 bias", [2, 3, 8, 8], [4, 3, 3, 3], pads=(1, 1, 1, 1), bias=True),
    conv_case("3x3 stride 2 pad 1, even input", [2, 4, 8, 10], [6, 4, 3, 3], (2, 2), (1, 1, 1, 1)),
    conv_case("3x3 stride 2 pad 1, odd input", [2, 4, 9, 7], [6, 4, 3, 3], (2, 2), (1, 1, 1, 1)),
    conv_case("3x3 stride 2 same padding", [2, 3, 8, 6], [5, 3, 3, 3], (2, 2), (0, 0, 1, 1)),
    conv_case("asymmetric everything", [1, 3, 9, 11], [4, 3, 2, 3], (2, 1), (0, 2, 1, 1), (1, 2), bias=True),
    conv_case("3x3 dilation 2", [1, 4, 9, 9], [4, 4, 3, 3], pads=(2, 2, 2, 2), dilations=(2, 2)),
    conv_case("3x3 groups 2", [2, 6, 7, 7], [8, 3, 3, 3], pads=(1, 1, 1, 1), group=2),
    conv_case("depthwise 3x3", [2, 8, 7, 9], [8, 1, 3, 3], pads=(1, 1, 1, 1), group=8),
    conv_case("depthwise 3x3 stride 2", [2, 8, 8, 7], [8, 1, 3, 3], (2, 2), (1, 1, 1, 1), group=8),
    conv_case("depthwise 3x3 stride 2 same padding", [2, 5, 8, 8], [5, 1, 3, 3], (2, 2), (0, 0, 1, 1), group=5),
    conv_case("depthwise 5x5 stride 2", [1, 6, 11, 9], [6, 1, 5, 5], (2, 2), (2, 2, 2, 2), group=6),
    conv_case("depthwise multiplier 2", [1, 4, 6, 6], [8, 1, 3, 3], pads=(1, 1, 1, 1), group=4),
    conv_case("1x1", [2, 7, 5, 6], [9, 7, 1, 1], bias=True),
    conv_case("1x1 stride 2", [2, 6, 7, 8], [5, 6, 1, 1], (2, 2)),
    conv_case("7x7 stride 2 pad 3", [2, 3, 20, 17], [8, 3, 7, 7], (2, 2), (3, 3, 3, 3)),
    transposed_case("3x3", [2, 4, 5, 6], [4, 3, 3, 3], bias=True),
    transposed_case("2x2 stride 2", [2, 4, 5, 6], [4, 3, 2, 2], (2, 2), bias=True),
    transposed_case("3x3 stride 2 pad 1, one row more", [2, 4, 5, 6], [4, 3, 3, 3], (2, 2), (1, 1), (1, 1)),
    transposed_case("3x3 stride 2, one row more", [1, 3, 4, 5], [3, 2, 3, 3], (2, 2), (0, 0), (1, 1), bias=True),
    transposed_case("4x4 stride 2 pad 1, groups 2", [2, 6, 5, 4], [6, 2, 4, 4], (2, 2), (1, 1), group=2, bias=True),
    transposed_case("depthwise 3x3 stride 2 pad 1", [2, 5, 4, 4], [5, 1, 3, 3], (2, 2), (1, 1), (1, 1), group=5),
    transposed_case("3x2 dilated, asymmetric", [1, 3, 5, 4], [3, 4, 3, 2], (2, 3), (2, 1), (1, 2), (2, 3)),
    transposed_case("stride 1 dilation 2, one row more", [1, 2, 4, 5], [2, 3, 3, 3], (1, 1), (0, 1), (1, 1), (2, 2), bias=True),
    pool_case("3x3 stride 2 pad 1, even input", "max_pool", [2, 3, 8, 10], [3, 3], [2, 2], [1, 1]),
    pool_case("3x3 stride 2 pad 1, odd input", "max_pool", [2, 3, 9, 7], [3, 3], [2, 2], [1, 1]),
    pool_case("2x2 stride 2, a row left over", "max_pool", [2, 3, 7, 8], [2, 2], [2, 2], [0, 0]),
    pool_case("3x3 stride 2 pad 1, ties", "max_pool", [2, 3, 8, 8], [3, 3], [2, 2], [1, 1], levels=3),
    pool_case("2x2 stride 2, ties", "max_pool", [2, 3, 8, 8], [2, 2], [2, 2], [0, 0], levels=2),
    pool_case("3x3 stride 1 pad 1, ties", "max_pool", [1, 2, 6, 5], [3, 3], [1, 1], [1, 1], levels=2),
    pool_case("3x3 stride 1 pad 1, padding counted", "avg_pool", [2, 3, 7, 6], [3, 3], [1, 1], [1, 1], countIncludePad=True),
    pool_case("3x3 stride 1 pad 1, padding not counted", "avg_pool", [2, 3, 7, 6], [3, 3], [1, 1], [1, 1], countIncludePad=False),
    pool_case("3x3 stride 2 pad 1, padding not counted", "avg_pool", [2, 3, 8, 9], [3, 3], [2, 2], [1, 1], countIncludePad=False),
    pool_case("2x2 stride 2", "avg_pool", [2, 3, 7, 8], [2, 2], [2, 2], [0, 0], countIncludePad=True),
    pool_case("global", "avg_pool", [2, 5, 4, 7], [4, 7], [1, 1], [0, 0], countIncludePad=True),
    norm_case("training", True, [3, 5, 4, 6]),
    norm_case("training, few values", True, [2, 7, 1, 2]),
    norm_case("eval", False, [3, 5, 4, 6]),
    layer_case("last axis", [2, 5, 13], [13]),
    layer_case("last two axes", [3, 4, 6], [4, 6], epsilon=1e-6),
    layer_case("everything", [4, 3], [4, 3]),
    layer_case("far from zero", [4, 16], [16], low=9, high=11),
    response_case("size 5", [2, 9, 4, 5], 5),
    response_case("size 5, AlexNet", [2, 9, 4, 5], 5, k=2),
    response_case("size 4, strong", [2, 7, 3, 4], 4, alpha=0.02, beta=0.5),
    response_case("wider than the channels", [1, 3, 4, 4], 7, alpha=0.01),
    ("softmax", "softmax", {}, {"x": {"shape": [4, 3, 11], "low": -8, "high": 8}}),
    ("log_softmax matrix", "log_softmax", {"axis": 1}, {"x": {"shape": [4, 11], "low": -8, "high": 8}}),
    ("log_softmax channels", "log_softmax", {"axis": 1}, {"x": {"shape": [2, 5, 3, 4], "low": -4, "high": 4}}),
    entropy_case("labels", 0.0, False, [6, 11]),
    entropy_case("labels, smoothing 0.1", 0.1, False, [6, 11]),
    entropy_case("soft targets", 0.0, True, [6, 11]),
    entropy_case("soft targets, smoothing 0.1", 0.1, True, [6, 11]),
    *(
        resize_case(f"{kind}{', antialias' if antialias else ''}", shape, size, antialias)
        for antialias in (False, True)
        for kind, shape, size in (
            ("down", [2, 3, 13, 17], [5, 6]),
            ("up", [1, 3, 4, 5], [9, 8]),
            ("down and up", [1, 2, 12, 5], [7, 9]),
            ("half", [1, 2, 8, 6], [4, 3]),
        )
    ),
    *(elementwise_case(op, 5) for op in ELEMENTWISE),
    *(elementwise_case(op, 1, levels=6) for op in ("leaky_relu", "elu", "abs", "sign")),
    elementwise_case("hardswish", 6, levels=4),
    ("split", "split", {"axis": 1, "sizes": [2, 1, 4]}, {"x": {"shape": [2, 7, 3]}}),
    ("index_select", "index_select", {"axis": 1, "indices": [3, 0, 3, 1, 3]}, {"x": {"shape": [2, 4, 5]}}),
    ("index_add", "index_add", {"axis": 1, "size": 6, "indices": [3, 0, 3, 5]}, {"x": {"shape": [2, 4, 5]}}),
]


def run(name, op, attributes, inputs, labels, dtype):
    tensors = {}
    for key, how in inputs.items():
        value = uniform_tensor(f"{name}/{key}", how["shape"], how.get("low", -1), how.get("high", 1), how.get("levels", 0))
        tensors[key] = torch.from_numpy(value).to(dtype)
        tensors[key].requires_grad_(not key.startswith("running_"))
    arguments = dict(tensors)
    if labels is not None:
        arguments["target"] = torch.tensor(labels)
    outputs = OPS[op](attributes, **arguments)
    main = next(iter(outputs))
    y = outputs[main]
    upstream = torch.from_numpy(uniform_tensor(f"{name}/d:{main}", y.shape)).to(dtype) if y.ndim else torch.ones((), dtype=dtype)
    y.backward(upstream)
    gradients = {key: t.grad.numpy() for key, t in tensors.items() if t.requires_grad}
    return {key: o.detach().numpy() for key, o in outputs.items()}, gradients


def op_goldens():
    goldens = []
    for name, op, attributes, inputs in CASES:
        hard = op == "cross_entropy" and not attributes["soft"]
        labels = fill_labels(*inputs["x"]["shape"]).tolist() if hard else None
        outputs, gradients = run(name, op, attributes, inputs, labels, torch.float64)
        outputs32, gradients32 = run(name, op, attributes, inputs, labels, torch.float32)
        case = {"name": name, "op": op, "attributes": attributes, "inputs": inputs}
        if labels is not None:
            case["labels"] = labels
        case["outputs"] = {
            key: tensor_golden(v, outputs32[key], f"{name}/{key}", KEEP) for key, v in outputs.items()
        }
        case["gradients"] = {
            key: tensor_golden(v, gradients32[key], f"{name}/grad:{key}", KEEP) for key, v in gradients.items()
        }
        goldens.append(case)
    return goldens
