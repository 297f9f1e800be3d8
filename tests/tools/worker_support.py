# SPDX-License-Identifier: Apache-2.0
"""Persistent workers for tests."""

import sys
import textwrap

# What every worker of these tests begins with: `serve(answer)` calls answer(request) for each line
# and prints the dictionary that it gives, with the number of the request.
PRELUDE = """
import json, os, signal, sys, time
def say(reply):
    sys.stdout.write(json.dumps(reply) + "\\n")
    sys.stdout.flush()
def note(name, text=""):
    with open(name, "a") as file:
        file.write(f"{os.getpid()} {text}\\n")
def serve(answer):
    for line in sys.stdin:
        request = json.loads(line)
        if not request.get("cancel"):
            say({"requestId": request["requestId"], **answer(request)})
"""

# Answers when there are four requests, the last one first; each answer is the worker's process id.
BY_FOUR = """
waiting = []
for line in sys.stdin:
    waiting.append(json.loads(line)["requestId"])
    if len(waiting) == 4:
        for number in reversed(waiting):
            say({"requestId": number, "tokens": 5, "output": str(os.getpid())})
        waiting = []
"""


def write_worker(world, code, **fields):
    """Writes a worker into the world's folder and gives its declaration."""
    world.write("worker.py", PRELUDE + textwrap.dedent(code))
    return {"command": [sys.executable, "worker.py"], **fields}
