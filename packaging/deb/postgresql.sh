#!/bin/sh
# usage: postgresql.sh VERSION PYTHON DEB
# The Debian package lotor-postgresql: what lotor needs to ask PostgreSQL, beside its own modules in /usr/lib/lotor.
# Gateways that are alone do not need its 5 megabytes. PYTHON is one with pip.
set -eu
umask 022

version=$1 python=$2 deb=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
project=$(CDPATH='' cd -- "$here/../.." && pwd)
work=$project/build/deb-postgresql
root=$work/root
site=$root/usr/lib/lotor/lib/python3/site-packages
doc=$root/usr/share/doc/lotor-postgresql
pythons='3.11 3.12 3.13 3.14'
platforms='--platform manylinux_2_34_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64'
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$project" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

[ "$(dpkg --print-architecture)" = amd64 ] || { echo "$0: the pinned wheels are for amd64" >&2; exit 1; }

fetch() {
    if [ -e "$work/wheels/fetched" ] && [ "$work/wheels/fetched" -nt "$here/requirements-postgresql.txt" ]; then return 0; fi
    rm -rf "$work/wheels"
    mkdir -p "$work/wheels"
    for each in $pythons; do
        # shellcheck disable=SC2086 # several words
        PIP_QUIET=1 "$python" -m pip --disable-pip-version-check download --require-hashes --no-deps --only-binary :all: \
            --python-version "$each" $platforms --dest "$work/wheels" --requirement "$here/requirements-postgresql.txt"
    done
    touch "$work/wheels/fetched"
}

# The compiled halves have the name of their Python, and lie side by side; the rest is the same.
modules() {
    mkdir -p "$site"
    for each in "$work"/wheels/*.whl; do "$python" -m zipfile -e "$each" "$site"; done
    rm -rf "$site/asyncpg/_testbase" "$site"/*.dist-info/RECORD
    find "$site" \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.h' \) -delete
    find "$site" -name '*.py' -exec sed -i '1{/^#!/d}' {} +
    find "$site" -name '*.so' -exec strip --strip-unneeded --remove-section=.comment {} +
}

documents() {
    mkdir -p "$doc" "$root/usr/share/python3/runtime.d"
    sed 's/-p lotor /-p lotor-postgresql /' "$here/rtupdate" >"$root/usr/share/python3/runtime.d/lotor-postgresql.rtupdate"
    {
        printf 'lotor-postgresql: asyncpg, for lotor alone.\n\n'
        printf 'Copyright (C) 2016-present the asyncpg authors and contributors\nLicense: Apache-2.0\n\n'
        printf 'On Debian systems the full text of the Apache License, version 2.0, is in\n/usr/share/common-licenses/Apache-2.0.\n'
    } >"$doc/copyright"
    rm -rf "$site"/*.dist-info/licenses "$site"/*.dist-info/LICENSE
    printf 'lotor (%s) unstable; urgency=medium\n\n  * The changes are told in CHANGELOG.md of the sources.\n\n -- %s  %s\n' \
        "$version" "$(sed -n 's/^Maintainer: //p' "$here/control")" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
        gzip -9n >"$doc/changelog.gz"
}

control() {
    mkdir -p "$root/DEBIAN"
    size=$(du -k -s --apparent-size "$root" | cut -f1)
    sed "s/@VERSION@/$version/; s/@SIZE@/$size/" "$here/control-postgresql" >"$root/DEBIAN/control"
    for script in postinst prerm; do install -m 755 "$here/$script-postgresql" "$root/DEBIAN/$script"; done
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
}

fetch
rm -rf "$root"
modules
documents
find "$root" -type d -exec chmod 755 {} +
find "$site" "$doc" -type f -exec chmod 644 {} +
chmod 755 "$root"/usr/share/python3/runtime.d/*
control
mkdir -p "$(dirname -- "$deb")"
dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >/dev/null
