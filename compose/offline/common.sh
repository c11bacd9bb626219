# shellcheck shell=bash
# What the scripts of compose/offline share: how they speak, where they cache, and which mirror the machine's apt uses.
# Sourced, from the repository's root.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/thanotopolis-lab

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Installs Debian packages, for a command that is missing: need_command COMMAND PACKAGE...
need_command() {
    local command=$1
    shift
    if command -v "$command" >/dev/null; then
        return
    fi
    command -v apt-get >/dev/null || die "there is no $command here and no apt-get to install it with: install $* by hand."
    [ "$(id -u)" = 0 ] || die "there is no $command here, and only root can install it: run 'apt-get install $*' as root."
    say "installing $* for $command"
    apt_lists
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "$@" >/dev/null
}

# Fetches apt's package lists unless it has those of a Debian mirror.
apt_lists() {
    [ -n "$(debian_mirror)" ] || apt-get update --quiet=2 >/dev/null
}

# The address of the Debian mirror that this machine's apt uses, nothing when apt knows none yet.
debian_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "main" && $3 !~ /-/ { print $4; exit }'
}
