from pathlib import Path

import pytest


@pytest.fixture
def peak_of_memory():
    """A function that returns the most bytes by which the process has grown since the start."""

    def peak():
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = peak()
    return lambda: peak() - before
