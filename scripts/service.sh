#!/bin/sh
# The service on this machine: `make install` and `make uninstall`.
#
#   PREFIX=/opt/tppcd   the program, in virtual environments of its own: releases/VERSION-TIME, and the link `current` to
#                       the one in use. Below a PREFIX that others share (/usr/local, /usr) all of it is in lib/tppcd.
#   CONFIG=config.yaml  copied to /etc/tppcd/config.yaml if there is none; one that is there is never touched
#   PYTHON=python3      the interpreter of the virtual environment
#   DESTDIR=            for packagers: everything goes below it, and nothing is started, reloaded or given to a user
#   WHEELS=             a directory with the wheels of constraints.txt: nothing is downloaded
#   BINDIR, UNITDIR, SYSUSERSDIR, TMPFILESDIR    where the link `tppcd` and the files of systemd go
#
# To install again is to upgrade: the new environment is complete before `current` changes, so an installation that fails
# leaves the old one as it was. The release before stays, for the way back; older ones go unless a process still runs in
# them. The file `installed` in the program's directory lists what was put elsewhere, and is what uninstall removes.
set -eu
umask 022

fail() {
    echo "make $action: $*" >&2
    exit 1
}

action=${1:?install or uninstall}
: "${PREFIX:=/opt/tppcd}" "${DESTDIR:=}" "${CONFIG:=config.yaml}" "${PYTHON:=python3}" "${WHEELS:=}"
case $PREFIX in
    *[!A-Za-z0-9/._+-]* | */../* | */..) fail "PREFIX=$PREFIX: letters, digits and ./_+- only" ;;
    /*[!/]*) PREFIX=${PREFIX%/} ;;
    *) fail "PREFIX=$PREFIX: must be an absolute path, such as /opt/tppcd" ;;
esac
case $PREFIX in
    */tppcd) app=$PREFIX ;;
    *) app=$PREFIX/lib/tppcd ;;
esac
case $PREFIX in
    /opt/*) : "${BINDIR:=/usr/local/bin}" ;;
    *) : "${BINDIR:=$PREFIX/bin}" ;;
esac
case $PREFIX in
    /usr) lib=/usr/lib ;;
    *) lib=/etc ;;
esac
: "${UNITDIR:=$lib/systemd/system}" "${SYSUSERSDIR:=$lib/sysusers.d}" "${TMPFILESDIR:=$lib/tmpfiles.d}"
etc=/etc/tppcd

if [ -n "$DESTDIR" ]; then
    mkdir -p "$DESTDIR"
    DESTDIR=$(cd "$DESTDIR" && pwd)
elif [ "$(id -u)" != 0 ]; then
    fail "must be run as root: sudo make $action"
fi
list=$DESTDIR$app/installed

# --- systemd ---------------------------------------------------------------------------------------------------------

# Whether systemd runs this machine; not so below DESTDIR, and while an image is built.
booted() { [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; }

# The units that this installation put there.
units() { sed -n -E 's#.*/([^/]+[.](service|socket|timer))$#\1#p' "$list"; }

# --- uninstall -------------------------------------------------------------------------------------------------------

uninstall() {
    if [ ! -e "$list" ]; then
        echo "nothing is installed in $app; PREFIX= names another place"
        return
    fi
    if booted; then
        # shellcheck disable=SC2046  # names of units have no blanks
        systemctl --quiet disable --now $(units)
    fi
    rm -rf "$DESTDIR$app/current" "$DESTDIR$app/releases"
    reversed=$(tac "$list")
    echo "$reversed" | while read -r path; do
        case $path in
            */) rmdir "$DESTDIR$path" 2> /dev/null || true ;;
            *) rm -f "$DESTDIR$path" ;;
        esac
    done
    if booted; then systemctl daemon-reload; fi
    echo "uninstalled tppcd from $app; the service is stopped and disabled"
    echo "  kept     $etc (configuration), /var/lib/tppcd (state, provider store), the user tppcd"
    echo "  to remove these as well: sudo rm -r $etc /var/lib/tppcd && sudo userdel tppcd"
}

# --- install ---------------------------------------------------------------------------------------------------------

# Sets PYTHON to an interpreter that the service can run: ProtectHome= of the unit hides those below a home directory.
find_python() {
    candidates=$PYTHON
    [ "$PYTHON" != python3 ] || candidates="python3 /usr/bin/python3 /usr/local/bin/python3"
    reason="$PYTHON is missing"
    for candidate in $candidates; do
        command -v "$candidate" > /dev/null || continue
        if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            reason="tppcd needs Python 3.11 or newer, and $candidate is older"
            continue
        fi
        base=$("$candidate" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
        base=${base#/}
        case ${base%%/*} in
            home | root)
                reason="$candidate is in /$base, and a service cannot read home directories"
                continue
                ;;
        esac
        if ! "$candidate" -c 'import ensurepip, venv'; then
            reason="$candidate cannot create environments. On Debian and Ubuntu: apt install python3-venv"
            continue
        fi
        PYTHON=$candidate
        return
    done
    fail "$reason; another interpreter: make install PYTHON=/usr/bin/python3.12"
}

check_machine() {
    [ -e "$DESTDIR$etc/config.yaml" ] || [ -r "$CONFIG" ] ||
        fail "there is no $CONFIG to install; name another with CONFIG=, or write one: tppcd init"
    link=$(readlink "$DESTDIR$BINDIR/tppcd" || true)
    [ "$link" = "$app/current/bin/tppcd" ] || [ ! -e "$DESTDIR$BINDIR/tppcd" ] ||
        fail "$BINDIR/tppcd is another installation: remove it first, or name another directory with BINDIR="
    [ -n "$DESTDIR" ] || command -v systemd-sysusers > /dev/null || fail "needs systemd: systemd-sysusers is missing"
}

# Builds the virtual environment of this tree. Its bytecode and its scripts name the path without DESTDIR.
build_release() {
    pip="$work/build/bin/python -m pip --disable-pip-version-check --quiet"
    "$PYTHON" -m venv "$work/build"
    if [ -z "$WHEELS" ]; then
        echo "downloading $(grep -c '^[a-z0-9.-]*==' constraints.txt) packages, about a minute"
        WHEELS=$work/wheels
        $pip download --require-hashes -r constraints.txt --dest "$WHEELS"
    fi
    echo "building tppcd $version"
    mkdir "$work/tree"
    cp -R daemon systemd scripts pyproject.toml README.md LICENSE "$work/tree"
    $pip install --no-index --find-links "$WHEELS" --upgrade setuptools wheel
    $pip wheel --no-deps --no-build-isolation --wheel-dir "$work/own" "$work/tree"
    echo "installing it in $release"
    "$PYTHON" -m venv --without-pip "$DESTDIR$release"
    python=$DESTDIR$release/bin/python
    $pip --python "$python" install --no-compile --no-index --find-links "$WHEELS" --find-links "$work/own" "tppcd==$version"
    if [ -n "$DESTDIR" ]; then
        find "$DESTDIR$release/bin" "$DESTDIR$release/pyvenv.cfg" -type f -exec sed -i "s|$DESTDIR$release|$release|g" {} +
    fi
    "$python" -m compileall -q -s "$DESTDIR/" -p / "$DESTDIR$release/lib" || true
    "$python" -c 'import daemon.service.run'
    mkdir -p "$DESTDIR$release/share/doc"
    cp -R docs "$DESTDIR$release/share/doc/tppcd"
    cp README.md CHANGELOG.md "$DESTDIR$release/share/doc/tppcd"
    find "$DESTDIR$release/share/doc" -name '*.py' -delete
    chmod -R u=rwX,go=rX "$DESTDIR$release/share/doc"
}

# Makes the directory of a file; the list has those that were not there.
parent() {
    if [ ! -d "$DESTDIR${1%/*}" ]; then
        parent "${1%/*}"
        mkdir "$DESTDIR${1%/*}"
        echo "${1%/*}/" >> "$work/installed"
    fi
}

put() { # SOURCE TARGET
    parent "$2"
    install -m 0644 "$1" "$DESTDIR$2"
    echo "$2" >> "$work/installed"
}

# The files of systemd, with the path of this installation.
put_units() {
    for file in systemd/*; do
        case $file in
            *.sysusers) target=$SYSUSERSDIR/tppcd.conf ;;
            *.tmpfiles) target=$TMPFILESDIR/tppcd.conf ;;
            *.service | *.socket | *.timer) target=$UNITDIR/${file##*/} ;;
            *) continue ;;
        esac
        sed -E -e "s|^(Exec[A-Za-z]+=[-@:+!]*)[^ ]*/bin/tppcd|\1$app/current/bin/tppcd|" \
            -e "s|file:///opt/tppcd/docs/|file://$app/current/share/doc/tppcd/|" "$file" > "$work/unit"
        # One that was written by hand, and not by an earlier `make install`, is kept beside it.
        if [ -e "$DESTDIR$target" ] && ! grep -qsxF "$target" "$list" && ! cmp -s "$file" "$DESTDIR$target"; then
            mv "$DESTDIR$target" "$DESTDIR$target.before"
            echo "  changed  $target: what it was is in $target.before"
        fi
        put "$work/unit" "$target"
    done
}

put_config() {
    if [ -e "$DESTDIR$etc/config.yaml" ] || [ -L "$DESTDIR$etc/config.yaml" ]; then
        config_note="kept as it is"
        return
    fi
    owner=
    [ -n "$DESTDIR" ] || owner="-o tppcd -g tppcd"
    # shellcheck disable=SC2086  # options, or none
    install -d -m 0700 $owner "$DESTDIR$etc"
    # shellcheck disable=SC2086
    install -m 0600 $owner "$CONFIG" "$DESTDIR$etc/config.yaml"
    config_note="copied from $CONFIG"
}

# Removes what the list of before has and the new one has not: a unit that this version does not have any more.
remove_dropped() {
    [ -e "$work/before" ] || return 0
    grep -vxFf "$work/installed" "$work/before" | while read -r path; do
        case $path in
            */) echo "$path" >> "$work/kept" ;;
            *) rm -f "$DESTDIR$path" ;;
        esac
    done
    [ ! -e "$work/kept" ] || cat "$work/kept" "$work/installed" > "$work/merged"
    [ ! -e "$work/merged" ] || mv "$work/merged" "$work/installed"
}

remove_old_releases() {
    for each in "$DESTDIR$app"/releases/*; do
        case ${each##*/} in "${release##*/}" | "${previous##*/}") continue ;; esac
        grep -qsF "$each/" /proc/[0-9]*/maps || rm -rf "$each"
    done
}

# Whatever happens, the list says what is there.
finish() {
    status=$?
    trap - EXIT
    if [ "$status" != 0 ] && [ -z "$switched" ]; then
        rm -rf "$DESTDIR${release:?}"
        tac "$work/installed" | while read -r path; do rmdir "$DESTDIR$path" 2> /dev/null || true; done
        [ -z "$previous" ] || echo "make install: failed; the installation of before is as it was" >&2
    elif [ -n "$switched" ]; then
        install -m 0644 "$work/installed" "$list"
    fi
    rm -rf "$work"
    exit "$status"
}

start_command() {
    if booted && systemctl --quiet is-active tppcd.service; then
        echo "sudo systemctl restart tppcd"
    else
        echo "sudo systemctl enable --now tppcd"
    fi
}

# What the service would say of its configuration: as its user, and without the variables of this shell.
check_config() {
    [ -z "$DESTDIR" ] || return 0
    setpriv --reuid tppcd --regid tppcd --clear-groups env -i PATH="$PATH" \
        "$app/current/bin/tppcd" check "$etc/config.yaml" > "$work/check" 2>&1 || {
        sed 's/^/  /' "$work/check"
        echo "  Fix this first. The service does not have the variables of your shell: put a key into a file in $etc and"
        echo "  write file:$etc/NAME, or set the variable for the service: sudo systemctl edit tppcd"
    }
}

install_service() {
    find_python
    check_machine
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' daemon/__init__.py)
    release=$app/releases/$version-$(date -u +%Y%m%dT%H%M%S)
    previous=$(readlink "$DESTDIR$app/current" || true)
    switched=
    work=$(mktemp -d)
    : > "$work/installed"
    [ ! -e "$list" ] || cp "$list" "$work/before"
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    parent "$release"
    build_release
    ln -s "releases/${release##*/}" "$DESTDIR$app/.current"
    switched=yes
    mv -T "$DESTDIR$app/.current" "$DESTDIR$app/current"
    parent "$BINDIR/tppcd"
    ln -sfn "$app/current/bin/tppcd" "$DESTDIR$BINDIR/tppcd"
    printf '%s\n' "$BINDIR/tppcd" "$app/installed" >> "$work/installed"
    put_units
    remove_dropped
    if [ -z "$DESTDIR" ]; then
        systemd-sysusers "$SYSUSERSDIR/tppcd.conf"
        put_config
        [ ! -e "$TMPFILESDIR/tppcd.conf" ] || systemd-tmpfiles --create "$TMPFILESDIR/tppcd.conf"
        if booted; then systemctl daemon-reload; fi
    else
        put_config
    fi
    remove_old_releases

    echo "installed tppcd $version in $app${previous:+; before: ${previous##*/}}"
    echo "  command  $BINDIR/tppcd"
    echo "  service $(sed -n -E 's#.*[.](service|socket|timer)$# &#p' "$work/installed" | tr -d '\n')"
    echo "  config   $etc/config.yaml, $config_note"
    check_config
    [ -n "$DESTDIR" ] || echo "next: $(start_command)"
}

case $action in
    install) install_service ;;
    uninstall) uninstall ;;
    *) fail "install or uninstall" ;;
esac
