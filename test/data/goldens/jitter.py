"""Makes jitter.json: Pillow's colour operations, which torchvision applies to Pillow images.

Run: python jitter.py > jitter.json   (needs pillow and numpy; versions are written into the file)
"""

import base64
import json
import sys

import numpy
import PIL
from PIL import Image, ImageEnhance

y, x, c = numpy.mgrid[0:14, 0:18, 0:3]
picture = Image.fromarray(((x * x * 3 + y * 7 + x * y + c * 50) % 256).astype(numpy.uint8))


def hue(image, share):
    """torchvision's adjust_hue for Pillow images."""
    h, s, v = image.convert("HSV").split()
    turned = (numpy.asarray(h).astype(int) + int(share * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(turned.astype(numpy.uint8)), s, v)).convert("RGB")


operations = {
    "brightness": lambda f: ImageEnhance.Brightness(picture).enhance(f),
    "contrast": lambda f: ImageEnhance.Contrast(picture).enhance(f),
    "saturation": lambda f: ImageEnhance.Color(picture).enhance(f),
    "hue": lambda f: hue(picture, f),
}
cases = [(kind, amount) for kind in ("brightness", "contrast", "saturation")
         for amount in (0.0, 0.6, 1.4)] + [("hue", amount) for amount in (-0.4, -0.1, 0.0, 0.2)]
json.dump({
    "versions": {"pillow": PIL.__version__, "numpy": numpy.__version__},
    "cases": [{"kind": kind, "amount": amount, "pixels": base64.b64encode(
        numpy.asarray(operations[kind](amount)).tobytes()).decode()} for kind, amount in cases],
}, sys.stdout, indent=1)
