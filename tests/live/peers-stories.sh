#!/bin/bash
# A Baton on every node, live, in separate stories: see peers/stories.
exec "$(dirname "$0")/peers/stories" "$@"
