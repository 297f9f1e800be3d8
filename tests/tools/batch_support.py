# SPDX-License-Identifier: Apache-2.0
"""What the tests of batches share: requests, and the answers of a batch, each checked against its
schema as it is read."""

import json

import harness


def request(operation, arguments=None, **fields):
    """What is not a field of requests is a parameter."""
    of_requests = ("request_id", "priority", "timeout_s", "metadata")
    made = {name: fields.pop(name) for name in of_requests if name in fields}
    made["operation"] = operation
    if fields:
        made["parameters"] = fields
    if arguments is not None:
        made["arguments"] = arguments
    return made


def const(value, **fields):
    return request("const", value=value, **fields)


def sh(command, arguments=None, **fields):
    return request("shell", arguments, command=command, **fields)


def lines_of(requests):
    return "".join(json.dumps(one) + "\n" for one in requests).encode()


class Answers:
    """The lines of a batch that has ended."""

    def __init__(self, done):
        self.done = done
        self.lines = [json.loads(line) for line in done.out.splitlines()]
        if not self.lines or "summary" not in self.lines[-1]:
            raise AssertionError(f"no summary\n{done!r}")
        harness.check_schema("batch-summary", self.lines[-1])
        self.summary = self.lines.pop()["summary"]
        for line in self.lines[:200]:
            harness.check_schema("batch-answer", line)
        counted = sum(self.summary[f"{name}_count"] for name in ("success", "failure", "skipped"))
        if counted != len(self.lines):
            raise AssertionError(f"the summary counts {counted} answers\n{done!r}")

    @property
    def code(self):
        return self.done.code

    @property
    def ids(self):
        return [line["request_id"] for line in self.lines]

    def __getitem__(self, request_id):
        found = [line for line in self.lines if line["request_id"] == request_id]
        if len(found) != 1:
            raise AssertionError(f"{request_id!r} is answered {len(found)} times\n{self.done!r}")
        return found[0]

    def text(self, request_id):
        return self[request_id]["result"]["text"]

    def reasons(self):
        counts = {}
        for line in self.lines:
            reason = line["completion_reason"]
            counts[reason] = counts.get(reason, 0) + 1
        return counts


class BatchTest(harness.ToolTest):
    def batch(self, requests, *options, code=0, **more):
        """`requests` are objects, or the bytes of the input."""
        text = requests if isinstance(requests, bytes) else lines_of(requests)
        if code == 0 and not isinstance(requests, bytes):
            for one in requests[:100]:
                harness.check_schema("batch-request", one)
        return Answers(self.run_tool("--batch", *options, stdin_bytes=text, code=code, **more))

    def each(self, command, *groups, options=(), code=0, **more):
        words = [word for group in groups for word in (":::", *group)]
        return self.run_tool(*options, "--each", command, *words, code=code, **more)
