"""Prints the loss of each step on one device, on several, and in two processes.

The devices are virtual ones, parts of this machine's processor: the losses show that the
arithmetic is right, not that it is fast.

    python benchmarks/devices.py --data VOCdevkit/VOC2007 --model ssd_tiny_128 --steps 20
"""

import argparse
import csv
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

PLACES = {  # backend, devices of each process, processes
    "TensorFlow, 1 device": ("tensorflow", None, 1),
    "TensorFlow, 2 devices": ("tensorflow", 2, 1),
    "TensorFlow, 4 devices": ("tensorflow", 4, 1),
    "JAX, 1 device": ("jax", None, 1),
    "JAX, 2 devices": ("jax", 2, 1),
    "JAX, 4 devices": ("jax", 4, 1),
    "JAX, 2 processes": ("jax", 1, 2),
}


def main() -> None:
    """Trains everywhere with the same options, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=8)
    options, others = parser.parse_known_args()
    train = [
        *("--recipe", "paper", "--steps", options.steps, "--batch-size", options.batch_size),
        *("--evaluate-every", 1, *others),
    ]
    losses = {}
    for name, place in PLACES.items():
        print(name, file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            losses[name] = run(Path(folder) / "run", train, *place)
    print_table(losses)


def run(output: Path, train: list, backend: str, devices: int | None, processes: int) -> list:
    """Trains once, and returns the loss of each step."""
    command = [sys.executable, "-m", "keras_ssd.cli", "train", "--output", output, *train]
    if devices is not None:
        command += ["--devices", devices]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if processes > 1:
        with socket.create_server(("localhost", 0)) as server:
            environment["KERAS_DISTRIBUTION_JOB_ADDRESSES"] = f"localhost:{server.getsockname()[1]}"
        environment["KERAS_DISTRIBUTION_NUM_PROCESSES"] = str(processes)
    running = [
        subprocess.Popen(
            [str(part) for part in command],
            env={**environment, "KERAS_DISTRIBUTION_PROCESS_ID": str(index)},
            stdout=subprocess.DEVNULL,
        )
        for index in range(processes)
    ]
    if any([process.wait() for process in running]):
        sys.exit(f"{backend} on {devices} devices in {processes} processes failed")
    with (output / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def print_table(losses: dict[str, list]) -> None:
    """Prints the losses of some steps, and the largest difference from one device."""
    steps = [0, 1, 4, 9, 19]
    print("| | " + " | ".join(f"step {step + 1}" for step in steps) + " | largest difference |")
    print("|---" * (len(steps) + 2) + "|")
    for name, values in losses.items():
        one_device = losses[f"{name.split(',')[0]}, 1 device"]
        difference = max(abs(a / b - 1) for a, b in zip(values, one_device, strict=True))
        shown = " | ".join(f"{values[step]:.5f}" for step in steps if step < len(values))
        print(f"| {name} | {shown} | {difference:.1e} |")


if __name__ == "__main__":
    main()
