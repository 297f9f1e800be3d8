#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tells people what waits: ask.sh COMMAND [ARG...] runs COMMAND once for each task that waits for
# approval, with one JSON request on its standard input. With a chat's webhook, for instance:
#
#   ./ask.sh curl -fsS -H 'Content-Type: application/json' -d @- https://chat.example/hook
#
# The request holds the task, why it waits, what exactly would run, and a token with which whoever
# reads it may answer. Send it only where those are who may decide.
set -eu
[ $# -gt 0 ] || { echo "ask.sh: a command is missing" >&2; exit 2; }

dsched-approve list --format json | python3 -c '
import json, subprocess, sys
for task in json.load(sys.stdin)["pending"]:
    made = subprocess.run(["dsched-approve", "token", "--task", task["task_id"], "--format", "json"],
                          check=True, stdout=subprocess.PIPE)
    token = json.loads(made.stdout)
    request = {"text": "%s waits for approval: %s" % (task["task_id"], task["reason"] or "no reason"),
               "task_id": task["task_id"], "command": task["command"],
               "arguments": task["arguments"], "expires_at": token["expires_at"],
               "approve": {"token": token["token"]}}
    subprocess.run(sys.argv[1:], input=json.dumps(request).encode(), check=True)
' "$@"
