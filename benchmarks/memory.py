"""Samples the resident memory of a training run, and draws it.

It runs `keras-ssd train` with the options after `--`, interrupts the run after the minutes, and
writes `memory.csv` and `memory.png` to the output folder. It prints the growth in the second half
of the run: after a warm-up, memory must not grow.

    python benchmarks/memory.py --minutes 20 --output memory -- --data VOCdevkit
    python benchmarks/memory.py --minutes 20 --output memory -- --data VOCdevkit \
        --dtype mixed_bfloat16 --evaluate-every 200 --validation-set val
"""

import argparse
import csv
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from machine import today_on_this_machine


def main() -> None:
    """Runs, samples, prints and draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two samples")
    parser.add_argument("--output", type=Path, default=Path("memory"), help="a new folder")
    parser.add_argument("train", nargs="+", help="options of keras-ssd train, after --")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True)
    command = [sys.executable, "-m", "keras_ssd.cli", "train", "--steps", "1000000"]
    command += ["--output", str(arguments.output / "run"), *arguments.train]
    print(today_on_this_machine(), flush=True)
    with (arguments.output / "train.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        samples = sample(process, arguments.minutes * 60, arguments.every)
    table = arguments.output / "memory.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seconds", "megabytes"])
        writer.writerows((f"{seconds:.1f}", f"{size:.1f}") for seconds, size in samples)
    seconds, sizes = np.array(samples).T
    half = seconds > seconds[-1] / 2
    slope = np.polyfit(seconds[half] / 60, sizes[half], 1)[0]
    print(
        f"{len(samples)} samples in {seconds[-1] / 60:.1f} minutes: {sizes[half].min():.0f} to "
        f"{sizes[half].max():.0f} MB in the second half, {slope:+.2f} MB/minute; see {table}"
    )
    draw(seconds / 60, sizes, arguments.output / "memory.png")


def sample(process: subprocess.Popen, limit: float, every: float) -> list[tuple[float, float]]:
    """Returns (seconds, MB of the process), and interrupts the process at last.

    Raises:
        SystemExit: the run ended before its time.
    """
    start, samples = time.monotonic(), []
    while (seconds := time.monotonic() - start) < limit:
        if process.poll() is not None:
            raise SystemExit(f"the run ended with exit status {process.returncode}; see train.log")
        samples.append((seconds, resident(process.pid) / 1e6))
        time.sleep(every)
    process.send_signal(signal.SIGINT)
    process.wait()
    return samples


def resident(pid: int) -> int:
    """Returns the resident bytes of a process, as Linux counts them."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def draw(minutes: np.ndarray, megabytes: np.ndarray, path: Path) -> None:
    """Draws the memory over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(minutes, megabytes, linewidth=1)
    axes.set(xlabel="minutes", ylabel="resident memory, MB", ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
