"""Runs whole processes in turn, and says what each took: what the comparisons of this folder share."""

import os
import statistics
import subprocess
import sys
import threading
import time


def run(command, limit=None):
    """The output, CPU seconds, wall seconds and peak memory in MB of a process.

    One that fails ends the comparison; with a limit of seconds, one that fails or takes longer gives None.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    watch = threading.Timer(limit, process.kill) if limit else None
    if watch:
        watch.start()
    output = process.stdout.read().decode()
    if watch:
        watch.cancel()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status != 0:
        return None if limit else sys.exit(f"failed: {command[0]}")
    return output, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def medians(commands, runs):
    """The median CPU seconds, wall seconds and peak memory of each command; run in turn, so that all meet the same weather."""
    measured = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            measured[name].append(run(command)[1:])
    return {name: tuple(statistics.median(values) for values in zip(*times)) for name, times in measured.items()}
