# shellcheck shell=bash
# What the scripts share: the distribution's packages, configuring, building. To be sourced by bash.
#
# Everything here talks on stderr: stdout belongs to the program that is run at the end.
# install: yes (do not ask), no-install (refuse) or ask.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
install=${CI:+yes}
install=${install:-ask}

# Named alike by Debian 12 and 13 and Ubuntu 24.04. `a|b`: one of them is enough, the first is installed.
build_packages=(g++ cmake ninja-build 'pkg-config|pkgconf' libsqlite3-dev zlib1g-dev libdeflate-dev libxxhash-dev libssl-dev
  libcurl4-openssl-dev libexpat1-dev libfmt-dev libcli11-dev nlohmann-json3-dev)
# --engine isal; the distributions have it for these only.
case $(dpkg --print-architecture 2>/dev/null) in
  amd64 | arm64) build_packages+=(libisal-dev) ;;
esac
test_packages=("${build_packages[@]}" catch2 python3 xz-utils libarchive-tools 'busybox|busybox-static' pigz 'p7zip-full|7zip' curl)

say() { printf '%s\n' "$*" >&2; }

missing_packages() {
  local -A present=()
  local names name choice
  mapfile -t names < <(printf '%s\n' "$@" | tr '|' '\n')
  while read -r name; do
    present[$name]=1
  done < <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${names[@]}" 2>/dev/null | sed -n 's/^installed //p')
  for choice; do
    for name in ${choice//|/ }; do
      [[ -z ${present[$name]:-} ]] || continue 2
    done
    printf '%s\n' "${choice%%|*}"
  done
}

# Leaves with 2 and the line to type when packages are missing and may not or cannot be installed.
ensure_packages() {
  local missing answer sudo='' line
  if ! command -v dpkg-query >/dev/null; then
    say "dpkg-query was not found, so packages are not checked; this needs what Debian calls: $*"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || sudo=sudo
  line="${sudo:+sudo }apt-get install ${missing[*]}"
  say "missing packages: ${missing[*]}"
  if [[ $install == ask && -t 0 && -t 2 ]]; then
    read -r -p "Install them with apt-get now? [y/N] " answer || answer=''
    [[ $answer != [yY]* ]] || install=yes
  fi
  if [[ $install != yes ]]; then
    say "Run this again with --yes, or after"
    say "    $line"
    exit 2
  fi
  if [[ $sudo ]] && ! command -v sudo >/dev/null; then
    say "there is no sudo here: as root, type"
    say "    apt-get install ${missing[*]}"
    exit 2
  fi
  $sudo apt-get update >&2 || say "apt-get update failed; going on with the package lists that are there"
  if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >&2; then
    say "apt-get could not install the packages; the line was"
    say "    $line"
    exit 1
  fi
}

# What the preset asan is built with.
ensure_clang() {
  ensure_packages clang
  local version
  version=$(clang -dumpversion)
  ensure_packages "libclang-rt-${version%%.*}-dev"
}

# A build folder that was copied along with its checkout builds the checkout that it came from.
configured_here() {
  [[ -e $1/build.ninja ]] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$1/CMakeCache.txt"
}

configure() {
  local preset=$1
  shift
  if ! configured_here "build/$preset"; then
    cmake --fresh --preset "$preset" "$@"
  elif [[ ${CI:-} ]]; then
    cmake --preset "$preset" "$@"
  fi
}

compile() {
  [[ $(cmake --build --preset "$1" -- -n 2>&1) == *'no work to do'* ]] || cmake --build --preset "$1"
}

# build PRESET [CMAKE ARGUMENT...]: the arguments count only where build/PRESET is not configured yet, or CI is set.
build() {
  local folder=$root/build/$1
  if ! mkdir -p "$folder" 2>/dev/null || [[ ! -w $folder ]]; then
    say "cannot write in $folder: the build goes into the checkout."
    say "Take a copy of the checkout that belongs to you, or, when another user has built here, remove $root/build."
    exit 2
  fi
  # The lock: ninja does not stand two of itself in one folder.
  if ! (cd "$root" && flock 9 && configure "$@" && compile "$1") 9>"$folder/.lock" >&2; then
    say "the build of $folder failed; its messages are above"
    exit 1
  fi
}
