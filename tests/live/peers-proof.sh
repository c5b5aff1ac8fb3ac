#!/bin/bash
# A Baton on every node under every fault that a seed brings: see peers/proof.
exec "$(dirname "$0")/peers/proof" "$@"
