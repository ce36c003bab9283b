"""Names the machine that a benchmark runs on."""

import datetime
import os
import platform
from pathlib import Path


def today_on_this_machine() -> str:
    """Returns the date, the processor, its number of cores and the load before the benchmark."""
    lines = (
        Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    )
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    extensions = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512_vnni") if flag in flags]
    return (
        f"{datetime.date.today()}, {names[0] if names else platform.processor()}, "
        f"{os.cpu_count()} cores ({', '.join(extensions) or 'no fast bfloat16'}), "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
