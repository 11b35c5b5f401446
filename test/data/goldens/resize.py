"""Makes resize.json: Pillow's antialiased bilinear filter, which is torchvision's antialias=True.

Run: python resize.py > resize.json   (needs pillow and numpy; versions are written into the file)
"""

import base64
import json

import numpy
import PIL
from PIL import Image


def picture(width, height):
    """The formula that resize.test.ts repeats."""
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * x * 3 + y * 7 + x * y + c * 50) % 256).astype(numpy.uint8))


def encoded(image):
    return base64.b64encode(numpy.asarray(image).tobytes()).decode()


def resized(source, box, size):
    out = picture(*source).resize(size, Image.BILINEAR, box=box, reducing_gap=None)
    return {"source": source, "box": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "size": size, "pixels": encoded(out)}


def centre_cropped(source, short, size):
    """torchvision's Resize(short), CenterCrop(size)."""
    width, height = source
    if width <= height:
        scaled = (short, int(short * height / width))
    else:
        scaled = (int(short * width / height), short)
    left = int(round((scaled[0] - size) / 2.0))
    top = int(round((scaled[1] - size) / 2.0))
    out = picture(*source).resize(scaled, Image.BILINEAR).crop((left, top, left + size, top + size))
    return {"source": source, "short": short, "size": size, "pixels": encoded(out)}


json.dump({
    "versions": {"pillow": PIL.__version__, "numpy": numpy.__version__},
    "resized": [
        resized((57, 41), (0, 0, 57, 41), (16, 12)),
        resized((57, 41), (3, 5, 50, 36), (20, 20)),
        resized((57, 41), (3.25, 5.75, 50.5, 36.125), (17, 9)),
        resized((57, 41), (0, 0, 57, 41), (64, 7)),
        resized((20, 13), (0, 0, 20, 13), (41, 33)),
        resized((20, 13), (4.5, 2.25, 12.75, 9.5), (24, 24)),
        resized((20, 13), (0, 0, 20, 13), (20, 13)),
    ],
    "centreCropped": [
        centre_cropped((75, 50), 32, 28),
        centre_cropped((50, 77), 32, 28),
        centre_cropped((61, 47), 37, 24),
        centre_cropped((41, 40), 48, 48),
    ],
}, __import__("sys").stdout, indent=1)
