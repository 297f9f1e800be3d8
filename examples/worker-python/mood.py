#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A persistent worker: says of each text how friendly it is. Standard library only.

It reads its words once, and then one JSON line for each request. What a program that loads a model
for ten seconds would do is the same, but for the model.
"""
import json
import sys


def read_words(path):
    with open(path, encoding="utf-8") as file:
        return {word: int(weight) for word, weight in (line.rstrip().split(",") for line in file)}


def text_of(argument):
    """An argument is a path, or with "inline": true small ones come as they are."""
    if isinstance(argument, dict):
        return argument["text"]
    with open(argument, encoding="utf-8") as file:
        return file.read()


def answer(words, request):
    found = [word.strip(".,!?").lower() for a in request["arguments"] for word in text_of(a).split()]
    score = sum(words.get(word, 0) for word in found)
    return {"result": {"score": score, "words": len(found)}, "tokens": len(found)}


def main():
    words = read_words(sys.argv[1])
    print(f"mood: {len(words)} words", file=sys.stderr)
    for line in sys.stdin:  # until dsched closes the pipe
        request = json.loads(line)
        if request.get("cancel"):
            continue  # requests are answered in turn, so it is too late
        reply = {"requestId": request["requestId"], "exitCode": 0}
        try:
            reply.update(answer(words, request))
        except (OSError, UnicodeDecodeError, KeyError) as problem:
            reply.update(exitCode=1, output=f"{problem}\n")
        print(json.dumps(reply), flush=True)


main()
