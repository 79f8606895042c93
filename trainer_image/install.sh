#!/bin/sh
# Called by the Dockerfile: `install.sh torch` puts torch and what it needs into /opt/venv, and
# `install.sh rest` everything else. uv is fetched for it and leaves with it; so does its cache.
set -eu

part=$1 here=$(dirname "$0") venv=/opt/venv tools=/tmp/build-tools lists=/tmp/build-lists
case "$VARIANT" in
    cuda) lock="$here/requirements-gpu.lock" backend="${TORCH_BACKEND:-}" ;;
    *) lock="$here/requirements.lock" backend="${TORCH_BACKEND:-cpu}" ;;
esac

mkdir -p "$lists"
# The CUDA libraries are torch's affair: which ones it wants depends on the build of torch.
cuda_libraries='^(nvidia-|cuda-|triton==)'
torch=$(grep '^torch==' "$lock")
grep -E '^[a-z0-9].*==' "$lock" | grep -vE "$cuda_libraries|^torch==" >"$lists/rest.txt"
held="$lists/rest.txt"
if [ -z "$backend" ]; then
    grep -E '^[a-z0-9].*==' "$lock" | grep -v '^torch==' >"$lists/held.txt"
    held="$lists/held.txt"
fi

[ -x "$venv/bin/python" ] || python3 -m venv --without-pip "$venv"
python3 -m venv "$tools"
"$tools/bin/pip" install -q --no-cache-dir --disable-pip-version-check "uv==$UV_VERSION"

# Compiled now: where the program runs it may write nothing.
install() {
    "$tools/bin/uv" pip install --python "$venv/bin/python" --no-cache --compile-bytecode "$@"
}
case "$part" in
    torch) install "$torch" --constraints "$held" ${backend:+--torch-backend="$backend"} ;;
    rest) install --no-deps --requirements "$lists/rest.txt" ;;
esac
rm -rf "$tools" "$lists"
