#!/usr/bin/env bash
# ./packaging/test.sh [--all]: set up, then lint, types, import contracts and tests; stops at the
# first that fails. --all adds the tests marked slow.
set -euo pipefail

which="not slow"
if [ "$*" = --all ]; then
    which=""
elif [ $# != 0 ]; then
    echo "usage: $0 [--all]" >&2
    exit 2
fi

# shellcheck source=packaging/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

set_up test
system_libraries offscreen || fail "The tests draw, and cannot without these libraries."
export QT_QPA_PLATFORM=offscreen

say "lint: ruff check"
"$python" -m ruff check .
say "format: ruff format --check"
"$python" -m ruff format --check .
say "types: mypy"
"$python" -m mypy
say "import contracts: lint-imports"
"$python" "$venv/bin/lint-imports"
say "tests: pytest${which:+ ($which)}"
"$python" -m pytest -m "$which" --numprocesses auto --dist loadfile
