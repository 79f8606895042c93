#!/bin/sh
# Installs the system libraries that Qt (and, with --package, packing, and, with --tests, the tests,
# their Docker engine and packing) need, when they are missing and this user may; else prints the
# exact command. Does nothing on other systems than Linux.
set -eu
[ "$(uname -s)" = Linux ] || exit 0

qt_files="libEGL.so.1 libGL.so.1 libxkbcommon.so.0 libdbus-1.so.3 libfontconfig.so.1
libglib-2.0.so.0 libxcb-cursor.so.0 libxkbcommon-x11.so.0 libxcb-icccm.so.4 libxcb-keysyms.so.1"
qt_packages="libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 libxcb-cursor0
libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 libxcb-randr0 libxcb-render-util0
libxcb-shape0 libxcb-xinerama0 fonts-dejavu-core"

missing=""
known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
for file in $qt_files; do
    case "$known" in *"$file"*) ;; *) missing="$missing $file" ;; esac
done
packages=""
[ -z "$missing" ] || packages="$qt_packages"
if [ "${1:-}" = --tests ] && ! command -v Xvfb >/dev/null; then
    missing="$missing Xvfb"
    packages="$packages xvfb xauth fonts-dejavu-core"
fi
if [ "${1:-}" = --tests ]; then
    for tool in dockerd:docker.io iptables:iptables ip:iproute2 debootstrap:debootstrap \
        tcpdump:tcpdump busybox:busybox-static; do
        PATH="$PATH:/sbin:/usr/sbin" command -v "${tool%:*}" >/dev/null && continue
        missing="$missing ${tool%:*}"
        packages="$packages ${tool#*:}"
    done
fi
if [ -n "${1:-}" ] && command -v dpkg >/dev/null; then
    for tool in ld:binutils dpkg-shlibdeps:dpkg-dev; do
        command -v "${tool%:*}" >/dev/null && continue
        missing="$missing ${tool%:*}"
        packages="$packages ${tool#*:}"
    done
fi
if ! find /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" "$HOME/.local/share/fonts" \
    -name '*.[ot]tf' 2>/dev/null | grep -q .; then
    missing="$missing fonts"
    packages="$packages fonts-dejavu-core"
fi
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086 # a list of words on purpose
set -- $packages
if ! command -v apt-get >/dev/null; then
    echo "Missing:$missing. Install what your system calls: $*" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    run=""
elif sudo -n true 2>/dev/null; then
    run="sudo env DEBIAN_FRONTEND=noninteractive"
else
    echo "Missing:$missing. Please run:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*" >&2
    exit 1
fi
echo "Installing system libraries:$missing"
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
$run apt-get install -y -qq --no-install-recommends "$@" >/dev/null
