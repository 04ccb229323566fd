#!/bin/sh
# usage: build.sh WHEEL PYTHON DEB
# The Debian package out of the wheel: lotor with pinned versions of what it imports in /usr/lib/lotor, a virtual
# environment of Debian's Python for lotor alone, and whatever of units, man pages and completions lies in packaging/.
# PYTHON is one with pip. Neither debhelper nor root is needed.
set -eu
umask 022

wheel=$1 python=$2 deb=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
project=$(CDPATH='' cd -- "$here/../.." && pwd)
work=$project/build/deb
root=$work/root
lib=$root/usr/lib/lotor
site=$lib/lib/python3/site-packages
share=$root/usr/share
pythons='3.11 3.12 3.13 3.14'
platforms='--platform manylinux_2_34_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64'

version=${wheel##*/lotor-}
version=${version%%-*}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$project" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

[ "$(dpkg --print-architecture)" = amd64 ] || { echo "$0: the pinned wheels are for amd64" >&2; exit 1; }

pip() { PIP_QUIET=1 "$python" -m pip --disable-pip-version-check "$@"; }

# Once for each Python: cffi's compiled half differs.
fetch() {
    if [ -e "$work/wheels/fetched" ] && [ "$work/wheels/fetched" -nt "$here/requirements.txt" ]; then return 0; fi
    rm -rf "$work/wheels"
    mkdir -p "$work/wheels"
    for each in $pythons; do
        # shellcheck disable=SC2086 # several words
        pip download --require-hashes --no-deps --only-binary :all: --python-version "$each" $platforms \
            --dest "$work/wheels" --requirement "$here/requirements.txt"
    done
    touch "$work/wheels/fetched"
}

modules() {
    mkdir -p "$site" "$lib/bin"
    # shellcheck disable=SC2046,SC2086 # several words
    pip install --no-index --no-deps --no-compile --only-binary :all: --python-version 3.11 $platforms \
        --target "$site" "$wheel" $(find "$work/wheels" -name '*.whl' -not -name 'cffi-*')
    for each in "$work"/wheels/cffi-*.whl; do
        "$python" -m zipfile -e "$each" "$work/cffi"
        cp "$work"/cffi/_cffi_backend.*.so "$site"
        cp -r "$work"/cffi/cffi-*.dist-info "$site"
        rm -rf "$work/cffi"
    done
    mkdir -p "$share/lotor"
    mv "$site"/share/lotor/* "$share/lotor"
    rm -rf "$site/share" "$site/bin"
    # pyrad brings its manual, examples and tests along; of its modules lotor imports those that need nothing else.
    rm -rf "$site/docs" "$site/example" "$site/pyrad/tests"
    # What pip notes for itself, and what is for other programs than a running one.
    rm -f "$site"/*.dist-info/RECORD "$site"/*.dist-info/INSTALLER "$site"/*.dist-info/REQUESTED
    rm -f "$site"/*.dist-info/direct_url.json "$site"/*.dist-info/entry_points.txt
    find "$site" -name '*.pyi' -delete
    # Modules are not started by their first line.
    find "$site" -name '*.py' -exec sed -i '1{/^#!/d}' {} +
    find "$site" -name '*.so' -exec strip --strip-unneeded --remove-section=.comment {} +
}

environment() {
    printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >"$lib/pyvenv.cfg"
    ln -s /usr/bin/python3 "$lib/bin/python3"
    # A virtual environment looks below the name of its Python's version.
    for each in $pythons; do ln -s python3 "$lib/lib/python$each"; done
    mkdir -p "$root/usr/bin" "$share/python3/runtime.d"
    sed 's/@NAME@/lotor/; s/@FUNCTION@/main/' "$here/program" >"$root/usr/bin/lotor"
    sed 's/@NAME@/racoonctl/; s/@FUNCTION@/racoonctl/' "$here/program" >"$root/usr/bin/racoonctl"
    cp "$here/rtupdate" "$share/python3/runtime.d/lotor.rtupdate"
    chmod 755 "$root"/usr/bin/* "$share/python3/runtime.d/lotor.rtupdate"
}

# place FROM... TO: the files that there are.
place() {
    for last in "$@"; do :; done
    for file in "$@"; do
        if [ "$file" != "$last" ] && [ -f "$file" ]; then install -D -m 644 "$file" "$last/${file##*/}"; fi
    done
}

system() {
    mkdir -p "$root/etc/lotor"
    place "$project"/packaging/systemd/*.service "$project"/packaging/systemd/*.timer "$root/usr/lib/systemd/system"
    for kind in sysusers tmpfiles; do
        place "$project/packaging/$kind"/*.conf "$project/packaging/$kind.conf" "$root/usr/lib/$kind.d"
    done
    for page in "$project"/packaging/man/*.[1-9]; do
        place "$page" "$share/man/man${page##*.}"
    done
    place "$project"/packaging/completion/lotor "$project"/packaging/completion/racoonctl "$share/bash-completion/completions"
    place "$project"/packaging/completion/_* "$share/zsh/vendor-completions"
    place "$project"/packaging/completion/*.fish "$share/fish/vendor_completions.d"
    for each in filter.d jail.d; do
        place "$project/packaging/fail2ban/$each"/*.conf "$share/lotor/fail2ban/$each"
    done
    place "$project"/packaging/monitoring/*.json "$project"/packaging/monitoring/alerts.yml "$share/lotor/monitoring"
    for page in "$share"/man/man*/*; do [ ! -f "$page" ] || gzip -9n "$page"; done
}

documents() {
    doc=$share/doc/lotor
    mkdir -p "$doc/examples"
    cp -r "$project/examples/." "$doc/examples"
    "$python" "$here/copyright.py" "$site" >"$doc/copyright"
    rm -rf "$site"/*.dist-info/licenses "$site"/*.dist-info/sboms
    printf 'lotor (%s) unstable; urgency=medium\n\n  * The changes are told in CHANGELOG.md of the sources.\n\n -- %s  %s\n' \
        "$version" "$(sed -n 's/^Maintainer: //p' "$here/control")" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
        gzip -9n >"$doc/changelog.gz"
    install -D -m 644 "$here/lintian-overrides" "$share/lintian/overrides/lotor"
}

control() {
    mkdir -p "$root/DEBIAN"
    size=$(du -k -s --apparent-size "$root" | cut -f1)
    sed "s/@VERSION@/$version/; s/@SIZE@/$size/" "$here/control" >"$root/DEBIAN/control"
    for script in postinst prerm postrm; do
        install -m 755 "$here/$script" "$root/DEBIAN/$script"
    done
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
}

fetch
rm -rf "$root"
modules
environment
system
documents
find "$root" -type d -exec chmod 755 {} +
find "$site" "$share/doc" -type f -exec chmod 644 {} +
control
mkdir -p "$(dirname -- "$deb")"
dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >/dev/null
