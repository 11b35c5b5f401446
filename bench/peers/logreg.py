#!/usr/bin/env python3
"""scikit-learn's linear classifiers on stored features: the yardstick for linear probes.

FEATURES holds train_x [n,d] float32, train_y [n] int64, test_x, test_y. Prints
{"versions", "train", "test", "dimensions", "classes", "top1": {CLASSIFIER: fraction}} with the
classifiers logreg-l2, logreg-standardised, svc-l2, svc-standardised: the first part is
LogisticRegression(C, max_iter=1000) or LinearSVC(C), the second how the features were scaled.
With --predictions OUT the test predictions of each are written too (int64, named the same).
"""

import argparse
import warnings

import numpy as np
from peer import finish, versions
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import LinearSVC


def classifiers(c):
    return {
        "logreg": lambda: LogisticRegression(C=c, max_iter=1000),
        "svc": lambda: LinearSVC(C=c, max_iter=10000, random_state=0),
    }


def scaled(train, test):
    scaler = StandardScaler().fit(train)
    return {
        "l2": (normalize(train), normalize(test)),
        "standardised": (scaler.transform(train), scaler.transform(test)),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("features", metavar="FEATURES.safetensors")
    parser.add_argument("--c", type=float, default=1.0, help="inverse regularisation (1)")
    parser.add_argument("--predictions", metavar="OUT.safetensors")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)

    data = load_file(arguments.features)
    train_x, test_x = data["train_x"].astype(np.float64), data["test_x"].astype(np.float64)
    top1, predictions = {}, {}
    for scaling, (train, test) in scaled(train_x, test_x).items():
        for name, make in classifiers(arguments.c).items():
            predicted = make().fit(train, data["train_y"]).predict(test)
            top1[f"{name}-{scaling}"] = float(np.mean(predicted == data["test_y"]))
            predictions[f"{name}-{scaling}"] = predicted.astype(np.int64)
    if arguments.predictions:
        save_file(predictions, arguments.predictions)
    finish(
        {
            "versions": versions("scikit-learn", "numpy"),
            "train": len(train_x),
            "test": len(test_x),
            "dimensions": train_x.shape[1],
            "classes": len(np.unique(data["train_y"])),
            "top1": top1,
        }
    )


if __name__ == "__main__":
    main()
