#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The product: greets whoever it is told to greet.
echo "hello, ${1:-world}"
