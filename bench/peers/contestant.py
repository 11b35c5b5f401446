#!/usr/bin/env python3
"""PyTorch's contestants in bench/bench.ts. The argument is the job as JSON (bench/support/job.ts).

Builds once and prints {"ready": true}. Then each line "go" on standard input is one timed repetition,
answered by {"ms", "peakMb"}; it ends with its input. `python3 contestant.py --versions` prints what
takes part instead. Runs with the pinned peers, and with PyTorch 1.13 of Debian.
"""

import json
import math
import sys
import time
from importlib.metadata import PackageNotFoundError

from peer import finish, peak_rss_mib, versions

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def timed(call, calls=1):
    """Milliseconds a call, as in bench/support/serve.ts."""
    if calls > 1:
        call()
    start, done, elapsed = time.perf_counter(), 0, 0.0
    while done < calls and elapsed < 1:
        call()
        done += 1
        elapsed = time.perf_counter() - start
    return 1e3 * elapsed / done


def memory_format(job):
    import torch

    return torch.channels_last if job["variant"] == "channelsLast" else torch.contiguous_format


def network(job, norms):
    """torchvision's network without dropout and without auxiliary classifiers, as ours are."""
    import torch

    from networks import build

    model = build(job["net"], norms, 1000)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if hasattr(model, "aux_logits"):
        model.aux_logits, model.aux1, model.aux2 = False, None, None
    return model.to(memory_format=memory_format(job))


def images(job):
    import torch

    from golden import fill_input

    x = torch.from_numpy(fill_input((job["batch"], 3, job["size"], job["size"])))
    return x.contiguous(memory_format=memory_format(job))


def step(job):
    import torch
    import torch.nn.functional as F

    from golden import fill_labels

    model, x = network(job, job["norms"]), images(job)
    y = torch.from_numpy(fill_labels(job["batch"], 1000))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        assert math.isfinite(loss.item()), "the loss is not a number"

    return lambda: timed(run)


def infer(job):
    import torch

    model, x = network(job, "frozen").eval(), images(job)

    @torch.inference_mode()
    def run():
        model(x)

    return lambda: timed(run, job["calls"])


def conv(job):
    import torch
    import torch.nn.functional as F

    layout, c, side = memory_format(job), job["channels"], job["side"]
    x = torch.rand(job["batch"], c, side, side).sub(0.5).contiguous(memory_format=layout)
    w = torch.rand(c, c, 3, 3).sub(0.5).contiguous(memory_format=layout)

    @torch.inference_mode()
    def run():
        F.conv2d(x, w, padding=1)

    return lambda: timed(run, job["calls"])


def decoded(path):
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("RGB")


class Photos:
    """A dataset of files under a transform."""

    def __init__(self, paths, transform):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.transform(decoded(self.paths[index]))


def features(job):
    """Batches of 16 from one loader process, which stays, as our one thread does."""
    import torch
    from torchvision import transforms

    model = network(job, "frozen").eval()
    parent, _, name = job["headPath"].rpartition(".")
    setattr(model.get_submodule(parent), name, torch.nn.Identity())
    size = job["size"]
    view = transforms.Compose(
        [
            transforms.Resize(round(size * 256 / 224)),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    loader = torch.utils.data.DataLoader(
        Photos(job["photos"], view), batch_size=16, num_workers=1, persistent_workers=True
    )
    layout = memory_format(job)

    @torch.inference_mode()
    def run():
        rows = [model(x.contiguous(memory_format=layout)) for x in loader]
        assert sum(len(row) for row in rows) == len(job["photos"])

    return lambda: timed(run) / len(job["photos"])


def jpeg(job):
    from torchvision import transforms

    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(job["size"], scale=tuple(job["scale"])),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )

    def run():
        for path in job["photos"]:
            view(decoded(path))

    return lambda: timed(run) / len(job["photos"])


def forget_peak():
    """Starts peak_mb anew: drawing the weights takes more memory than using them."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # not Linux: large layers then count several times


def peak_mb():
    """Largest resident memory in MB of 10^6 bytes, as bench/support/serve.ts counts it."""
    try:
        with open("/proc/self/status") as status:
            lines = [line.split() for line in status if line.startswith("VmHWM:")]
        return int(lines[0][1]) * 1024 / 1e6
    except (OSError, IndexError):
        return peak_rss_mib() * 2**20 / 1e6


def known_versions(*names):
    known = {}
    for name in names:
        try:
            known.update(versions(name))
        except PackageNotFoundError:
            pass  # rows that need it say so
    return known


def main():
    if sys.argv[1:] == ["--versions"]:
        import torch

        finish({"torch": torch.__version__, **known_versions("torchvision", "numpy", "pillow")})
        return
    job = json.loads(sys.argv[1])
    import torch

    torch.set_num_threads(job["threads"])
    kinds = {"step": step, "infer": infer, "features": features, "jpeg": jpeg, "conv": conv}
    repeat = kinds[job["kind"]](job)
    forget_peak()
    finish({"ready": True})
    for line in sys.stdin:
        if line.strip() == "go":
            finish({"ms": repeat(), "peakMb": peak_mb()})


if __name__ == "__main__":
    main()
