# shellcheck shell=bash
# Installs the packages of packages.txt that are missing (with --vm: of packages-vm.txt too). With all of them there, apt is not
# called and no network is needed.

wanted_packages() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"; }

# Installed, or provided by something that is: nodejs from elsewhere brings npm along and would conflict with Debian's.
present_packages() {
  dpkg-query --show --showformat='${db:Status-Status}|${Package}, ${Provides}\n' |
    sed -n -e 's/^installed|//p' | tr ',' '\n' | sed -e 's/^ *//' -e 's/[ :(].*//' -e '/^$/d'
}

missing_packages() { wanted_packages "$@" | grep -vxFf <(present_packages); }

# The engines' packages would start their daemons; the tests start their own. This is how Debian lets an administrator say no.
without_services() {
  local refusal=/usr/sbin/policy-rc.d
  if [ -e "$refusal" ]; then
    "$@"
    return
  fi
  local code=0
  printf '#!/bin/sh\nexit 101\n' >"$refusal"
  chmod 0755 "$refusal"
  "$@" || code=$?
  rm -f "$refusal"
  return "$code"
}

verb_deps() {
  local lists=(dev.d/packages.txt) missing
  case ${1:-} in
    '') ;;
    --vm) lists+=(dev.d/packages-vm.txt) ;;
    *) die "deps: unknown argument '$1'; accepted: --vm" ;;
  esac
  mapfile -t missing < <(missing_packages "${lists[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "these packages are missing, and only root can install them: ${missing[*]}"
  say "installing ${missing[*]}"
  local apt=(apt-get -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 -qq)
  "${apt[@]}" update </dev/null >&2 || say "apt-get update did not succeed everywhere; trying with what it has"
  without_services "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >&2
}
