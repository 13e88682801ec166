"""Plays the games by multiprocessing's objects: a line `name place moves` in, nanoseconds of a move out."""

import multiprocessing
import os
import platform
import sys
import time

CONTEXT = multiprocessing.get_context("fork")
CPUS = sorted(os.sched_getaffinity(0))
MEGABYTE = 1 << 20


def number_of(at):
    return (1 << 64) - 1 - at


class Numbers:
    """One way, by a queue."""

    guests = 1

    def __init__(self, message=number_of, make=CONTEXT.Queue):
        self.queue, self.message = make(), message

    def play(self, seat, moves):
        for at in range(moves // 2 if self.guests == 3 else moves):
            if seat % 2 == 0:
                self.queue.get()
            else:
                self.queue.put(self.message(at))


class NumbersOfMany(Numbers):
    guests = 3


class RoundTrip:
    guests = 1

    def __init__(self):
        self.queues = CONTEXT.Queue(), CONTEXT.Queue()

    def play(self, seat, moves):
        there, back = self.queues
        for at in range(moves):
            if seat == 0:
                there.put(number_of(at))
                back.get()
            else:
                back.put(there.get())


class Large:
    guests = 1

    def __init__(self, size):
        self.receiver, self.sender = CONTEXT.Pipe(duplex=False)
        self.own = bytearray(b"x" * size)

    def play(self, seat, moves):
        for _ in range(moves):
            if seat == 0:
                self.receiver.recv_bytes_into(self.own)
            else:
                self.sender.send_bytes(self.own)


class Added:
    """A number under its lock, a part of the moves each."""

    def __init__(self, guests):
        self.value, self.guests = CONTEXT.Value("Q", 0), guests

    def play(self, seat, moves):
        for _ in range(moves // (1 + self.guests)):
            with self.value.get_lock():
                self.value.value += 1


class Fill:
    guests = 0

    def __init__(self):
        self.array, self.own = CONTEXT.Array("B", 8 * MEGABYTE), bytes(8 * MEGABYTE)

    def play(self, seat, moves):
        for _ in range(moves):
            with self.array.get_lock():
                memoryview(self.array.get_obj()).cast("B")[:] = self.own


GAMES = {
    "Value += 1": lambda: Added(0),
    "Value += 1 of two": lambda: Added(1),
    "Array 8 MB": Fill,
    "8 B 1p1c": Numbers,
    "8 B 1p1c simple": lambda: Numbers(make=CONTEXT.SimpleQueue),
    "8 B 2p2c": NumbersOfMany,
    "1 KB 1p1c": lambda: Numbers(message=lambda at: b"x" * 1024),
    "round trip": RoundTrip,
    "1 MB copied": lambda: Large(MEGABYTE),
    "64 MB copied": lambda: Large(64 * MEGABYTE),
}


def guest(game, seat, cpu, moves, ready, go):
    os.sched_setaffinity(0, {cpu})
    ready.release()
    go.acquire()
    game.play(seat, moves)


def measure(name, place, moves):
    os.sched_setaffinity(0, {CPUS[0]})
    game = GAMES[name]()
    ready, go = CONTEXT.Semaphore(0), CONTEXT.Semaphore(0)
    others = []
    for seat in range(1, game.guests + 1):
        cpu = CPUS[-1] if place == "Two" and seat < 3 else CPUS[0]
        others.append(CONTEXT.Process(target=guest, args=(game, seat, cpu, moves, ready, go)))
    for other in others:
        other.start()
    for _ in others:
        ready.acquire()
    began = time.perf_counter_ns()
    for _ in others:
        go.release()
    game.play(0, moves)
    took = time.perf_counter_ns() - began
    for other in others:
        other.join()
    return took / moves


if __name__ == "__main__":
    print(platform.python_version(), flush=True)
    for line in sys.stdin:
        *words, place, moves = line.split()
        print(measure(" ".join(words), place, int(moves)), flush=True)
