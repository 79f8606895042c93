#!/bin/sh
# Makes the program's own environment (.venv) from requirements.lock. Usage: make-venv.sh [PYTHON]
set -eu
suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
python=""
for candidate in ${1:-} python3 python3.11 python3.12 python3.13 python; do
    if command -v "$candidate" >/dev/null && suitable "$candidate"; then python="$candidate"; break; fi
done
if [ -z "$python" ]; then
    echo "Temper needs Python 3.11, 3.12 or 3.13. Install one and run make again" >&2
    echo "(Debian, Ubuntu: sudo apt-get install python3 python3-venv)." >&2
    exit 1
fi
if ! "$python" -m venv .venv; then
    package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    rm -rf .venv
    echo "This Python cannot make environments. Please run: sudo apt-get install -y $package" >&2
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1
    apt-get update -qq && apt-get install -y -qq "$package" >/dev/null && "$python" -m venv .venv
fi
bin=.venv/bin
[ -d "$bin" ] || bin=.venv/Scripts
echo "Installing the program's packages into .venv (about 20 s once they are downloaded)"
"$bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
"$bin/python" -m pip install -q --disable-pip-version-check --no-deps -e .
