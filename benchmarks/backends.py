"""Compares the losses of the first steps of `keras-ssd train` on the backends of Keras.

python benchmarks/backends.py -- --data VOCdevkit --model ssd_mobilenet_320_voc --batch-size 8
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import today_on_this_machine


def main() -> None:
    """Prints a table: a row for each step, a column for each backend."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", default=["tensorflow", "jax", "torch"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("train", nargs="+", help="options of keras-ssd train, after --")
    arguments = parser.parse_args()
    print(today_on_this_machine(), flush=True)
    losses, minutes = {}, {}
    for backend in arguments.backends:
        start = time.monotonic()
        losses[backend] = train(backend, arguments.steps, arguments.train)
        minutes[backend] = (time.monotonic() - start) / 60
    print(f"\n| step | {' | '.join(losses)} | largest difference |")
    print("|---|" + "---|" * (len(losses) + 1))
    for step in range(arguments.steps):
        of_step = [losses[backend][step] for backend in losses]
        largest = max(abs(loss / of_step[0] - 1) for loss in of_step)
        print(f"| {step + 1} | {' | '.join(f'{x:.4f}' for x in of_step)} | {100 * largest:.2f} % |")
    print("\nminutes, start included: " + ", ".join(f"{k} {v:.1f}" for k, v in minutes.items()))


def train(backend: str, steps: int, options: list[str]) -> list[float]:
    """Trains on one backend and returns the loss of each step."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        command = [sys.executable, "-m", "keras_ssd.cli", "train", "--output", str(output)]
        command += ["--steps", str(steps), "--evaluate-every", "1", *options]
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        with (output / "log.csv").open() as file:
            return [float(row["loss"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
