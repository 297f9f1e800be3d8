# SPDX-License-Identifier: Apache-2.0
"""Generators of the benchmarks' inputs: the same graph for dsched, ninja and make.

Everything is a function of its arguments (and of a seed), so two runs measure the same work.
"""
import json
import os
import random

GROUP = 1000  # files per folder


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _write_program(folder, nodes, dependencies=None, goals=None):
    # One node per line, as a generator would write it; a tree of Python objects is never built.
    with open(os.path.join(folder, "program.json"), "w", encoding="utf-8") as file:
        file.write('{"dag_id": "bench",\n"nodes": [\n')
        first = True
        for node in nodes:
            file.write(("" if first else ",\n") + json.dumps(node))
            first = False
        file.write("\n]")
        if dependencies:
            file.write(',\n"dependencies": ' + json.dumps(dependencies))
        if goals:
            file.write(',\n"goals": ' + json.dumps(goals))
        file.write("}\n")


def commands(folder, count, command):
    """`count` independent shell nodes that run `command` and write nothing."""
    _write_program(
        folder,
        (
            {"node_id": f"c{i}", "operation": "shell", "parameters": {"command": command}}
            for i in range(count)
        ),
    )
    lines = [f"rule run\n  command = {command}\n"]
    lines += [f"build c{i}: run\n" for i in range(count)]
    _write(os.path.join(folder, "build.ninja"), "".join(lines))


def _file(kind, i):
    return f"{kind}/{i // GROUP}/{i}"


def files(folder, count, seed):
    """`count` nodes that each turn a file of their own into a file of their own."""
    rng = random.Random(seed)
    for group in range((count + GROUP - 1) // GROUP):
        os.makedirs(os.path.join(folder, f"in/{group}"))
        os.makedirs(os.path.join(folder, f"out/{group}"))
    for i in range(count):
        _write(os.path.join(folder, _file("in", i)), f"{rng.getrandbits(64):x}\n")

    def command(i):
        return f"read x < {_file('in', i)} && echo $x > {_file('out', i)}"

    def nodes():
        for i in range(count):
            yield {
                "node_id": f"n{i}",
                "operation": "shell",
                "parameters": {"command": command(i)},
                "inputs": [_file("in", i)],
                "outputs": [_file("out", i)],
            }
        # One goal, so that the answer does not list every node's empty result.
        yield {"node_id": "end", "operation": "const", "parameters": {"value": "done"}}

    _write_program(folder, nodes(), {"end": [f"n{i}" for i in range(count)]}, ["end"])
    lines = ["rule run\n  command = $cmd\n"]
    for i in range(count):
        escaped = command(i).replace("$", "$$")
        lines.append(f"build {_file('out', i)}: run {_file('in', i)}\n  cmd = {escaped}\n")
    _write(os.path.join(folder, "build.ninja"), "".join(lines))


def one(folder):
    """A single trivial node, for dsched and for make."""
    _write_program(
        folder, [{"node_id": "one", "operation": "shell", "parameters": {"command": ":"}}]
    )
    _write(os.path.join(folder, "Makefile"), ".PHONY: one\none:\n\t@:\n")


def in_process(folder, count, seed):
    """Half const nodes, half concat nodes of two of them, and a last one that waits for all."""
    rng = random.Random(seed)
    half = count // 2

    def nodes():
        for i in range(half):
            yield {
                "node_id": f"v{i}",
                "operation": "const",
                "parameters": {"value": f"{rng.getrandbits(32):x}"},
            }
        for i in range(half):
            yield {
                "node_id": f"s{i}",
                "operation": "concat",
                "arguments": [f"v{i}", f"v{rng.randrange(half)}"],
            }
        yield {"node_id": "end", "operation": "const", "parameters": {"value": "done"}}

    _write_program(folder, nodes(), {"end": [f"s{i}" for i in range(half)]}, ["end"])


def blob(path, size, seed):
    """A file of `size` bytes that cannot be compressed."""
    rng = random.Random(seed)
    step = 1 << 20
    with open(path, "wb") as file:
        for start in range(0, size, step):
            file.write(rng.randbytes(min(step, size - start)))
