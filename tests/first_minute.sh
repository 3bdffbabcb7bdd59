#!/usr/bin/env bash
# Run the README's two commands, copied whole, as a new user with an empty home: tests/first_minute.sh [BEFORE]
#
# BEFORE is a command that the user gives first, such as 'python3 -m venv ~/mine && . ~/mine/bin/activate'. Only root may
# make a user, on a machine that may lose one. The last commit is tested; only the first tests are run. The user gets the
# variables of pip, uv, proxies and certificates, and nothing else of the environment.
set -euo pipefail
cd "$(dirname "$0")/.."

before=${1:-true}
user=first-minute-$$
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
useradd --create-home --shell /bin/bash "$user"
home=$(getent passwd "$user" | cut -d: -f6)

as_user() {
    mapfile -t given < <(env | grep -iE '^(pip|uv|ssl|https?|no|all)_[a-z_]+=' || true)
    runuser -u "$user" -- env -i "${given[@]}" HOME="$home" USER="$user" PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
        bash -c "cd ~/checkout && $before && $1"
}

# The first command of a section of the README.
command_of() { sed -n "/^## $1\$/,/^## /p" README.md | sed -n '/^```$/,/^```$/p' | sed -n 2p; }

remove_user() {
    if test -n "${demo:-}"; then kill -INT -- "-$demo" 2>/dev/null && wait "$demo" || :; fi
    as_user '.venv/bin/python -m config.localdb stop; .venv/bin/python -m config.localdb stop --test' || :
    userdel --remove "$user" 2>/dev/null
}
trap remove_user EXIT

mkdir "$home/checkout"
git archive HEAD | tar -x -C "$home/checkout"
chown -R "$user:" "$home"

demo_command=$(command_of 'See it')
test_command=$(command_of 'Test it')

printf '== %s\n' "$demo_command"
set -m
as_user "$demo_command --port $port" &
demo=$!
set +m
until python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/')" 2>/dev/null; do
    kill -0 "$demo" 2>/dev/null || { echo "The demo ended before it served."; exit 1; }
    sleep 1
done
echo "The demo serves after $SECONDS s."

printf '== %s\n' "$test_command"
as_user "$test_command tests/core/test_rounding.py tests/loyalty/test_points.py tests/config/test_demo_plan.py"
