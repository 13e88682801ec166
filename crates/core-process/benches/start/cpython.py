"""Starts and joins one empty process for each line read, by the method that the line names; prints nanoseconds."""

import multiprocessing
import platform
import sys
import time


def empty():
    pass


def start_and_join(method):
    context = multiprocessing.get_context(method)
    began = time.perf_counter_ns()
    process = context.Process(target=empty)
    process.start()
    process.join()
    took = time.perf_counter_ns() - began
    assert process.exitcode == 0, process.exitcode
    return took


if __name__ == "__main__":
    start_and_join("forkserver")  # its server is started once, and that is not what is measured
    print(platform.python_version(), flush=True)
    for line in sys.stdin:
        print(start_and_join(line.strip()), flush=True)
