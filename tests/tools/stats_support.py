# SPDX-License-Identifier: Apache-2.0
"""What the tests of dsched-stats share: its answers, each checked against its schema."""

import json

import harness
import schema


class StatsTest(harness.ToolTest):
    def stats(self, *arguments, code=0, **options):
        """A call that must exit with `code`; an error document is checked against its schema."""
        done = self.world.run(*arguments, tool=harness.STATS, **options)
        self.assertEqual(done.code, code, repr(done))
        return done

    def check(self, document, name, done):
        faults = schema.faults(document, harness.schema_of(name))
        self.assertEqual(faults, [], f"breaks schema {name}\n{done!r}")

    def lines(self, name, *arguments, **options):
        """The JSON lines of a call, each checked against schema stats-NAME."""
        done = self.stats(*arguments, **options)
        found = [json.loads(line) for line in done.out.splitlines()]
        for line in found:
            self.check(line, name, done)
        return found

    def document(self, name, *arguments, **options):
        done = self.stats(*arguments, **options)
        found = json.loads(done.out)
        self.check(found, name, done)
        if "success" in found:
            self.assertEqual(found["success"], done.code == 0, repr(done))
        return found

    def error(self, *arguments, code):
        done = self.stats(*arguments, code=code)
        self.assertRegex(done.err, r"^dsched-stats: .+")
        found = json.loads(done.out)
        self.check(found, "error", done)
        return found["error"]

    def executions(self, *arguments):
        return self.lines("stats-executions", "executions", *arguments)

    def nodes(self, *arguments):
        return {n["node_id"]: n for n in self.lines("stats-nodes", "nodes", *arguments)}

    def progress(self, *arguments, **options):
        return self.document("progress", "progress", *arguments, **options)
