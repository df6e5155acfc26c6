#!/usr/bin/env bash
# ./packaging/demo.sh: set up, write a small demo project to demo/, do the main job on it, and where
# there is a display open it in the window.
# Again and again: the project is kept, with all that was decided in it, and the outputs are
# written anew. Nothing is deleted but unchanged outputs of an earlier run.
set -euo pipefail

# shellcheck source=packaging/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

written=demo/.written # cksum, size and name of each output of the last run

main() {
    local drawing=offscreen able=yes output
    [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || drawing=window
    set_up default
    system_libraries "$drawing" || {
        able=no
        say "going on: what follows does not draw"
    }

    write_project
    discard_outputs
    for output in demo/instances.csv demo/training-set; do
        nothing_in "$output" ||
            fail "$output is in the way: this script did not write it." \
                "Move it away and start again."
    done
    k2c instances demo/demo.k2c --csv demo/instances.csv
    remember demo/instances.csv
    # the demo's micrographs are computed: nobody has rights in them
    k2c export demo/demo.k2c demo/training-set --format coco,yolo,star --include all \
        --image-licence CC0-1.0
    remember demo/training-set
    k2c verify demo/training-set
    report
    [ "$drawing$able" != windowyes ] || k2c demo/demo.k2c
}

k2c() {
    say "k2c $*"
    "$python" -m k2c_gui "$@"
}

nothing_in() { [ -z "$(ls -A "$1" 2>/dev/null)" ]; } # not there at all, or an empty folder

write_project() {
    if [ -f demo/demo.k2c ]; then
        say "demo/demo.k2c is there from an earlier run and is used again"
        return
    fi
    nothing_in demo ||
        fail "demo/ is in the way: it has files in it, but no demo.k2c." \
            "Move it away or delete it, and start again."
    # demo/ was missing or empty a moment ago, so what an unfinished run leaves there is its own
    trap 'rm -rf demo' EXIT
    k2c demo demo --no-open
    trap - EXIT
}

remember() { find "$1" -type f -exec cksum {} + >>"$written"; }

discard_outputs() {
    local line name
    [ -e "$written" ] || return 0
    while IFS= read -r line; do
        name=${line#* * }
        [ ! -e "$name" ] || [ "$(cksum "$name")" = "$line" ] ||
            fail "$name was changed after this script wrote it." "Move it away and start again."
    done <"$written"
    while IFS= read -r line; do
        rm -f "${line#* * }"
    done <"$written"
    rm "$written"
    find demo/training-set -depth -type d -empty -delete 2>/dev/null || true
}

report() {
    say "done; written to $checkout/demo:"
    cat <<END
demo.k2c            the session: micrographs, marks, votes and your decisions
picking.csv ...     the exports, mapping and images it was imported from; truth.csv is the answer
instances.csv       one row an instance: $(($(wc -l <demo/instances.csv) - 1)) of them
training-set/       a release (tables, COCO, YOLO, STAR): $(find demo/training-set -type f | wc -l | xargs) files
Go on with: .venv/bin/k2c demo/demo.k2c, or .venv/bin/k2c --help
END
}

main
