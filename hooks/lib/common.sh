# What notify-mail and notify-webhook share. Sourced, not run.
#
# The facts of an event come in BATON_* variables and hold text from anywhere: a server's banner, a
# policy's words. Nothing here evaluates it, and it goes into a line only after one_line.
# shellcheck shell=sh disable=SC2034

export LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
program=${0##*/}
conf=${BATON_NOTIFY_CONF:-/etc/baton/notify.conf}

# Exit codes as in sysexits(3).
EX_TEMPFAIL=75
EX_CONFIG=78

give_up() { # CODE WORD...
    code=$1
    shift
    printf '%s: %s\n' "$program" "$*" >&2
    exit "$code"
}

# The settings hold where secrets are: nobody else may read or change them.
check_settings() {
    [ -f "$conf" ] || give_up $EX_CONFIG "no settings in $conf; start from notify.conf.sample"
    [ -r "$conf" ] || give_up $EX_CONFIG "can't read $conf as user $(id -un)"
    [ -z "$(find -L "$conf" -prune -perm /027)" ] ||
        give_up $EX_CONFIG "$conf may be read or changed by others: chmod 640 it"
}

# setting NAME [DEFAULT]: the last "NAME = value" in the settings.
setting() {
    value=$(sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$conf" |
        sed -n '$s/[[:space:]]*$//p')
    printf '%s' "${value:-${2-}}"
}

# setting_number NAME DEFAULT LEAST MOST
setting_number() {
    number=$(setting "$1" "$2")
    case $number in
    '' | *[!0-9]* | ?????*) ;;
    *) [ "$number" -lt "$3" ] || [ "$number" -gt "$4" ] || { printf '%s' "$number" && return; } ;;
    esac
    give_up $EX_CONFIG "$conf: $1 must be a number from $3 to $4"
}

# secret NAME: the first line of the file that the setting NAME names; nothing where it is not set.
secret() {
    secret_file=$(setting "$1")
    [ -n "$secret_file" ] || return 0
    [ -r "$secret_file" ] || give_up $EX_CONFIG "$conf: can't read $1 $secret_file"
    head -n 1 "$secret_file"
}

one_line() { printf '%s' "$1" | tr '\000-\037\177' ' ' | cut -c "1-${2:-200}"; }

# A line of curl's configuration: option = "value". Keeps secrets off the command line.
curl_option() {
    printf '%s = "%s"\n' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')"
}

# What happened, in one sentence.
sentence() {
    case ${BATON_EVENT:-} in
    failover) what="failover begins" ;;
    failback) what="planned move begins" ;;
    completed) what="move completed and verified" ;;
    cancelled) what="move cancelled, nothing changed hands" ;;
    failed) what="move FAILED and was undone" ;;
    rogue) what="a node serves WITHOUT THE BATON and is stopped" ;;
    remedy) what="a remedy is tried" ;;
    hold) what="ON HOLD: no move until somebody decides" ;;
    paused) what="paused" ;;
    resumed) what="resumed" ;;
    adopted) what="the serving node was found and left as it is" ;;
    unready) what="not ready for a move: ${BATON_WHY:-something is not as it must be}" ;;
    ready) what="ready for a move again" ;;
    transition) what="${BATON_FROM:-?} to ${BATON_TO:-?}" ;;
    *) what=${BATON_EVENT:-no event} ;;
    esac
    one_line "${BATON_GROUP:-?}: $what${BATON_NODE:+, node $BATON_NODE}" 160
}

when() { printf '%s' "${BATON_TIME:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}"; }
