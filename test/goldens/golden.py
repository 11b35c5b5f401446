"""Deterministic tensors and random projections, the Python half of test/support/golden.ts.

Both halves compute the same numbers bit for bit: an integer hash of (path, index) gives a uniform
number in [-1, 1) with 24 bits, everything after that is one float64 formula, rounded to float32
once. Change one half only together with the other, and make the goldens again.
"""

import math

import numpy as np

PROJECTIONS = 32


def hash_string(text):
    """FNV-1a over UTF-16 code units."""
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2")
    h = 0x811C9DC5
    for unit in units:
        h = ((h ^ int(unit)) * 0x01000193) & 0xFFFFFFFF
    return h


def hash_range(path, n):
    """A 32-bit hash of (path, i) for i in 0..n-1: Weyl sequence, then the lowbias32 mixer."""
    h = np.arange(1, n + 1, dtype=np.uint32)
    h *= np.uint32(0x9E3779B9)
    h ^= np.uint32(hash_string(path))
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def uniform_tensor(path, shape, low=-1.0, high=1.0, levels=0):
    """float32 numbers in [low, high). With `levels`, only that many distinct values: ties."""
    n = math.prod(shape)
    u = (hash_range(path, n) >> np.uint32(8)).astype(np.float64) / 16777216.0  # [0, 1)
    if levels:
        u = np.floor(u * levels) / levels
    return (low + (high - low) * u).astype(np.float32).reshape(shape)


def fill_range(path, shape, running_var=(0.8, 1.2)):
    """The range of a parameter, by its torchvision name's last part and its rank."""
    suffix = path.rsplit(".", 1)[-1]
    if suffix == "running_mean":
        return -0.1, 0.1
    if suffix == "running_var":
        return tuple(running_var)
    if len(shape) >= 2:
        fan_in = math.prod(shape[1:])
        bound = math.sqrt((1.0 if len(shape) == 2 else 6.0) / fan_in)
        return -bound, bound
    return (-0.2, 0.2) if suffix == "bias" else (0.5, 1.5)


def fill_tensor(path, shape, running_var=(0.8, 1.2)):
    """The value of the parameter or buffer called `path`."""
    return uniform_tensor(path, shape, *fill_range(path, shape, running_var))


def fill_input(shape, seed=0):
    """The network input of this shape; the seed picks one of many."""
    return uniform_tensor(f"input:{seed}", shape, -2.0, 2.0)


def fill_labels(batch, classes):
    """Fixed labels in 0..classes-1."""
    return (hash_range("labels", batch) % np.uint32(classes)).astype(np.int64)


def project(data, path, k=PROJECTIONS):
    """k dot products with vectors of random signs, divided by sqrt(n), in float64."""
    flat = np.asarray(data, dtype=np.float64).reshape(-1)
    bits = hash_range("project:" + path, flat.size)
    total = flat.sum()
    signed = (2.0 * flat[(bits >> np.uint32(j)) & np.uint32(1) == 1].sum() - total for j in range(k))
    return np.array(list(signed)) / math.sqrt(flat.size)


def relative_error(actual, expected):
    """Relative L2 error; absolute when the expected tensor is zero."""
    expected = np.asarray(expected, dtype=np.float64)
    difference = float(np.linalg.norm((np.asarray(actual, dtype=np.float64) - expected).reshape(-1)))
    norm = float(np.linalg.norm(expected.reshape(-1)))
    return difference / norm if norm > 0 else difference


def rounded(x, digits=9):
    """A float with so many significant digits."""
    return float(f"{float(x):.{digits - 1}e}")


def tensor_golden(exact, single, path, keep=0):
    """The JSON form of a float64 tensor and the error of its float32 twin.

    All values are kept for tensors of at most `keep` elements, projections for larger ones.
    """
    exact = np.asarray(exact, dtype=np.float64)
    golden = {"shape": list(exact.shape), "norm": rounded(np.linalg.norm(exact.reshape(-1)))}
    if exact.size <= keep:
        golden["values"] = [rounded(v) for v in exact.reshape(-1)]
    else:
        golden["projections"] = [rounded(v) for v in project(exact, path)]
    golden["error"] = rounded(relative_error(single, exact), 3)
    return golden
