"""Plays the games by multiprocessing's objects: a line `name place moves` in, nanoseconds of a move out."""

import multiprocessing
import os
import platform
import sys
import time

CONTEXT = multiprocessing.get_context("fork")
CPUS = sorted(os.sched_getaffinity(0))


def round_trips(side, moves, take, give):
    for _ in range(moves):
        if side == 0:
            take(0)
            give(1)
        else:
            give(0)
            take(1)
    return moves


class Event:
    def __init__(self):
        self.events = [CONTEXT.Event(), CONTEXT.Event()]

    def take(self, mine):
        self.events[mine].wait()
        self.events[mine].clear()

    def play(self, side, moves):
        return round_trips(side, moves, self.take, lambda other: self.events[other].set())


class Semaphore:
    def __init__(self):
        self.semaphores = [CONTEXT.Semaphore(0), CONTEXT.Semaphore(0)]

    def play(self, side, moves):
        return round_trips(
            side,
            moves,
            lambda mine: self.semaphores[mine].acquire(),
            lambda other: self.semaphores[other].release(),
        )


class Condition:
    def __init__(self):
        self.condition = CONTEXT.Condition()
        self.turn = CONTEXT.RawValue("i", 0)

    def play(self, side, moves):
        mine = 1 - side
        for _ in range(moves):
            with self.condition:
                if side == 0:
                    self.condition.wait_for(lambda: self.turn.value == mine)
                self.turn.value = 1 - mine
                self.condition.notify()
                if side == 1:
                    self.condition.wait_for(lambda: self.turn.value == mine)
        return moves


class Barrier:
    def __init__(self):
        self.barrier = CONTEXT.Barrier(2)

    def play(self, side, moves):
        for _ in range(moves):
            self.barrier.wait()
        return moves


class Lock:
    def __init__(self):
        self.lock = CONTEXT.Lock()

    def play(self, side, moves):
        acquire, release = self.lock.acquire, self.lock.release
        for _ in range(moves):
            acquire()
            release()
        return moves


class LockOfTwo:
    def __init__(self):
        self.lock = CONTEXT.Lock()
        self.stop = CONTEXT.RawValue("i", 0)
        self.value = CONTEXT.RawValue("i", 0)

    def play(self, side, moves):
        made = 0
        while made < moves if side == 1 else not self.stop.value:
            with self.lock:
                self.value.value += 1
            made += 1
        if side == 1:
            self.stop.value = 1
        return made


GAMES = {
    "event": Event,
    "semaphore": Semaphore,
    "condition": Condition,
    "barrier": Barrier,
    "lock": Lock,
    "lock of two": LockOfTwo,
}


def guest(game, cpu, moves, ready, count):
    os.sched_setaffinity(0, {cpu})
    ready.set()
    count.value = game.play(0, moves)


def measure(name, place, moves):
    os.sched_setaffinity(0, {CPUS[0]})
    game = GAMES[name]()
    if place == "Alone":
        began = time.perf_counter_ns()
        made = game.play(1, moves)
        return (time.perf_counter_ns() - began) / made
    ready, count = CONTEXT.Event(), CONTEXT.RawValue("i", 0)
    cpu = CPUS[-1] if place == "Two" else CPUS[0]
    other = CONTEXT.Process(target=guest, args=(game, cpu, moves, ready, count))
    other.start()
    ready.wait()
    began = time.perf_counter_ns()
    made = game.play(1, moves)
    took = time.perf_counter_ns() - began
    other.join()
    if name == "lock of two":
        made += count.value
    return took / made


if __name__ == "__main__":
    print(platform.python_version(), flush=True)
    for line in sys.stdin:
        *words, place, moves = line.split()
        print(measure(" ".join(words), place, int(moves)), flush=True)
