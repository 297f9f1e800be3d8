# SPDX-License-Identifier: Apache-2.0
"""What the tests of dsched-cancel share: executions under way, and what is left of them."""

import signal

import harness
from harness import CANCEL, waits

# Tells that it runs, and can be told to end.
UNDER_WAY = f"echo $$ >> begun; {waits('go')}"
# Nothing but SIGKILL ends it, and it is spread over sessions and groups.
STUBBORN = ("trap '' TERM INT HUP; setsid sh -c \"trap '' TERM; echo \\$\\$ >> begun; "
            "while :; do sleep 0.05; done\" & "
            "setsid -f sh -c 'echo $$ >> begun; while :; do sleep 0.05; done' </dev/null "
            ">/dev/null 2>&1; echo $$ >> begun; while :; do sleep 0.05; done")


class CancelTest(harness.ToolTest):
    def begin(self, *nodes, count=1, options=()):
        """Starts the nodes and waits until `count` lines tell that they run."""
        self.world.program(list(nodes))
        running = self.world.start("program.json", "--nodes", "all", *options)
        harness.wait_for(lambda: len(self.world.lines("begun")) >= count, "nodes that run")
        return running

    def begin_and_kill(self, *nodes, **options):
        """An execution whose runner was killed."""
        running = self.begin(*nodes, **options)
        running.signal(signal.SIGKILL)
        running.end()

    def cancel(self, *arguments, code=0, **options):
        return self.run_tool(*arguments, tool=CANCEL, code=code, **options)

    def begun(self):
        return [int(line) for line in self.world.lines("begun")]

    def alive(self):
        return [pid for pid in self.begun() if harness.is_alive(pid)]
