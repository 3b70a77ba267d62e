#!/bin/sh
# deb.sh - makes Debian packages of what was built: make deb
#
#	deb.sh DIR	puts rohrpost_VERSION_ARCH.deb into DIR, and a package
#			for each kind of table that needs a client library
#
# With dpkg-deb alone; needs no root.  conf/deb/ has what runs on the host
# where a package is installed.

set -e
cd "$(dirname "$0")/.."
out=${1:-$BUILD/deb}
version=$(sed -n 's/.*CONF_MAIL_VERSION "[0-9.]*-rohrpost-\(.*\)"/\1/p' conf/conf.h)
postfix=$(sed -n 's/.*CONF_MAIL_VERSION "\([0-9.]*\)-.*/\1/p' conf/conf.h)
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
mkdir -p "$out"
rm -f "$out"/rohrpost*_*.deb

# package_of LIBRARY - "libc6 (>= 2.36)": of this host, whose library it is
# linked to
package_of() {
	path=$(/sbin/ldconfig -p | sed -n "s|.*\\b$1 (.*=> ||p" | head -n 1)
	[ -n "$path" ] || { echo "deb.sh: no library $1" >&2; exit 1; }
	name=$(dpkg-query -S "$(realpath "$path")" "$path" \
	    "/usr$(realpath "$path")" 2>/dev/null | sed 's/[:,].*//;q')
	[ -n "$name" ] || { echo "deb.sh: whose is $path?" >&2; exit 1; }
	echo "$name (>= $(dpkg-query -W -f '${Version}\n' "$name" |
	    sed 's/^[0-9]*://;s/[-+~].*//;q'))"
}

# needs FILE... - libraries that they are linked to
needs() {
	for file in "$@"; do
		LC_ALL=C readelf -d "$file" 2>/dev/null |
		    sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	done | sort -u | grep -v '^ld-linux'
}

# depends LIBRARY... - as text for Depends:
depends() {
	for library in "$@"; do
		package_of "$library"
	done | sort -u | sed ':a;N;$!ba;s/\n/, /g'
}

# control NAME DEPENDS TEXT... - writes DEBIAN/control; more fields on stdin
control() {
	name=$1 depends=$2 title=$3 text=$4
	mkdir -p "$work/$name/DEBIAN"
	cat >"$work/$name/DEBIAN/control" <<-END
	Package: $name
	Version: $version
	Architecture: $arch
	Maintainer: Rohrpost <postmaster@localhost>
	Section: mail
	Priority: optional
	Installed-Size: $(du -sk "$work/$name" | cut -f1)
	Depends: $depends
	$(cat)
	Description: $title
	$(echo "$text" | sed 's/^/ /')
	END
	(cd "$work/$name" && find . -path ./DEBIAN -prune -o -type f \
	    -printf '%P\0' | sort -z | xargs -0r md5sum >DEBIAN/md5sums)
	dpkg-deb --root-owner-group --build "$work/$name" "$out" >/dev/null
	rm -rf "${work:?}/$name"
}

# copyright NAME
copyright() {
	mkdir -p "$work/$1/usr/share/doc/$1"
	cp LICENSE "$work/$1/usr/share/doc/$1/copyright"
}

# --- the mail system
root=$work/rohrpost
IS_PACKAGE=1 DESTDIR=$root conf/install.sh
find "$root/usr" -type f \( -path '*/sbin/*' -o -path '*/bin/*' \
    -o -name '*.so' \) -exec strip --strip-unneeded {} + 2>/dev/null || :
find "$root/usr/share/man" -type f -exec gzip -9n {} +
mkdir -p "$work/plugins" "$root/usr/share/postfix"
mv "$root"/usr/lib/postfix/postfix-*.so "$work/plugins/" 2>/dev/null || :
# These belong to the administrator: postinst puts them where they are missing.
for file in etc/postfix/main.cf etc/postfix/master.cf etc/aliases; do
	mv "$root/$file" "$root/usr/share/postfix/${file##*/}.dist"
done
rm -rf "$root/var"
# Where programs looked for it long ago, and some still do.
ln -s ../sbin/sendmail "$root/usr/lib/sendmail"
chmod 755 "$root/usr/sbin/postdrop" "$root/usr/sbin/postqueue"
copyright rohrpost
mkdir -p "$root/DEBIAN"
for script in preinst postinst prerm postrm; do
	install -m 755 "conf/deb/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find etc -type f ! -path 'etc/postfix/*' -printf '/%p\n') \
    >"$root/DEBIAN/conffiles"
loaded="libssl.so.3 libcrypto.so.3 libdb-5.3.so libpcre2-8.so.0 libsasl2.so.2"
control rohrpost "$(depends $(needs "$root"/usr/sbin/* \
    "$root"/usr/lib/postfix/sbin/*) $loaded), adduser, netbase" \
    "mail transport agent, in the place of Postfix" \
"Receives, routes and delivers mail.  Reads the configuration of Postfix, has
its commands, paths and log lines, and takes its place on a host: main.cf,
master.cf and tables stay as they are." <<-END
	Provides: mail-transport-agent, default-mta, postfix (= $postfix), postfix-pcre (= $postfix)
	Conflicts: mail-transport-agent, postfix, postfix-pcre
	Replaces: mail-transport-agent, postfix, postfix-pcre
	Recommends: ssl-cert, openssl, libsasl2-modules
	Suggests: rohrpost-ldap, rohrpost-mysql, rohrpost-pgsql, rohrpost-sqlite, rohrpost-cdb, rohrpost-lmdb, rohrpost-mongodb, dovecot-core
END

# --- tables that need a client library
for file in "$work"/plugins/postfix-*.so; do
	[ -e "$file" ] || continue
	type=${file##*/postfix-} type=${type%.so}
	install -D -m 644 "$file" \
	    "$work/rohrpost-$type/usr/lib/postfix/postfix-$type.so"
	copyright "rohrpost-$type"
	control "rohrpost-$type" \
	    "rohrpost (= $version), $(depends $(needs "$file"))" \
	    "$type: tables for the mail transport agent Rohrpost" \
	    "Lookups in tables of the type \"$type\"; see ${type}_table(5)." <<-END
	Provides: postfix-$type (= $postfix)
	Conflicts: postfix-$type
	Replaces: postfix-$type
	Enhances: rohrpost
	END
done
# Loaded from the library itself.
copyright rohrpost-lmdb
control rohrpost-lmdb "rohrpost (= $version), liblmdb0" \
    "lmdb: tables for the mail transport agent Rohrpost" \
    "Lookups in tables of the type \"lmdb\"; see lmdb_table(5)." <<-END
	Provides: postfix-lmdb (= $postfix)
	Conflicts: postfix-lmdb
	Replaces: postfix-lmdb
	Enhances: rohrpost
END
ls "$out"/*.deb
