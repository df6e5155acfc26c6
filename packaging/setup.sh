# Sourced by demo.sh and test.sh: makes .venv in the checkout and looks for Qt's system libraries.
# Only .venv is written to (and system packages, where apt may install them). Every step looks
# first whether its work is done, so an interrupted run goes on where it stopped.
# shellcheck shell=bash
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$checkout"
venv=$checkout/.venv
python=$venv/bin/python

say() { printf '== %s\n' "$*"; }

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# set_up default|test: Python packages into .venv.
set_up() {
    mkdir -p "$venv/tmp"
    # Downloads, builds and test folders stay in the checkout and no cache is left in the home.
    export TMPDIR=$venv/tmp PIP_NO_CACHE_DIR=1 PIP_USER=no PIP_DISABLE_PIP_VERSION_CHECK=1
    unset PYTHONPATH PYTHONHOME
    make_venv
    install_python_packages "$1"
    # Only now: pip reads its settings, such as a mirror, from the real ones.
    export XDG_CACHE_HOME=$venv/home/cache XDG_CONFIG_HOME=$venv/home/config
    export XDG_DATA_HOME=$venv/home/data XDG_STATE_HOME=$venv/home/state
}

suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in python3 python3.11 python3.12 python3.13; do
        if suitable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local system_python
    if [ ! -e "$python" ]; then
        if ! command -v python3 >/dev/null && may_apt; then
            apt_install python3 || true
        fi
        system_python=$(find_python) ||
            fail "This needs Python 3.11, 3.12 or 3.13 on the PATH, and none is there." \
                "On Debian 12 or 13, as root: apt-get update && apt-get install -y python3"
        say "making .venv with $("$system_python" -V)"
        "$system_python" -m venv --without-pip "$venv"
    fi
    suitable "$python" ||
        fail "The Python in .venv does not run or is not 3.11, 3.12 or 3.13." \
            "Delete $venv and start again."
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m ensurepip >/dev/null 2>&1 || borrow_pip
    fi
}

# Debian keeps pip for new environments in a package of its own; apt hands it out to anybody, root
# or not, when it is given folders of one's own.
borrow_pip() {
    local folder=$venv/tmp/apt wheels=$venv/tmp/apt/usr/share/python-wheels
    command -v apt-get >/dev/null ||
        fail "The Python in .venv has no ensurepip to install pip with." \
            "Install the package of your system that brings it, and start again."
    say "fetching pip from the distribution"
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    (
        cd "$folder"
        apt=(apt-get -qq -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache"
            -o "APT::Sandbox::User=$(id -un)")
        "${apt[@]}" update && "${apt[@]}" download python3-pip-whl && dpkg-deb -x ./*.deb .
    ) || fail "apt could not fetch pip. As root: apt-get update && apt-get install -y python3-venv"
    "$python" "$(ls "$wheels"/pip-*.whl)/pip" install --quiet --no-index --find-links "$wheels" pip
    rm -r "$folder"
}

# A stamp keeps what the installation was made from, so the second time costs nothing.
install_python_packages() {
    local wanted=$1 target=. key
    [ "$wanted" = default ] || target=".[$wanted]"
    key=$({
        echo "$checkout"
        "$python" -VV
        cat pyproject.toml packaging/constraints.txt
    } | cksum)
    if stamped "$wanted" || { [ "$wanted" = default ] && stamped test; }; then
        return
    fi
    say "installing the Python packages into .venv (first time: a minute or two, 1 GB of disk)"
    # The build backend comes pinned too, hence no isolation: that would fetch the newest.
    # setuptools builds jsonpath-rw, which mlcroissant brings and which has no wheel.
    "$python" -m pip install --quiet -c packaging/constraints.txt hatchling editables setuptools
    "$python" -m pip install --quiet -c packaging/constraints.txt --no-build-isolation -e "$target"
    echo "$key" >"$venv/installed-$wanted"
}

stamped() { [ "$(cat "$venv/installed-$1" 2>/dev/null)" = "$key" ]; }

may_apt() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_install() {
    local -a prefix=(env DEBIAN_FRONTEND=noninteractive)
    [ "$(id -u)" = 0 ] || prefix=(sudo -n "${prefix[@]}")
    say "installing system packages: $*"
    "${prefix[@]}" apt-get -qq update &&
        "${prefix[@]}" apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends \
            "$@" >/dev/null
}

# system_libraries offscreen|window: true when what Qt needs for it is there, installed by apt if
# that may be; else says what to type.
system_libraries() {
    local packages sudo="" as_root=" as root"
    [ "$(uname)" = Linux ] || return 0
    packages=$(missing_libraries "$1")
    # shellcheck disable=SC2086  # a list of names
    if [ -n "$packages" ] && may_apt && apt_install $packages; then
        packages=$(missing_libraries "$1")
    fi
    [ -n "$packages" ] || return 0
    ! command -v sudo >/dev/null || sudo="sudo " as_root=""
    printf '%s\n' "Qt needs system libraries that are missing. On Debian or Ubuntu, type this$as_root:" \
        "    ${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends $packages" >&2
    return 1
}

# The loader's name of a library, and the Debian package that brings it.
missing_libraries() {
    "$python" - "$1" <<'PYTHON'
import ctypes
import sys

OFFSCREEN = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
WINDOW = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


wanted = OFFSCREEN | WINDOW if sys.argv[1] == "window" else OFFSCREEN
print(*(package for library, package in wanted.items() if not loads(library)))
PYTHON
}
