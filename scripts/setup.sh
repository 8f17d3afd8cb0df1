# Sourced by ./linchpin and scripts/run with $root set to the repository. Makes sure that the pinned Node, pnpm and all
# packages are installed, then puts them on PATH. When nothing changed this costs two file comparisons.

say() { echo "linchpin: $*" >&2; }
die() { say "$*"; exit 1; }

# A stamp is a copy of the lock file that was installed last.
current() { cmp -s "$1" "$2"; }

# Runs a command quietly: one line at the start, one every ten seconds, one at the end; its output only when it fails.
progress() {
  what=$1
  shift
  log=$root/.cache/setup.log
  begin=$(date +%s)
  say "$what ..."
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  job=$!
  trap 'kill "$job" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.2
    elapsed=$(($(date +%s) - begin))
    [ "$elapsed" -lt "${next:=10}" ] || { say "$what ... $elapsed s"; next=$((next + 10)); }
  done
  wait "$job" || { status=$?; cat "$log" >&2; die "$what failed (exit code $status); the output is above and in $log"; }
  trap - INT TERM
  unset next
  say "$what: done in $(($(date +%s) - begin)) s"
}

require_npm() {
  PATH=$system_path
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 ||
    die "Node.js 20 or newer and npm must be installed first (see https://nodejs.org)"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || die "Node.js $major is too old to install the packages: 20 or newer is needed"
}

# Runs on the system's Node: the pinned one may be about to be replaced. npm takes an optional package that it could not
# get for installed, and the platform's Node is one.
install_toolchain() {
  (require_npm) || exit
  progress "installing the toolchain (Node 26 and pnpm, 90 MB to download)" \
    env PATH="$system_path" npm ci --prefix "$root/toolchain" --ignore-scripts --no-audit --no-fund
  ln -sf "../@pnpm/exe.$platform/pnpm" "$toolchain/.bin/pnpm"
  [ -x "$toolchain/.bin/node" ] && [ -x "$toolchain/.bin/pnpm" ] ||
    die "npm did not install Node and pnpm for $platform; see $root/.cache/setup.log"
  cp "$root/toolchain/package-lock.json" "$toolchain/.stamp"
}

# CI=true: pnpm must not ask before it replaces a node_modules folder.
install_packages() {
  progress "installing the packages" \
    env CI=true "$toolchain/.bin/pnpm" --dir "$root" install --frozen-lockfile
  cp "$root/pnpm-lock.yaml" "$root/node_modules/.stamp"
}

toolchain_current() { current "$root/toolchain/package-lock.json" "$toolchain/.stamp"; }
packages_current() { current "$root/pnpm-lock.yaml" "$root/node_modules/.stamp"; }

toolchain=$root/toolchain/node_modules
case $(uname -sm) in
  "Linux x86_64") platform=linux-x64 ;;
  "Linux aarch64") platform=linux-arm64 ;;
  *) die "there is no pinned Node for $(uname -sm); Linux on x86_64 or aarch64 is needed" ;;
esac
# Before anything is installed: as soon as the pinned Node is there, it is the one that pnpm meets.
system_path=$PATH
PATH=$toolchain/.bin:$root/node_modules/.bin:$PATH
NODE_COMPILE_CACHE=$root/.cache/node
export PATH NODE_COMPILE_CACHE

if ! toolchain_current || ! packages_current; then
  mkdir -p "$root/.cache"
  # The kernel gives the lock back however we end; whoever waited finds everything done.
  exec 9>"$root/.cache/setup.lock"
  flock -n 9 || { say "waiting for another setup of $root"; flock 9; }
  toolchain_current || install_toolchain
  packages_current || install_packages
  exec 9>&-
fi
