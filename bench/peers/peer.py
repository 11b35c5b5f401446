"""What the peer programs share: the path to the goldens' Python, versions, the closing JSON line."""

import json
import pathlib
import platform
import resource
import sys
from importlib.metadata import version

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test" / "goldens"))


def versions(*names):
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def peak_rss_mib():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def finish(result):
    """The last line of every peer's output is one JSON object."""
    print(json.dumps(result), flush=True)
