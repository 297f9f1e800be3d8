#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker as one that runs a model: each step takes as long for one request as for a full batch.

    step_worker.py SECONDS MAX_BATCH

Before each step it takes what has come meanwhile, as continuous batching has it.
"""
import os
import re
import select
import sys
import time

NUMBER = re.compile(rb'\{"requestId":(\d+),')


def main():
    step, most = float(sys.argv[1]), int(sys.argv[2])
    text, waiting = b"", []
    while True:
        is_there = select.select([0], [], [], 0 if waiting else None)[0]
        if is_there:
            piece = os.read(0, 1 << 20)
            if not piece:
                return
            *lines, text = (text + piece).split(b"\n")
            waiting += [found.group(1) for found in map(NUMBER.match, lines) if found]
        batch, waiting = waiting[:most], waiting[most:]
        if batch:
            time.sleep(step)
            os.write(1, b"".join(b'{"requestId":%s,"tokens":1}\n' % number for number in batch))


main()
