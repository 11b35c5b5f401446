#!/usr/bin/env python3
"""Times PyTorch's training step on the CPU: forward, cross entropy, backward, SGD with momentum.

Prints {"versions", "net", "norms", "batch", "size", "threads", "channelsLast", "rounds",
"milliseconds": {"median", "min", "all"}, "peakRssMiB"}. Two rounds of warm-up are not counted.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from peer import finish, peak_rss_mib, versions

from golden import fill_input, fill_labels
from networks import NETS, build


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", choices=NETS, default="resnet18")
    parser.add_argument("--norms", choices=["frozen", "train"], default="train")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)

    model = build(a.net, a.norms, a.classes)
    x = torch.from_numpy(fill_input((a.batch, 3, a.size, a.size)))
    y = torch.from_numpy(fill_labels(a.batch, a.classes))
    if a.channels_last:
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    times = []
    for _ in range(a.rounds + 2):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(1e3 * (time.perf_counter() - start))
    times = times[2:]
    finish(
        {
            "versions": versions("torch", "torchvision"),
            "net": a.net,
            "norms": a.norms,
            "batch": a.batch,
            "size": a.size,
            "threads": a.threads,
            "channelsLast": a.channels_last,
            "rounds": a.rounds,
            "milliseconds": {
                "median": round(statistics.median(times), 2),
                "min": round(min(times), 2),
                "all": [round(t, 2) for t in times],
            },
            "peakRssMiB": peak_rss_mib(),
        }
    )


if __name__ == "__main__":
    main()
