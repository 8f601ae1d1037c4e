# shellcheck shell=bash
# Puts the release build where an engine looks for it. DESTDIR and PREFIX as make install knows them.

. dev.d/man.sh

verb_install() {
  verb_deps
  build_release
  build_manuals
  local prefix=${DESTDIR:-}${PREFIX:-/usr} page
  install -D -m 0755 build/bin/warder "$prefix/bin/warder"
  install -D -m 0755 build/bin/warder-init "$prefix/libexec/warder/warder-init"
  install -d -m 0755 "$prefix/share/warder/profiles"
  install -m 0644 profiles/*.yaml profiles/profile.schema.json "$prefix/share/warder/profiles/"
  install -D -m 0644 contrib/containers.conf.d/50-warder.conf "$prefix/share/warder/containers.conf.d/50-warder.conf"
  for page in build/man/*.[1-9]; do
    install -D -m 0644 "$page" "$prefix/share/man/man${page##*.}/$(basename "$page")"
  done
}
