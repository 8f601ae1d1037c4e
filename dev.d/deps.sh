# shellcheck shell=bash
# Installs the packages of packages.txt that are missing. With all of them there, apt is not called and no network is needed.

wanted_packages() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' dev.d/packages.txt; }

missing_packages() {
  local package
  for package in $(wanted_packages); do
    case $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) in
      installed) ;;
      *) printf '%s\n' "$package" ;;
    esac
  done
}

verb_deps() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "these packages are missing, and only root can install them: ${missing[*]}"
  say "installing ${missing[*]}"
  local apt=(apt-get -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 -qq)
  "${apt[@]}" update </dev/null >&2 || say "apt-get update did not succeed everywhere; trying with what it has"
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >&2
}
